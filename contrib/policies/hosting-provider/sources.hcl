# The first mail server, mx, asks Daybook about all mail, by way of a milter. It
# has customers of every kind: the mail belongs to each tenant that has an address
# in it, and each decides for itself.
milter "mx" {
  listen  = "tcp:10.20.0.5:8891"
  tenants = ["harbor", "birch"]

  # Mail in which neither has an address, as spam that mx sends on by mistake. It is
  # archived too, and has to be somebody's.
  unclaimed = "harbor"

  # Only birch has a list, so this is for birch alone: mail of an address that the
  # firm has not told us is kept and listed apart.
  unknown_internal = "quarantine"

  # A quiet quarter of an hour at this size means that something is broken.
  inactivity = "15m"
}

# Dune's outgoing server carries the mail of dune's clients as well. That is not
# dune's to keep: of mail without any address of dune only a record is made. A
# milter is told the envelope by the mail server, so this goes by who really sends
# and receives, and not by what a header says.
milter "dune" {
  listen       = "tcp:10.20.0.5:8892"
  tenant       = "dune"
  non_internal = "skip"
}

# The second mail server, groupware, knows no milters. Its Postfix sends copies, by
# sender_bcc_maps and recipient_bcc_maps: those of each customer's domains to an
# address of the customer's own.
lmtp "copies" {
  listen = "tcp:10.20.0.5:8024"
}

# The envelope of a copy names the journal address only, and From, To and Cc are what
# the sender writes. So it is the address, which the mail server chooses, that tells
# whose mail it is; recipients are not known, and nothing is skipped because of them.
# A copy for two customers has both addresses, and each gets it.
journal "groupware-harbor" {
  description = "copies of groupware for harbor"
  address     = "harbor@daybook.invalid"
  format      = "plain"
  allow_from  = ["10.20.0.12"]
  tenant      = "harbor"
  inactivity  = "12h" # nobody works there at night
}

journal "groupware-birch" {
  description = "copies of groupware for birch"
  address     = "birch@daybook.invalid"
  format      = "plain"
  allow_from  = ["10.20.0.12"]
  tenant      = "birch"
  inactivity  = "3d"
}

journal "groupware-dune" {
  description = "copies of groupware for dune"
  address     = "dune@daybook.invalid"
  format      = "plain"
  allow_from  = ["10.20.0.12"]
  tenant      = "dune"
  inactivity  = "3d"
}
