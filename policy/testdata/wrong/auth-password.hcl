smtp "in" { listen = "tcp::25" }
journal "exchange" {
  auth {
    user     = "exchange"
    password = "correct horse battery staple"
  }
}
