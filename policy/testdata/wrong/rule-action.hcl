rule "spam" {
  when   = client.address == "192.0.2.1"
  action = "drop"
}
rule "typo" {
  when   = true
  action = "quarantin"
}
