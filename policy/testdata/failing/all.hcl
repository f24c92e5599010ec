# Every test in this file fails, and says how.
tenant "acme" {
  domains = ["acme.example"]
  known   = ["anna@acme.example"]
}
tenant "globex" {
  domains = ["globex.example"]
}
milter "edge" {
  listen           = "tcp:127.0.0.1:8891"
  tenants          = ["acme", "globex"]
  unclaimed        = "acme"
  unknown_internal = "quarantine"
  max_age          = "10d"
}
rule "tax" {
  when   = contains(recipients[*].address, "tax@globex.example")
  action = "archive"
  tags   = ["tax", "10y"]
}

test "another action" {
  recipients = ["nobody@acme.example"]
  expect {
    action = "archive"
  }
}
test "another rule" {
  recipients = ["anna@acme.example"]
  expect {
    action = "archive"
    rule   = "tax"
  }
}
test "other tags" {
  recipients = ["tax@globex.example"]
  expect {
    rule = "tax"
    tags = ["tax"]
  }
}
test "not that tenant" {
  recipients = ["anna@acme.example"]
  expect {
    tenant = "globex"
    action = "archive"
  }
}
test "two tenants, one expectation" {
  recipients = ["anna@acme.example", "bob@globex.example"]
  expect {
    action = "archive"
  }
}
test "flags" {
  recipients = ["anna@acme.example"]
  received   = "2026-02-01"
  header     = { Date = "Thu, 1 Jan 2026 00:00:00 +0000" }
  expect {
    flags = []
  }
}
