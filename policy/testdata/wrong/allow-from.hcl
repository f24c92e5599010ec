smtp "in" { listen = "tcp::25" }
journal "exchange" {
  allow_from = [
    "10.0.0.1/8",
    "192.0.2.300",
    "2001:db8::/129",
    "mail.example.com",
    "::ffff:10.0.0.0/104",
    "",
  ]
}
