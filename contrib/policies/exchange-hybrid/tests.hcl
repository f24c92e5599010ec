# Each test is a message, as it is known after a report has been unwrapped. rule = ""
# says that no rule and no word decided.

# --- the gateway ---

test "gateway: from outside, with a blind copy" {
  source     = "gateway"
  sender     = "customer@elsewhere.example"
  recipients = ["sales@alder.example", "audit@alder.mail.onmicrosoft.example"]
  received   = "2026-03-02T09:00:00Z"
  header     = { Date = "Mon, 2 Mar 2026 08:59:12 +0000", Subject = "Quotation" }
  expect {
    action = "archive"
    rule   = ""
    flags  = []
  }
}

test "gateway: a date of long ago" {
  source     = "gateway"
  sender     = "customer@elsewhere.example"
  recipients = ["sales@alder.example"]
  received   = "2026-03-02T09:00:00Z"
  header     = { Date = "Thu, 1 Jan 2026 12:00:00 +0000" }
  expect {
    action = "quarantine"
    rule   = "on_old"
    flags  = ["old"]
  }
}

test "gateway: without a date nothing is old" {
  source     = "gateway"
  sender     = "customer@elsewhere.example"
  recipients = ["sales@alder.example"]
  received   = "2026-03-02T09:00:00Z"
  expect {
    action = "archive"
    rule   = ""
    flags  = []
  }
}

test "gateway: the board's old mail is archived, and flagged" {
  source     = "gateway"
  sender     = "bank@elsewhere.example"
  recipients = ["CFO@alder.example"]
  received   = "2026-03-02T09:00:00Z"
  header     = { Date = "Thu, 1 Jan 2026 12:00:00 +0000" }
  expect {
    action = "archive"
    rule   = "board"
    tags   = ["board"]
    flags  = ["old"]
  }
}

# --- Exchange on premises ---

test "exchange: mail within the company" {
  source     = "exchange"
  sender     = "kim@alder.example"
  recipients = ["lee@alder-instruments.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: a health check" {
  source     = "exchange"
  sender     = "HealthMailbox6c1d@alder.example"
  recipients = ["HealthMailbox90fe@alder.example", "HealthMailbox6c1d@alder.example"]
  journal { kind = "exchange" }
  expect {
    action = "skip"
    rule   = "exchange-health"
  }
}

test "exchange: a health mailbox writes to a person" {
  source     = "exchange"
  sender     = "HealthMailbox6c1d@alder.example"
  recipients = ["HealthMailbox90fe@alder.example", "kim@alder.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: a person writes to a health mailbox" {
  source     = "exchange"
  sender     = "kim@alder.example"
  recipients = ["HealthMailbox90fe@alder.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: somebody outside has such a name" {
  source     = "exchange"
  sender     = "healthmailbox@elsewhere.example"
  recipients = ["HealthMailbox90fe@alder.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: a health mailbox writes to such a name outside" {
  source     = "exchange"
  sender     = "HealthMailbox6c1d@alder.example"
  recipients = ["healthmailbox@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: a report of a health mailbox without recipients" {
  source = "exchange"
  sender = "HealthMailbox6c1d@alder.example"
  journal {
    kind  = "exchange"
    flags = ["no-recipients"]
  }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "exchange: what looks like a health check and is no report" {
  source     = "exchange"
  sender     = "HealthMailbox6c1d@alder.example"
  recipients = ["HealthMailbox90fe@alder.example"]
  journal { flags = ["no-report"] }
  expect {
    action = "quarantine"
    rule   = "no-report"
  }
}

test "exchange: none of the addresses is ours" {
  source     = "exchange"
  sender     = "a@elsewhere.example"
  recipients = ["b@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    action = "quarantine"
    rule   = "non_internal"
  }
}

test "exchange: no report" {
  source     = "exchange"
  sender     = "kim@alder.example"
  recipients = ["exchange-c2gkrbbwyddduvzmw5x34@journal.alder.example"]
  journal { flags = ["no-report"] }
  expect {
    action = "quarantine"
    rule   = "no-report"
    tags   = ["no-report"]
  }
}

test "exchange: a subject with a recipient line" {
  source     = "exchange"
  sender     = "customer@elsewhere.example"
  recipients = ["kim@alder.example"]
  journal {
    kind  = "exchange"
    flags = ["recipient-in-subject", "subject-with-line-break"]
  }
  expect {
    action = "quarantine"
    rule   = "forged-recipients"
    tags   = ["forgery"]
  }
}

test "exchange: a report that came back" {
  source     = "exchange"
  sender     = "kim@alder.example"
  recipients = ["customer@elsewhere.example"]
  journal { kind = "ndr" }
  expect {
    action = "archive"
    rule   = "returned-report"
    tags   = ["returned-report"]
  }
}

# --- Microsoft 365 ---

test "m365: to a mailbox in the cloud" {
  source     = "m365"
  sender     = "customer@elsewhere.example"
  recipients = ["sam@alder.onmicrosoft.example"]
  received   = "2026-03-02T09:00:00Z"
  header     = { Date = "Mon, 2 Mar 2026 08:58:00 +0000" }
  client { address = "40.107.6.52" }
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

test "m365: the board" {
  source     = "m365"
  sender     = "chair@alder.example"
  recipients = ["customer@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    rule = "board"
    tags = ["board"]
  }
}

test "m365: reports of another customer of Microsoft" {
  source     = "m365"
  sender     = "a@elsewhere.example"
  recipients = ["b@elsewhere.example"]
  journal { kind = "exchange" }
  expect {
    action = "quarantine"
    rule   = "non_internal"
  }
}

test "m365: an old report" {
  source     = "m365"
  sender     = "customer@elsewhere.example"
  recipients = ["sam@alder.example"]
  received   = "2026-03-02"
  header     = { Date = "Sun, 1 Feb 2026 12:00:00 +0000" }
  journal { kind = "exchange" }
  expect {
    action = "quarantine"
    rule   = "on_old"
    flags  = ["old"]
  }
}

test "m365: a health mailbox is nothing special there" {
  source     = "m365"
  sender     = "HealthMailbox6c1d@alder.example"
  recipients = ["HealthMailbox90fe@alder.example"]
  journal { kind = "exchange" }
  expect {
    action = "archive"
    rule   = ""
  }
}

# --- the business system ---

test "erp: an invoice" {
  source     = "erp"
  sender     = "invoices@alder.example"
  recipients = ["customer@elsewhere.example"]
  header     = { Subject = "Invoice 20260311" }
  journal { kind = "header" }
  expect {
    action = "archive"
    rule   = ""
  }
}
