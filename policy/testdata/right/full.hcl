# Every block and key of the ways in.
server {
  data        = "archive"
  hostname    = "archive.example.com"
  min_free    = "1GiB"
  max_message = 157286400
  max_in_flight = "2GiB"
  control     = "unix:/run/daybook/control.sock"
  metrics     = "tcp:127.0.0.1:9825"
  log_level   = "debug"
  log_format  = "json"
}

tenant "acme" {
  description = "Acme Ltd, contract 4711"
  domains     = ["Acme.Example", "*.acme.test", "bücher.example."]
  delimiter   = "+"
}

tenant "globex" {
  domains = ["globex.example", "acme.test"]
}

milter "edge" {
  listen           = "unix:/run/daybook/milter.sock"
  tenants          = ["acme", "globex"]
  unclaimed        = "acme"
  on_failure       = "accept"
  max_message      = "50 MiB"
  non_internal     = "skip"
  unknown_internal = "quarantine"
  max_age          = "2w"
  on_old           = "quarantine"
  inactivity       = "1h30m"
  suspended        = true
  log              = false
  extended_dedup {
    window = "0"
    match  = "message-id"
  }
}

lmtp "local" {
  listen         = "127.0.0.1:8024"
  max_message    = "200MB"
  max_recipients = 1000
  tls_cert       = "/etc/daybook/journal.crt"
  tls_key        = "journal.key"
}

smtp "outside" {
  listen                     = "[::]:25"
  tls_cert                   = "journal.crt"
  tls_key                    = "journal.key"
  tls_on_connect             = true
  client_ca                  = "ca.crt"
  proxies                    = ["10.0.0.0/8", "2001:db8::1"]
  max_connections            = 200
  max_connections_per_client = 20
  messages_per_minute        = 600
}

smtp "spare" {
  listen    = "[::]:2525"
  tenant    = "globex"
  suspended = true
}

journal "exchange" {
  description       = "Exchange of the head office"
  tenant            = "acme"
  address           = "Journal+acme@Archive.Example."
  via               = ["outside"]
  format            = "envelope"
  header_envelope   = ["X-Envelope-From", "X-Envelope-To"]
  allow_from        = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]
  tls               = "required"
  prefer_clear_text = false
  hide_headers      = []
  inactivity        = "0"
  auth {
    user          = "exchange"
    password_file = "exchange.password"
  }
}

journal "rest" {
  tenants   = ["globex", "acme"]
  unclaimed = "globex"
  via       = ["lmtp", "local", "outside"]
  format    = "plain"
}
