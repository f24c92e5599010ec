# Zimbra: its MTA is a Postfix, and the milter sees each mail with its true envelope.
# The journal is for copies that Zimbra's own archiving or a Bcc setting makes; leave
# it out when the milter is all you use.

server {
  data     = "/var/lib/daybook"
  hostname = "journal.example.com"
}

tenant "example" {
  domains = ["example.com"]
}

# On the MTA's machine, or on a network that nobody else is in: a milter has no
# passwords and no encryption.
milter "zimbra" {
  listen = "tcp:127.0.0.1:8891"
}

smtp "journal" {
  listen   = "tcp::25"
  tls_cert = "/etc/daybook/tls/fullchain.pem"
  tls_key  = "/etc/daybook/tls/privkey.pem"
}

# amavisd writes the envelope into two fields at the top of the copies that it makes.
journal "zimbra-copies" {
  description     = "archive copies of Zimbra"
  via             = ["journal"]
  address         = "zimbra-w6c3rkx5jt2vq7mhn4pzlbya@journal.example.com"
  format          = "plain"
  header_envelope = ["X-Envelope-From", "X-Envelope-To"]
  allow_from      = ["10.1.0.30"]
  tls             = "required"
}

test "the milter: a blind copy" {
  source     = "zimbra"
  sender     = "kim@example.com"
  recipients = ["a@elsewhere.example", "lee@example.com"]
  expect {
    action = "archive"
    rule   = ""
  }
}
