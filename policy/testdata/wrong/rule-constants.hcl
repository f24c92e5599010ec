rule "a" {
  when   = message.size > size("10 megs")
  action = "archive"
}
rule "b" {
  when   = message.age > duration("a week")
  action = "archive"
}
rule "c" {
  when   = received > time("yesterday")
  action = "archive"
}
