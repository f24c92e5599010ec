# The rules are tried in this order, and the first one that matches decides. Mail
# that no rule matches is judged by the words of the milter, here
# unknown_internal, and else archived.

# The monitoring host writes to alerts@ every minute of the day. Nothing of that
# is kept but a record that it came.
#
# A rule that skips has to be narrow. This one asks for the host's address, which
# a sender cannot choose, and for its only recipient: what the host writes to
# anybody else is archived like all other mail.
rule "monitoring" {
  when = (
    client.address == "192.168.10.9" &&
    length(recipients) == 1 &&
    contains(recipients[*].address, "alerts@brook.example")
  )
  action = "skip"
  reason = "status mail of the monitoring"
}

# Contracts and disputes are tagged, so that "daybook list --tag legal" finds them.
# The rule stands before those that quarantine: such mail is never set apart.
# primary is the first address of a line in people.addresses, so this holds for
# contracts@ too.
rule "legal" {
  when = (
    sender.primary == "legal@brook.example" ||
    contains(recipients[*].primary, "legal@brook.example") ||
    matches(message.subject, "(?i)\\b(contract|agreement|dispute|claim)\\b")
  )
  action = "archive"
  tags   = ["legal"]
}

# What the spam filter has marked is kept and listed apart. The filter must stand
# before Daybook in Postfix's smtpd_milters, or the field is not there yet. Anybody
# can write this field; the worst that comes of it is that mail is set apart, for
# nothing is ever lost by quarantine.
rule "spam" {
  when   = direction == "inbound" && upper(header("X-Spam-Flag")) == "YES"
  action = "quarantine"
  tags   = ["spam"]
  reason = "marked by the spam filter"
}

# Mail that its writer marks as private or personal (the Sensitivity field, RFC 2156) is
# set apart, so that who searches the archive does not come upon it by chance.
rule "private" {
  when   = contains(["private", "personal"], lower(header("Sensitivity")))
  action = "quarantine"
  tags   = ["private"]
  reason = "marked as private by its writer"
}
