# Google Workspace: Gmail delivers plain copies of the mail to port 25, one for each
# recipient. It cannot log in: the address, which nobody can guess, and its networks
# keep others out.

server {
  data     = "/var/lib/daybook"
  hostname = "journal.example.com" # the name in the certificate
}

# The primary domain, secondary domains and domain aliases.
tenant "example" {
  domains = ["example.com", "example.com.test-google-a.com"]
}

smtp "journal" {
  listen   = "tcp::25"
  tls_cert = "/etc/daybook/tls/fullchain.pem" # of a public authority
  tls_key  = "/etc/daybook/tls/privkey.pem"
}

journal "google" {
  description = "copies of Google Workspace"
  via         = ["journal"]
  address     = "google-q4n7vxk2d6p5wzt3hjc8bmra@journal.example.com"
  format      = "plain"
  tls         = "required"

  # Who got this copy. The setting "Add X-Gm-Original-To header" must be on.
  header_envelope = ["X-Gm-Original-To"]

  # Google's mail servers. README.md says how to get the list that is right today: a
  # copy from a network that is missing is refused, and Google does not try again.
  allow_from = [
    "35.190.247.0/24", "35.191.0.0/16", "64.233.160.0/19", "66.102.0.0/20",
    "66.249.80.0/20", "72.14.192.0/18", "74.125.0.0/16", "108.177.0.0/17",
    "130.211.0.0/22", "142.250.0.0/15", "172.217.0.0/16", "172.253.0.0/16",
    "173.194.0.0/16", "209.85.128.0/17", "216.58.192.0/19", "216.239.32.0/19",
    "2001:4860:4000::/36", "2404:6800:4000::/36", "2607:f8b0:4000::/36",
    "2800:3f0:4000::/36", "2a00:1450:4000::/36", "2c0f:fb50:4000::/36",
    "2600:1901:101::/48",
  ]

  inactivity = "6h"
}

test "a copy that says who got it" {
  sender     = ""
  recipients = ["anna@example.com"]
  journal { kind = "header" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "a copy that does not say who got it" {
  expect {
    action = "archive"
    rule   = ""
  }
}
