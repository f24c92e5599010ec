milter "edge" {
  listen = "tcp:127.0.0.1:8891"
  auth { user = "x" }
}
