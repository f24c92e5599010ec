smtp "in" {
  listen   = "tcp::25"
  tls_cert = "in.crt"
  tls_key  = "in.key"
}
journal "a" {
  address = "a@example.com"
  auth {
    user          = "exchange"
    password_file = "one.password"
  }
}
journal "b" {
  address = "b@example.com"
  auth {
    user          = "exchange"
    password_file = "two.password"
  }
}
journal "c" {
  address = "c@example.com"
  auth {
    user          = "caf\u00e9"
    password_file = "two.password"
  }
}
