test "a" {
  source     = "milto"
  recipients = ["a@example.com"]
  expect {
    action = "archived"
    rule   = "spam"
    tenant = "acme"
  }
}
rule "spam2" {
  when   = direction == "inbound"
  action = "quarantine"
}
