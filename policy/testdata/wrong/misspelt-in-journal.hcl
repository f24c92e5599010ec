smtp "in" { listen = "tcp::25" }
journal "exchange" {
  adress     = "journal@archive.example"
  allow_form = ["192.0.2.0/24"]
  suspend    = true
  Auth {
    user = "exchange"
  }
}
