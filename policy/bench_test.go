package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"daybook/archive/message"
)

// terms are conditions as administrators write them, with %[1]d for a number. None
// holds for the message of the benchmarks.
func terms() []string {
	return []string{
		`sender.address == "robot%[1]d@partner.example"`,
		`any([for r in recipients : r.address == "board%[1]d@acme.example"])`,
		`matches(message.subject, "(?i)\\b(merger|project[ -]%[1]d)\\b")`,
		`cidr_contains(["198.51.%[1]d.0/24", "2001:db8:%[1]x::/48"], client.address)`,
		`header("X-Class-%[1]d") == "secret"`,
		`contains(recipients[*].domain, "partner%[1]d.example")`,
		`ends_with(sender.domain, ".sub%[1]d.example")`,
		`message.size > size("%[1]dGiB")`,
		`contains(["list%[1]d@acme.example", "news%[1]d@acme.example"], sender.primary)`,
		`any([for a in message.to : starts_with(a, "desk%[1]d@")])`,
		`client.user == "scanner%[1]d"`,
		`all([for r in recipients : r.domain == "partner%[1]d.example"])`,
		`message.age > duration("%[1]dw") && message.age > duration("52w")`,
		`matches(client.helo, "^host%[1]d\\.")`,
		`length(recipients) > 10000 + %[1]d`,
		`direction == "external" && !sender.known && sender.domain != "x%[1]d.example"`,
		`contains(message.cc, "audit%[1]d@acme.example")`,
	}
}

// benchPolicy has 50 rules of three terms each and a list of 10,000 addresses. The
// operator joins the terms: with || all 150 are looked at, with && often one of
// three.
func benchPolicy(b *testing.B, operator string) *Policy {
	b.Helper()
	folder := b.TempDir()
	var text, list strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&list, "user%d@acme.example alias%d@acme.example\n", n, n)
	}
	text.WriteString(`
tenant "acme" {
  domains     = ["acme.example", "*.acme.example"]
  delimiter   = "+"
  known_files = ["acme.addresses"]
}
milter "m" {
  listen           = "tcp:127.0.0.1:1"
  non_internal     = "skip"
  unknown_internal = "quarantine"
  max_age          = "30d"
  on_old           = "quarantine"
}
`)
	all := terms()
	for n := range 50 {
		var three []string
		for i := range 3 {
			three = append(three, "("+fmt.Sprintf(all[(3*n+i)%len(all)], n+1)+")")
		}
		fmt.Fprintf(&text, "rule \"r%d\" {\n  when   = %s\n  action = \"quarantine\"\n}\n", n, strings.Join(three, operator))
	}
	for name, content := range map[string]string{"acme.addresses": list.String(), "policy.hcl": text.String()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	p, err := Load(folder)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// benchFacts is a message from outside to n recipients: people by their first and
// their other addresses, with extensions, and some elsewhere.
func benchFacts(n int) *Facts {
	var head strings.Builder
	for i := range 12 {
		fmt.Fprintf(&head, "Received: from relay%d.elsewhere.example (192.0.2.%d) by mx.acme.example\r\n\twith ESMTPS id %d; Fri, 20 Nov 2026 12:00:00 +0000\r\n", i, i, i)
	}
	head.WriteString("DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.example; s=s1; h=from:to:subject;\r\n\tb=" + strings.Repeat("abcd", 86) + "\r\n" +
		"From: Sender <sender@elsewhere.example>\r\nTo: team@acme.example, Anna <user1@acme.example>\r\nCc: user2@acme.example\r\n" +
		"Subject: Minutes of the meeting in Leeds, with the figures for the third quarter\r\n" +
		"Date: Fri, 20 Nov 2026 11:59:00 +0000\r\nMessage-ID: <1@elsewhere.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n")
	text := []byte(head.String())
	f := &Facts{
		Source: "m", Received: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
		Sender: "sender@elsewhere.example", Size: 48_000,
		Client:  message.Client{Address: "192.0.2.25", Name: "mail.elsewhere.example", Helo: "mail.elsewhere.example", Protocol: "ESMTPS", TLS: "TLSv1.3"},
		Summary: message.Summarize(text), Head: func() []byte { return text },
	}
	for i := range n {
		form := [...]string{"user%d@acme.example", "alias%d@acme.example", "user%d+list@acme.example", "User%d@ACME.example", "friend%d@elsewhere.example"}[i%5]
		f.Recipients = append(f.Recipients, fmt.Sprintf(form, i*7))
	}
	return f
}

// cpuTime is what this process has used of the processors so far. On a machine that
// does other work as well, the time on the clock says little.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkDecide is the whole of a decision: addresses are taken apart and looked
// up, the header is read, and all of 50 rules are tried, as none matches.
func BenchmarkDecide(b *testing.B) {
	for _, operator := range []string{" && ", " || "} {
		p := benchPolicy(b, operator)
		for _, n := range []int{20, 1000} {
			f := benchFacts(n)
			if got := short(p.Decide(f)); got != "acme: archive by -" {
				b.Fatalf("decided %s, want no rule to match", got)
			}
			b.Run(fmt.Sprintf("terms joined by%s/recipients=%d", strings.TrimRight(operator, " "), n), func(b *testing.B) {
				b.ReportAllocs()
				began := cpuTime(b)
				for b.Loop() {
					p.Decide(f)
				}
				b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
