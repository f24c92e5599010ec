milter "edge" {
  on_failure = "accept"
}
