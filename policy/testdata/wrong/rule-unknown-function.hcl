rule "a" {
  when   = regex(message.subject, "x")
  action = "archive"
}
rule "b" {
  when   = match(message.subject, "x")
  action = "archive"
}
