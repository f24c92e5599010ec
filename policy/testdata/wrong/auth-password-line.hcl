smtp "in" { listen = "tcp::25" }
journal "exchange" {
  address = "a@archive.example"
  auth { password = "correct horse battery staple" }
}
journal "google" {
  address = "b@archive.example"
  auth {
    user     = "google"
    pasword  = "correct horse battery staple"
  }
}
