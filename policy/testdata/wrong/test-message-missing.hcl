test "a" {
  source  = "milter"
  message = "nowhere.eml"
  header  = { Subject = "x" }
  expect {
    action = "archive"
  }
}
