# The rules are tried in this order, and the first one that matches decides.

# A delivery to a journal address that is no journal report: a test message, or
# somebody who has found out the address. It is kept, and somebody should look.
rule "no-report" {
  when   = contains(["exchange", "m365"], source) && contains(journal.flags, "no-report")
  action = "quarantine"
  tags   = ["no-report"]
  reason = "sent to a journal address, but not a journal report"
}

# A subject can hold what looks like a recipient line of a report. Daybook does not
# believe it; whoever writes such a subject has something in mind.
rule "forged-recipients" {
  when   = contains(journal.flags, "recipient-in-subject")
  action = "quarantine"
  tags   = ["forgery"]
  reason = "the subject imitates a journal report"
}

# Exchange watches itself by mail between mailboxes of its own, some hundred a day
# for each server, and journals that too. What is skipped are reports of the server
# on premises, which has to log in, with such mailboxes on both sides and nobody else.
# The sender of a report is who the mail says it is from; its recipients are true,
# and nobody reads these mailboxes. What is no report has been set apart above.
rule "exchange-health" {
  when = (
    source == "exchange" &&
    starts_with(sender.address, "healthmailbox") &&
    sender.internal &&
    all([for r in recipients : r.internal && starts_with(r.address, "healthmailbox")])
  )
  action = "skip"
  reason = "Exchange's own health checks"
}

# A report that came back undelivered, with the mail in it. That it came back means
# that a connector or this server was in trouble at that time.
rule "returned-report" {
  when   = journal.kind == "ndr"
  action = "archive"
  tags   = ["returned-report"]
}

# The board's mail, whichever way it comes.
rule "board" {
  when = (
    contains(["chair@alder.example", "cfo@alder.example"], sender.address) ||
    any([for r in recipients : contains(["chair@alder.example", "cfo@alder.example"], r.address)])
  )
  action = "archive"
  tags   = ["board"]
}
