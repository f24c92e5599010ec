# Exchange on premises: its servers deliver journal reports by a Send connector that
# logs in after TLS. Change the names, addresses and networks; README.md says where
# each comes from.

server {
  data        = "/var/lib/daybook"
  hostname    = "journal.example.com" # the name in the certificate
  max_message = "200MiB"              # a report is larger than the message inside
}

# All accepted domains of Exchange.
tenant "example" {
  domains = ["example.com", "example.local"]
}

smtp "journal" {
  listen   = "tcp::25"
  tls_cert = "/etc/daybook/tls/fullchain.pem"
  tls_key  = "/etc/daybook/tls/privkey.pem"
}

journal "exchange" {
  description = "journal reports of Exchange"
  via         = ["journal"]
  address     = "exchange-jjmhhzfv5z6m4jqvyqzwp2ya@journal.example.com"
  allow_from  = ["10.1.0.20", "10.1.0.21"] # all transport servers that send
  tls         = "required"

  auth {
    user          = "exchange-journal"
    password_file = "exchange.password"
  }

  # None of our addresses: an accepted domain is missing above. Kept, and shown.
  non_internal = "quarantine"
  inactivity   = "2h" # Exchange's own health checks come more often
}

test "mail within the company" {
  sender     = "kim@example.com"
  recipients = ["lee@example.com"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "an accepted domain that is not listed" {
  sender     = "kim@forgotten.example"
  recipients = ["a@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    action = "quarantine"
    rule   = "non_internal"
  }
}
