test "a" {
  source     = "milter"
  recipients = ["a@example.com"]
}
