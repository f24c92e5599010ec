lmtp "local" { listen = "tcp:127.0.0.1:8024" }
smtp "in" { listen = "tcp::25" }
journal "exchange" {
  address = "journal@archive.example"
  via     = ["in"]
}
journal "google" {
  address = "Journal@Archive.Example"
}
