milter "edge" {
  listen         = "tcp:127.0.0.1:8891"
  extended_dedup = "10m"
}
