rule "a" {
  when   = { domain = "example.com" }
  action = "archive"
}
