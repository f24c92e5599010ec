smtp "in" { listen = "tcp::25" }
journal "exchange" {
  format = "exchange"
  tls    = "require"
}
