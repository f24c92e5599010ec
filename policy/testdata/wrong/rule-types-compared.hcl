rule "size" {
  when   = message.size == "4096"
  action = "archive"
}
rule "domain" {
  when   = sender.domain == 5
  action = "archive"
}
rule "greater" {
  when   = message.size > "10MiB"
  action = "archive"
}
rule "list" {
  when   = message.to == "a@example.com"
  action = "archive"
}
