smtp "in" { listen = "tcp::25" }
journal "exchange" {
  address = "a@archive.example"
  auth { user = "exchange" }
}
journal "google" {
  address = "b@archive.example"
  auth { password_file = "../right/exchange.password" }
}
