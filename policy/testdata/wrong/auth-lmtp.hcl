lmtp "local" { listen = "tcp:127.0.0.1:8024" }
smtp "in" { listen = "tcp::25" }
journal "exchange" {
  auth {
    user          = "exchange"
    password_file = "../right/exchange.password"
  }
}
