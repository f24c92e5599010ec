# Rules of one tenant begin with tenant == "...": a message that is the mail of two
# tenants is tried for each apart. The first rule that matches decides.

# --- harbor ---

# Two hosts, 10.20.0.8 and 10.20.0.9, send a message through mx every minute. A
# sender cannot choose the address that he connects from.
rule "harbor-probe" {
  when = (
    tenant == "harbor" &&
    cidr_contains("10.20.0.8/31", client.address) &&
    length(recipients) == 1 &&
    contains(recipients[*].address, "probe@harbor.example")
  )
  action = "skip"
  reason = "our own probe"
}

# Complaints are answered within two days: "daybook list --tag abuse" has them.
rule "harbor-abuse" {
  when   = tenant == "harbor" && any([for r in recipients : starts_with(r.address, "abuse@")])
  action = "archive"
  tags   = ["abuse"]
}

# --- birch ---

# What courts send and get, whatever it is about. It stands first, so that it is
# never set apart.
rule "birch-court" {
  when = (
    tenant == "birch" &&
    (ends_with(sender.domain, ".justice.example") ||
    any([for r in recipients : ends_with(r.domain, ".justice.example")]))
  )
  action = "archive"
  tags   = ["court"]
}

# The firm writes the number of the case into the subject, as in [BP-2026-0117].
rule "birch-case" {
  when   = tenant == "birch" && matches(message.subject, "\\[BP-[0-9]{4}-[0-9]{4}\\]")
  action = "archive"
  tags   = ["case"]
}

# Large files to strangers are looked at by a partner.
rule "birch-large" {
  when = (
    tenant == "birch" &&
    direction == "outbound" &&
    message.has_attachment &&
    message.size > size("20MiB")
  )
  action = "quarantine"
  reason = "a large file leaves the firm"
}

# --- dune ---

# Campaigns go to thousands, and the campaign tool keeps its own record of each.
# The tool has its own login, which the mail server has checked: nobody gets here by
# what stands in a message.
rule "dune-campaign" {
  when   = tenant == "dune" && client.user == "campaigns" && client.tls
  action = "skip"
  reason = "kept by the campaign tool, contract 2107, annex B"
}
