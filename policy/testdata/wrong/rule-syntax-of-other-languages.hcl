rule "a" {
  when   = sender.internal and recipients[*].internal
  action = "archive"
}
