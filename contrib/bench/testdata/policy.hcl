# What the benchmark measures Daybook with.

tenant "acme" {
  domains   = ["acme.example", "*.acme.example"]
  delimiter = "+"
}

milter "mta" {
  listen = "tcp:127.0.0.1:8891"
  extended_dedup { window = "10m" }
}

lmtp "copies" {
  listen = "tcp:127.0.0.1:8024"
  extended_dedup { window = "10m" }
}

rule "r1" {
  when   = sender.address == "robot1@partner.example"
  action = "quarantine"
}

rule "r2" {
  when   = any([for r in recipients : r.address == "board2@acme.example"])
  action = "quarantine"
}

rule "r3" {
  when   = matches(message.subject, "(?i)\\b(merger|project[ -]3)\\b")
  action = "quarantine"
}

rule "r4" {
  when   = cidr_contains(["198.51.4.0/24", "2001:db8:4::/48"], client.address)
  action = "quarantine"
}

rule "r5" {
  when   = header("X-Class-5") == "secret"
  action = "quarantine"
}

rule "r6" {
  when   = contains(recipients[*].domain, "partner6.example")
  action = "quarantine"
}

rule "r7" {
  when   = ends_with(sender.domain, ".sub7.example") || ends_with(sender.domain, ".branch7.example")
  action = "quarantine"
}

rule "r8" {
  when   = any([for a in message.to : starts_with(a, "desk8@")]) || contains(message.cc, "audit8@acme.example")
  action = "quarantine"
}

rule "r9" {
  when   = client.user == "scanner9" || matches(client.helo, "^scanner9\\.")
  action = "quarantine"
}

rule "r10" {
  when   = message.size > size("1GiB") && direction == "external" && sender.domain != "x10.example"
  action = "quarantine"
}

rule "r11" {
  when   = sender.address == "robot11@partner.example"
  action = "quarantine"
}

rule "r12" {
  when   = any([for r in recipients : r.address == "board12@acme.example"])
  action = "quarantine"
}

rule "r13" {
  when   = matches(message.subject, "(?i)\\b(merger|project[ -]13)\\b")
  action = "quarantine"
}

rule "r14" {
  when   = cidr_contains(["198.51.14.0/24", "2001:db8:14::/48"], client.address)
  action = "quarantine"
}

rule "r15" {
  when   = header("X-Class-15") == "secret"
  action = "quarantine"
}

rule "r16" {
  when   = contains(recipients[*].domain, "partner16.example")
  action = "quarantine"
}

rule "r17" {
  when   = ends_with(sender.domain, ".sub17.example") || ends_with(sender.domain, ".branch17.example")
  action = "quarantine"
}

rule "r18" {
  when   = any([for a in message.to : starts_with(a, "desk18@")]) || contains(message.cc, "audit18@acme.example")
  action = "quarantine"
}

rule "r19" {
  when   = client.user == "scanner19" || matches(client.helo, "^scanner19\\.")
  action = "quarantine"
}

rule "large" {
  when   = message.size > size("64KiB") && message.has_attachment
  action = "archive"
  tags   = ["large"]
}
