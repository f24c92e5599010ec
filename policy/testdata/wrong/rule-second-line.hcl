rule "a" {
  when = source == "milter"
    && direction == "inbound"
  action = "archive"
}
