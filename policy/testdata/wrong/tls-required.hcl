lmtp "local" { listen = "tcp:127.0.0.1:8024" }
smtp "in" {
  listen   = "tcp::25"
  tls_cert = "in.crt"
  tls_key  = "in.key"
}
journal "exchange" { tls = "required" }
