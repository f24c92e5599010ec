# One office, one Postfix, one domain.
#
# Daybook reads all *.hcl files of this folder together, as if they were one:
# here are the ways in, rules.hcl says what is special, tests.hcl proves it.

server {
  data     = "/var/lib/daybook"
  hostname = "archive.brook.example"
  min_free = "5GiB" # below this, Postfix is asked to try again later
  metrics  = "tcp:127.0.0.1:9825"
}

tenant "brook" {
  description = "Brook & Daughters, Leeds"
  domains     = ["brook.example"]

  # anna+fair@brook.example is anna@brook.example.
  delimiter = "+"

  # Everybody who has a mailbox. An address of brook.example that is not in this
  # file is an unknown one: see unknown_internal below.
  known_files = ["people.addresses"]
}

milter "postfix" {
  listen = "unix:/run/daybook/milter.sock"

  # While Daybook is away Postfix answers 451 and the senders come back: no mail
  # passes without a copy. With "accept" mail would pass unarchived.
  on_failure = "tempfail"

  # Mail from or to an address of the office that nobody has: a typing error, a
  # guess of a spammer, or somebody who is missing in people.addresses. It is kept
  # and listed apart until someone has looked at it.
  unknown_internal = "quarantine"
}
