package ingest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/lmtp"
)

// poison are messages that are made to cost as much as they can.
func poison() map[string]string {
	report := func(lines, original string) string {
		text := strings.Replace(aReport, "Bcc: secret@elsewhere.example\r\n", lines, 1)
		return strings.Replace(text, inner, original, 1)
	}
	var recipients, deep, parts strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&recipients, "To: member%d@acme.example, Expanded: all@acme.example\r\n", i)
	}
	for i := range 8_000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=d%d\r\n\r\n--d%d\r\n", i, i)
	}
	parts.WriteString("Content-Type: multipart/mixed; boundary=p\r\n\r\n")
	for range 3_000 {
		parts.WriteString("--p\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n")
	}
	return map[string]string{
		"10,000 recipients":          report(recipients.String(), inner),
		"header of 204 KiB":          strings.Replace(aReport, "MIME-Version", "X-Long: "+strings.Repeat("x", 204<<10)+"\r\nMIME-Version", 1),
		"original with 204 KiB":      report("", "X-Long: "+strings.Repeat("x", 204<<10)+"\r\n"+inner),
		"depth of 8,000":             deep.String(),
		"original of depth 8,000":    report("", deep.String()),
		"3,000 parts":                parts.String(),
		"original of 3,000 parts":    report("", parts.String()),
		"500,000 address headers":    strings.Repeat("To: a@b\r\n", 500_000) + "\r\n",
		"240,000 parentheses":        "To: " + strings.Repeat("(", 240_000) + "\r\n" + aReport,
		"one line of 1 MB":           "Subject: x\r\n\r\n" + strings.Repeat("y", 1<<20),
		"a boundary that is nothing": strings.ReplaceAll(aReport, `boundary="b"`, `boundary=""`),
	}
}

// poisonPolicy looks at all that a policy can look at.
var poisonPolicy = reportPolicy + `
	rule "looks" {
		when = (
			message.has_attachment && contains(message.to, "nobody@acme.example") && matches(header("X-Long"), "y$") ||
			any([for r in recipients : r.known && ends_with(r.address, "nobody@acme.example")])
		)
		action = "quarantine"
	}
`

// Whatever is sent, it is archived byte for byte, by the journal and by the milter.
func TestPoison(t *testing.T) {
	h := newHouse(t, archive.Options{}, poisonPolicy)
	for name, text := range poison() {
		before := len(h.entries(t))
		if r := h.report(text)[0]; r.Code != 250 {
			t.Errorf("%s: reply %v", name, r)
			continue
		}
		if v := capture(h.milter(), text); v.Reply != "" {
			t.Errorf("%s: the milter says %v", name, v)
		}
		list := h.entries(t)[before:]
		if len(list) != 2 || h.body(t, list[0].ID) != text {
			t.Errorf("%s: %d entries, or other bytes", name, len(list))
		}
	}
}

// report delivers a message to the journal of reports.
func (h *house) report(text string) []lmtp.Reply {
	e := lmtpTransaction("exchange@journal.example")
	return h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader(text))
}

// BenchmarkPoison shows the time and the memory of each.
func BenchmarkPoison(b *testing.B) {
	h := newHouse(b, archive.Options{}, poisonPolicy)
	for name, text := range poison() {
		b.Run(name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				if r := h.report(text)[0]; r.Code != 250 {
					b.Fatal(r)
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<20), "MiB/op")
		})
	}
}

// BenchmarkUnwrap compares a report with plain mail of the same size.
func BenchmarkUnwrap(b *testing.B) {
	h := newHouse(b, archive.Options{}, reportPolicy)
	text := strings.Replace(aReport, inner, inner+strings.Repeat("A line of seventy characters, as mail has them, time and time again..\r\n", 200), 1)
	for _, journal := range []string{"plain", "exchange"} {
		b.Run(journal, func(b *testing.B) {
			e := lmtpTransaction(journal + "@journal.example")
			handler := h.ingest.Listener("in", "")
			b.SetBytes(int64(len(text)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if r := handler.Deliver(context.Background(), e, strings.NewReader(text))[0]; r.Code != 250 {
						b.Error(r)
					}
				}
			})
		})
	}
}
