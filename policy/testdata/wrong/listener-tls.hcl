smtp "in" {
  listen         = "tcp::465"
  tls_on_connect = true
  client_ca      = "ca.crt"
}
lmtp "local" {
  listen         = "tcp:127.0.0.1:8024"
  tls_on_connect = true
}
