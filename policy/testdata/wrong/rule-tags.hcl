rule "a" {
  when   = direction == "inbound"
  action = "archive"
  tags   = ["tax", "two words", "tax", ""]
}
rule "b" {
  when   = direction == "outbound"
  action = "archive"
  tags   = "tax"
}
