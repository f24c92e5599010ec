test "a" {
  source = "milter"
  expect { action = "archive" }
}
test "a" {
  source = "lmtp"
  expect { action = "archive" }
}
