package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// journalReport makes a report as Exchange writes it: its text has the lines given,
// and the mail stands behind it.
func journalReport(id, sender string, lines []string, original []byte) []byte {
	const boundary = "_000_b9e5c1f0_"
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: report %s\r\nMessage-ID: <%s@journal.report.generator>\r\n", sender, journalAddress, id, id)
	b.WriteString("Sender: <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@acme.example>\r\nX-MS-Journal-Report:\r\n")
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"" + boundary + "\"\r\n\r\n")
	b.WriteString("--" + boundary + "\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n")
	fmt.Fprintf(&b, "Sender: %s\r\nSubject: offer\r\nMessage-Id: <%s@acme.example>\r\n", sender, id)
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n--" + boundary + "\r\nContent-Type: message/rfc822\r\n\r\n")
	b.Write(original)
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return b.Bytes()
}

// listed gives the ids of the entries of a recipient.
func (d *daybook) listed(t testing.TB, recipient string) []string {
	t.Helper()
	out := mustRun(t, d.bin, "list", "--data", d.data, "--entries", "--json", "--recipient", recipient)
	var ids []string
	for line := range strings.Lines(string(out)) {
		id, _, _ := strings.Cut(strings.TrimPrefix(line, `{"id":`), ",")
		ids = append(ids, id)
	}
	return ids
}

// TestJournalReports delivers reports with swaks: whom they name is found, and the
// mail inside comes out byte for byte.
func TestJournalReports(t *testing.T) {
	needPeer(t, "swaks", "/usr/bin/swaks")
	d := startJournals(t)
	originals := [][]byte{
		[]byte(head("bcc") + "\r\n.dots\r\n..\r\nand text"),
		[]byte(head("list") + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ntext\r\n--x--\r\n"),
	}
	reports := [][]byte{
		journalReport("bcc", "ann@acme.example", []string{"To: bob@acme.example", "Bcc: secret@elsewhere.example"}, originals[0]),
		journalReport("list", "ann@acme.example", []string{
			"To: one@acme.example, Expanded: sales@acme.example", "To: two@acme.example, Expanded: sales@acme.example",
			"Cc: away@acme.example, Forwarded: carl@acme.example",
		}, originals[1]),
	}
	for _, text := range reports {
		file := workDir(t) + "/message"
		writeFile(t, file, strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), 0o644)
		mustRun(t, "/usr/bin/swaks", "--server", "127.0.0.1", "--port", d.starttls, "--tls", "--silent", "2", "--from", "<>",
			"--to", journalAddress, "--data", "@"+file, "--auth", "PLAIN", "--auth-user", journalUser, "--auth-password", journalPassword)
	}
	for recipient, want := range map[string][]string{
		"secret@elsewhere.example": {"2"}, "BOB@acme.example": {"2"}, "one@acme.example": {"3"}, "two@acme.example": {"3"},
		"sales@acme.example": {"3"}, "away@acme.example": {"3"}, "carl@acme.example": {"3"}, journalAddress: {"2", "3"},
		"bob@example.net": nil, // whom only the To field of the mail names
	} {
		if got := d.listed(t, recipient); !slices.Equal(got, want) {
			t.Errorf("list --recipient %s gives %q, want %q", recipient, got, want)
		}
	}
	for i, e := range d.list(t) {
		got := mustRun(t, d.bin, "get", "--data", d.data, "--original", string(e.ID))
		report(t, compareBytes(string(e.ID)+" as the original", got, originals[i]))
		whole, err := d.get(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		report(t, compareBytes(string(e.ID), whole, reports[i]))
		if e.Sender != "ann@acme.example" || e.EnvelopeSender != "" || e.Evidence != "report" {
			t.Errorf("entry %s: sender %q, envelope sender %q, evidence %q", e.ID, e.Sender, e.EnvelopeSender, e.Evidence)
		}
	}
	d.verify(t)
}

// TestJournalBifurcated delivers 1,000 reports of 300 originals, each with some of
// the recipients, over several sessions. The union for each Message-ID is right.
func TestJournalBifurcated(t *testing.T) {
	const reports, originals, sessions = 1000, 300, 4
	d := startJournals(t)
	want := make(map[string][]string)
	var all [][]byte
	for n := range reports {
		id := fmt.Sprintf("original%d", n%originals)
		var lines []string
		for k := range 1 + n%7 {
			who := fmt.Sprintf("r%d@acme.example", (n*3+k)%50)
			lines = append(lines, []string{"To: ", "Cc: ", "Bcc: "}[k%3]+who)
			want["<"+id+"@acme.example>"] = append(want["<"+id+"@acme.example>"], who)
		}
		all = append(all, journalReport(id, "ann@acme.example", lines, []byte(head(id)+"\r\nthe offer\r\n")))
	}
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			c, err := d.open(journalPassword)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.close()
			for n := s; n < len(all); n += sessions {
				if r, err := c.deliver(envelope{"", []string{journalAddress}}, all[n]); err != nil || r.code != 250 {
					t.Errorf("report %d: reply %v, error %v", n, r, err)
					return
				}
			}
		})
	}
	wg.Wait()
	entries := d.list(t)
	if len(entries) != reports {
		t.Fatalf("the archive has %d entries, want %d", len(entries), reports)
	}
	got := make(map[string][]string)
	for _, e := range entries {
		if e.Truth == nil || len(e.Truth.Originals) != 1 {
			t.Fatalf("entry %s: truth %+v", e.ID, e.Truth)
		}
		got[e.Truth.MessageID] = append(got[e.Truth.MessageID], e.Recipients...)
	}
	for _, unions := range []map[string][]string{got, want} {
		for id := range unions {
			slices.Sort(unions[id])
			unions[id] = slices.Compact(unions[id])
		}
	}
	if len(want) != originals || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the unions of %d originals are not those of the %d sent", len(got), len(want))
	}
	d.verify(t)
}

