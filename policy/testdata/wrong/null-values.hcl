tenant "acme" {
  domains = ["acme.example", null]
  known   = null
}
milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  log    = null
}
