rule "a" {
  when   = direction == "inbound"
  action = "archive"
}
rule "a" {
  when   = direction == "outbound"
  action = "archive"
}