// TestJournalLargeReport delivers a report of 160 MiB.
func TestJournalLargeReport(t *testing.T) {
	skipIfShort(t)
	d := startJournals(t)
	original := []byte(head("large") + "MIME-Version: 1.0\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	block := randomBytes(7, 76*1024, alphabet)
	for len(original) < 160<<20 {
		for line := range slices.Chunk(block, 76) {
			original = append(append(original, line...), "\r\n"...)
		}
	}
	text := journalReport("large", "ann@acme.example", []string{"Bcc: secret@elsewhere.example"}, original)
	c := d.mustOpen(t)
	if r, err := c.deliver(envelope{"", []string{journalAddress}}, text); err != nil || r.code != 250 {
		t.Fatalf("reply %v, error %v", r, err)
	}
	if got := d.listed(t, "secret@elsewhere.example"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("list --recipient gives %q", got)
	}
	got := mustRun(t, d.bin, "get", "--data", d.data, "--original", "2")
	report(t, compareBytes("the original", got, original))
	d.verify(t)
}

// TestJournalForged: a report that comes by another way than its journal is mail like
// any other, and whom it names received nothing.
func TestJournalForged(t *testing.T) {
	needPostfix(t)
	d := startJournals(t)
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d.daybook) + hold})
	forged := journalReport("forged", "boss@acme.example", []string{"Bcc: victim@acme.example"}, []byte(head("forged")+"\r\ntext\r\n"))
	sent := p.sender().sendAll(t, messages{{"forged", forged}})
	if len(sent) != 1 {
		t.Fatal("Postfix did not take the message")
	}
	shown, err := withoutReceived(queuedWants(t, p, sent)[0].data, sent[0].queueID, sent[0].env)
	if err != nil {
		t.Fatal(err)
	}
	c := d.mustOpen(t)
	if r, err := c.deliver(envelope{"forger@example.org", []string{"plain-k2x7@journal.example"}}, forged); err != nil || r.code != 250 {
		t.Fatalf("reply %v, error %v", r, err)
	}
	if got := d.listed(t, "victim@acme.example"); got != nil {
		t.Errorf("the victim has entries %q", got)
	}
	entries := d.list(t)
	if len(entries) != 2 {
		t.Fatalf("the archive has %d entries, want 2", len(entries))
	}
	for _, e := range entries {
		got, err := d.get(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		report(t, compareBytes("by "+e.Source, got, map[string][]byte{"milter": shown, "plain": forged}[e.Source]))
		switch {
		case e.Source == "milter" && (e.Evidence != "envelope" || e.Truth != nil || e.Sender != envelopeFor(0).from):
			t.Errorf("by the milter: evidence %q, sender %q, truth %+v", e.Evidence, e.Sender, e.Truth)
		case e.Source == "plain" && (e.Evidence != "header" || len(e.Truth.Originals) > 0):
			t.Errorf("by the plain journal: evidence %q, truth %+v", e.Evidence, e.Truth)
		}
	}
}
