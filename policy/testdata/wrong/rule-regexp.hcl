rule "a" {
  when   = matches(message.subject, "*urgent")
  action = "archive"
}
