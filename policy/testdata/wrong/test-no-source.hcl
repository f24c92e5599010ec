test "a" {
  recipients = ["a@example.com"]
  expect {
    action = "archive"
  }
}
