# Microsoft 365: Exchange Online delivers journal reports to port 25. It cannot log
# in: the address, which nobody can guess, and its networks keep others out.

server {
  data        = "/var/lib/daybook"
  hostname    = "journal.example.com" # the name in the certificate
  max_message = "200MiB"              # 150 MB is Microsoft's limit; a report adds to it
}

# All accepted domains, those of Microsoft included.
tenant "example" {
  domains = ["example.com", "example.onmicrosoft.com", "example.mail.onmicrosoft.com"]
}

smtp "journal" {
  listen   = "tcp::25"
  tls_cert = "/etc/daybook/tls/fullchain.pem" # of a public authority
  tls_key  = "/etc/daybook/tls/privkey.pem"
}

journal "m365" {
  description = "journal reports of Microsoft 365"
  via         = ["journal"]
  address     = "m365-5tq7yzr3mbqk2h6lw4xgdnvf@journal.example.com"
  tls         = "required"

  # Exchange Online, port 25, as Microsoft publishes it. README.md says how to keep
  # this list right: a report from a network that is missing is refused.
  allow_from = [
    "40.92.0.0/15",
    "40.107.0.0/16",
    "52.100.0.0/14",
    "104.47.0.0/17",
    "2a01:111:f400::/48",
    "2a01:111:f403::/48",
  ]

  # Other customers of Microsoft send from these networks too, and reports of theirs
  # have none of our addresses.
  non_internal = "quarantine"
  inactivity   = "6h"
}

test "mail to a mailbox" {
  sender     = "customer@elsewhere.example"
  recipients = ["sam@example.onmicrosoft.com"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "a report of another customer" {
  sender     = "a@elsewhere.example"
  recipients = ["b@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    action = "quarantine"
    rule   = "non_internal"
  }
}
