rule "a" {
  when   = cidr_contains("10.0.0.0/33", client.address)
  action = "archive"
}
rule "b" {
  when   = cidr_contains(client.address, "10.0.0.0/8")
  action = "archive"
}
