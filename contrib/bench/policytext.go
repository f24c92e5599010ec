package main

import (
	"fmt"
	"strings"
)

// policyRules is how many rules Daybook judges each message by.
const policyRules = 20

// policyText is the configuration that Daybook is measured with: all that is on in
// a house that has written its rules. Only the last rule holds for some of the
// generated mail; the others are looked at and do not hold. The addresses to listen
// at come from the command line.
func policyText() string {
	var b strings.Builder
	b.WriteString(`# What the benchmark measures Daybook with.

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
`)
	terms := ruleTerms()
	for n := range policyRules - 1 {
		when := fmt.Sprintf(terms[n%len(terms)], n+1)
		fmt.Fprintf(&b, "\nrule \"r%d\" {\n  when   = %s\n  action = \"quarantine\"\n}\n", n+1, when)
	}
	b.WriteString(`
rule "large" {
  when   = message.size > size("64KiB") && message.has_attachment
  action = "archive"
  tags   = ["large"]
}
`)
	return b.String()
}

// ruleTerms are conditions as administrators write them; the number makes each
// another one.
func ruleTerms() []string {
	return []string{
		`sender.address == "robot%[1]d@partner.example"`,
		`any([for r in recipients : r.address == "board%[1]d@acme.example"])`,
		`matches(message.subject, "(?i)\\b(merger|project[ -]%[1]d)\\b")`,
		`cidr_contains(["198.51.%[1]d.0/24", "2001:db8:%[1]d::/48"], client.address)`,
		`header("X-Class-%[1]d") == "secret"`,
		`contains(recipients[*].domain, "partner%[1]d.example")`,
		`ends_with(sender.domain, ".sub%[1]d.example") || ends_with(sender.domain, ".branch%[1]d.example")`,
		`any([for a in message.to : starts_with(a, "desk%[1]d@")]) || contains(message.cc, "audit%[1]d@acme.example")`,
		`client.user == "scanner%[1]d" || matches(client.helo, "^scanner%[1]d\\.")`,
		`message.size > size("1GiB") && direction == "external" && sender.domain != "x%[1]d.example"`,
	}
}
