rule "a" {
  when   = header()  == "x"
  action = "archive"
}
rule "b" {
  when   = contains(message.subject)
  action = "archive"
}
rule "c" {
  when   = lower(message.size) == "x"
  action = "archive"
}
