milter "edge" {
  listen         = "tcp:127.0.0.1:8891"
  max_recipients = 100
  address        = "journal@archive.example"
}
journal "exchange" {
  listen = "tcp::25"
}
