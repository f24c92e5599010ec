milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  extended_dedup { window = "10m" }
  extended_dedup { match = "content" }
}
