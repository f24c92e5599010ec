rule "a" {
  when   = message.subject
  action = "archive"
}
rule "b" {
  when   = "true"
  action = "archive"
}
