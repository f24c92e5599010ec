# The gateway, a Postfix, stands between both Exchanges and the world. Its milter
# sees each mail with its true envelope, blind copies included, but not the mail
# within the company: that is what the journals are for.
milter "gateway" {
  listen = "unix:/run/daybook/milter.sock"

  # The same mail comes as a journal report too, some minutes later and with other
  # trace fields. Copies within this time belong to one message; none is left out.
  extended_dedup {
    window = "1h"
    match  = "content"
  }

  # Mail from outside with a Date of long ago has a wrong clock, has been sent once
  # more, or wants to look old. It is kept, flagged and listed apart. Mail is never
  # dropped for its age, because the sender writes the date.
  max_age = "30d"
  on_old  = "quarantine"
}

# Where both Exchanges and the business system deliver. Microsoft 365 delivers to
# port 25 only. Who may deliver, and how, each journal says for itself.
smtp "journal" {
  listen   = "tcp:192.0.2.25:25"
  tls_cert = "/etc/daybook/tls/fullchain.pem"
  tls_key  = "/etc/daybook/tls/privkey.pem"
}

# Exchange on premises: a journal rule sends to a mail contact with this address, by
# a Send connector that has this server as its smart host, with basic authentication
# after TLS. Nobody can guess the address: "daybook journal address exchange" made it.
journal "exchange" {
  description = "journal rule on premises"
  via         = ["journal"]
  address     = "exchange-c2gkrbbwyddduvzmw5x34@journal.alder.example"
  allow_from  = ["10.1.0.20", "10.1.0.21"]
  tls         = "required"

  # The password is no part of the policy, whose text is kept in the archive and read
  # by many. The file's first line is the password, or what SCRAM-SHA-256 stores of
  # it. See the README before you change or keep this line.
  auth {
    user          = "exchange-journal"
    password_file = "exchange.password.example"
  }

  # A report without any of our addresses should not exist. Where one does, an
  # accepted domain is missing in the tenant, or the report is not ours.
  non_internal = "quarantine"

  extended_dedup { window = "1h" }
  inactivity = "2h" # the health checks alone come more often
}

# Microsoft 365: a journal rule with this address, and a connector from Office 365 to
# a partner that always uses TLS. It cannot log in: the address, which nobody can
# guess, and the networks are what keeps others out.
journal "m365" {
  description = "journal rule in Microsoft 365"
  via         = ["journal"]
  address     = "m365-ynkmgwdvll36mkfsgfkag@journal.alder.example"
  tls         = "required"

  # Exchange Online as Microsoft publishes it, "Office 365 URLs and IP address
  # ranges". Other customers of Microsoft send from there too. Compare it twice a year.
  allow_from = [
    "40.92.0.0/15",
    "40.107.0.0/16",
    "52.100.0.0/14",
    "104.47.0.0/17",
    "2a01:111:f400::/48",
    "2a01:111:f403::/48",
  ]

  non_internal = "quarantine"
  max_age      = "10d" # Microsoft gives up a report sooner: older ones were sent again
  on_old       = "quarantine"

  extended_dedup { window = "1h" }
  inactivity = "6h"
}

# The business system sends invoices by an Exim of its own, past both Exchanges, and
# a copy of each to this address. Exim writes the envelope into two fields
# (envelope_to_add and return_path_add). Fields of that name further down in the
# header, which anybody can have written, are not read.
journal "erp" {
  description     = "invoices, by Exim on erp.alder.example"
  via             = ["journal"]
  address         = "erp-n5yjw4cvplrvgrm4xotx2@journal.alder.example"
  format          = "plain"
  header_envelope = ["Envelope-To", "Return-Path"]
  allow_from      = ["10.1.0.40"]
  tls             = "optional"
  inactivity      = "3d"
}
