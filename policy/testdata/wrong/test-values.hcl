test "a" {
  source     = "milter"
  recipients = "a@example.com"
  received   = "yesterday"
  size       = "large"
  client {
    address = "mail.example.com"
  }
  header = {
    "Sub ject" = "x"
    "X-Y"      = "a\r\nBcc: b@example.com"
  }
  expect {
    action = "archive"
  }
}
