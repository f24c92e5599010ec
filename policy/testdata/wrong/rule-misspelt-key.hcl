rule "probe" {
  wen    = source == "milter"
  action = "skip"
}
