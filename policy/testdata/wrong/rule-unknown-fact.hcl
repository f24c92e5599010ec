rule "a" {
  when   = recipient.domain == "example.com"
  action = "archive"
}
rule "b" {
  when   = message.subjct == "x"
  action = "archive"
}
rule "c" {
  when   = sender == "a@example.com"
  action = "archive"
}
