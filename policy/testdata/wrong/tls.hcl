lmtp "a" {
  listen   = "tcp:127.0.0.1:8024"
  tls_cert = "a.crt"
}
lmtp "b" {
  listen  = "tcp:127.0.0.1:8025"
  tls_key = "b.key"
}
