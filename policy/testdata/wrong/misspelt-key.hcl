milter "edge" {
  lisen = "tcp:127.0.0.1:8891"
}
