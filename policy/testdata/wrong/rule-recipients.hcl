rule "a" {
  when   = recipients.domain == "example.com"
  action = "archive"
}
rule "b" {
  when   = any(recipients[*].domain == "example.com")
  action = "archive"
}
