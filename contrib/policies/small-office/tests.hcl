# What must be decided. "daybook policy test" runs these, and so does every reload
# of a running daemon, which keeps its old policy when one fails.
#
# Each test is a message, as far as the policy looks at it. There is one source, so
# it need not be named. rule = "" says that no rule and no word decided.

test "mail from outside to a person is archived" {
  sender     = "supplier@elsewhere.example"
  recipients = ["anna@brook.example"]
  header     = { Subject = "Your order 1093" }
  expect {
    action = "archive"
    rule   = ""
    tags   = []
  }
}

test "aliases and extensions are known" {
  sender     = "supplier@elsewhere.example"
  recipients = ["Ben.Oyelaran@brook.example", "anna+fair@BROOK.example"]
  expect {
    action = "archive"
    rule   = ""
  }
}

test "an address that nobody has" {
  sender     = "guess@elsewhere.example"
  recipients = ["sales@brook.example"]
  expect {
    action = "quarantine"
    rule   = "unknown_internal"
  }
}

test "one known recipient is enough" {
  sender     = "supplier@elsewhere.example"
  recipients = ["sales@brook.example", "office@brook.example"]
  expect {
    action = "archive"
    rule   = ""
  }
}

test "an unknown sender of the office" {
  sender     = "scanner@brook.example"
  recipients = ["supplier@elsewhere.example"]
  expect {
    action = "quarantine"
    rule   = "unknown_internal"
  }
}

test "a bounce has no sender and is archived" {
  sender     = ""
  recipients = ["chloe@brook.example"]
  expect {
    action = "archive"
    rule   = ""
  }
}

test "status mail of the monitoring" {
  sender     = "nagios@brook.example"
  recipients = ["alerts@brook.example"]
  client {
    address = "192.168.10.9"
    helo    = "watch.brook.example"
  }
  expect {
    action = "skip"
    rule   = "monitoring"
  }
}

test "the monitoring writes to a person too" {
  sender     = "nagios@brook.example"
  recipients = ["alerts@brook.example", "dilip@brook.example"]
  client { address = "192.168.10.9" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "the monitoring writes to a person only" {
  sender     = "nagios@brook.example"
  recipients = ["dilip@brook.example"]
  client { address = "192.168.10.9" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "another host pretends to be the monitoring" {
  sender     = "nagios@brook.example"
  recipients = ["alerts@brook.example"]
  client {
    address = "203.0.113.80"
    helo    = "watch.brook.example"
  }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "to an alias of the legal mailbox" {
  sender     = "notary@elsewhere.example"
  recipients = ["contracts@brook.example"]
  expect {
    action = "archive"
    rule   = "legal"
    tags   = ["legal"]
  }
}

test "a contract, by its subject" {
  sender     = "chloe@brook.example"
  recipients = ["supplier@elsewhere.example"]
  header     = { Subject = "Re: Contract for the new roof" }
  expect {
    rule = "legal"
    tags = ["legal"]
  }
}

test "contractors are no contract" {
  sender     = "chloe@brook.example"
  recipients = ["supplier@elsewhere.example"]
  header     = { Subject = "Contractors on site" }
  expect { rule = "" }
}

test "marked by the spam filter" {
  sender     = "winner@elsewhere.example"
  recipients = ["info@brook.example"]
  header     = { Subject = "You have won", X-Spam-Flag = "Yes" }
  expect {
    action = "quarantine"
    rule   = "spam"
    tags   = ["spam"]
  }
}

test "our own mail is no spam" {
  sender     = "anna@brook.example"
  recipients = ["supplier@elsewhere.example"]
  header     = { X-Spam-Flag = "YES" }
  expect { rule = "" }
}

test "legal mail is archived, spam or not" {
  sender     = "notary@elsewhere.example"
  recipients = ["legal@brook.example"]
  header     = { X-Spam-Flag = "YES" }
  expect {
    action = "archive"
    rule   = "legal"
  }
}

test "marked as private" {
  sender     = "anna@brook.example"
  recipients = ["friend@elsewhere.example"]
  header     = { Sensitivity = "Private" }
  expect {
    action = "quarantine"
    rule   = "private"
    tags   = ["private"]
  }
}
