package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mailShown is one line of "daybook list --json": a message and all that its copies tell.
type mailShown struct {
	ID                  entryID
	First, Last         time.Time
	Entries, Unreadable int
	Cut                 bool
	Sources             []string
	Senders, Recipients []party
	MessageID           string `json:"message_id"`
	Subject             string
	Variants            []variant
}

// party is a sender or recipient, and who tells of it.
type party struct {
	Address string
	Told    []struct {
		Entry                          entryID
		Evidence, Class, History, From string
	}
}

// variant is an exact form of a mail.
type variant struct {
	Number  int
	Entry   entryID
	SHA256  string
	Differs bool
	Entries int
}

// copyShown is one line of "daybook list --entries --json", as far as joining goes.
type copyShown struct {
	entry
	Message  entryID
	Joined   string
	Collides entryID
	data     []byte // as "daybook export" writes it
}

// mail gives the bytes of the mail itself, which may stand in a report.
func (c *copyShown) mail() []byte {
	if c.Truth == nil || len(c.Truth.Originals) == 0 {
		return c.data
	}
	at := c.Truth.Originals[0]
	return c.data[at.Start:at.End]
}

// mails gives all messages of the archive.
func (d *daybook) mails(t testing.TB) []mailShown {
	t.Helper()
	return readLines[mailShown](t, mustRun(t, d.bin, "list", "--data", d.data, "--json"))
}

// listCopies gives all entries by their message, in order, without their bytes.
func (d *daybook) listCopies(t testing.TB) map[entryID][]copyShown {
	t.Helper()
	byMessage := map[entryID][]copyShown{}
	for _, c := range readLines[copyShown](t, mustRun(t, d.bin, "list", "--data", d.data, "--entries", "--json")) {
		byMessage[c.Message] = append(byMessage[c.Message], c)
	}
	return byMessage
}

// copies is listCopies with the bytes.
func (d *daybook) copies(t testing.TB) map[entryID][]copyShown {
	t.Helper()
	byMessage := d.listCopies(t)
	dir := filepath.Join(workDir(t), "export")
	mustRun(t, d.bin, "export", "--data", d.data, "--output", dir)
	for _, list := range byMessage {
		for i := range list {
			data, err := os.ReadFile(filepath.Join(dir, string(list[i].ID)+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			list[i].data = data
		}
	}
	return byMessage
}

// readLines reads one JSON object a line.
func readLines[T any](t testing.TB, out []byte) (all []T) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var one T
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatalf("%v in the line %.300q", err, lines.Bytes())
		}
		all = append(all, one)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// told writes down who tells of whom, in the form that delivered.told has: addresses are
// the same whatever their case.
func (m *mailShown) told() (told []string) {
	for what, list := range map[string][]party{"from": m.Senders, "to": m.Recipients} {
		for _, p := range list {
			for _, by := range p.Told {
				line := fmt.Sprintf("%s %s %s %s %s", what, strings.ToLower(p.Address), by.Evidence, by.Class, by.History)
				line = strings.Join(strings.Fields(line), " ")
				if p.Address == "" {
					line = strings.Replace(line, what, what+" <>", 1)
				}
				if by.From != "" {
					line += " from " + by.From
				}
				told = append(told, line)
			}
		}
	}
	slices.Sort(told)
	return told
}

// checkJoined compares the messages of an archive with the mails that were sent: each
// mail is one message, with all that its copies tell and each of their exact forms.
func checkJoined(t *testing.T, d *daybook, mails []*mail) []mailShown {
	t.Helper()
	all, copies := d.mails(t), d.copies(t)
	byID := map[string]*mailShown{}
	for i, m := range all {
		if byID[m.MessageID] != nil {
			t.Errorf("messages %s and %s have the Message-ID %s", byID[m.MessageID].ID, m.ID, m.MessageID)
		}
		byID[m.MessageID] = &all[i]
	}
	var found []string
	sent, entries := 0, 0
	for _, list := range copies {
		entries += len(list)
	}
	for _, m := range mails {
		sent += len(m.copies)
		found = append(found, m.compare(byID, copies)...)
	}
	report(t, found)
	if len(all) != len(mails) || entries != sent {
		t.Errorf("the archive has %d entries and %d messages, want %d and %d", entries, len(all), sent, len(mails))
	}
	t.Logf("%d copies of %d mails are %d messages, %d differences", entries, len(mails), len(all), len(found))
	return all
}

// compare tells what a mail's message has other than the mail's copies make it.
func (m *mail) compare(byID map[string]*mailShown, copies map[entryID][]copyShown) (found []string) {
	differ := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			found = append(found, fmt.Sprintf("%s: %s\n got  %s\n want %s", m.id, what, g, w))
		}
	}
	// A report's own Message-ID is not that of the mail in it.
	got := byID["<"+m.id+"@acme.example>"]
	if got == nil {
		got = byID["<"+m.id+"@journal.report.generator>"]
	}
	if got == nil {
		return []string{m.id + " is not in the archive"}
	}
	entries := copies[got.ID]
	differ("number of copies", fmt.Sprint(got.Entries, len(entries)), fmt.Sprint(len(m.copies), len(m.copies)))
	var sources, told []string
	var variants []variant
	for i, c := range m.copies {
		sources, told = append(sources, c.source), append(told, c.told...)
		exact := hexSHA256(c.mail)
		at := slices.IndexFunc(variants, func(v variant) bool { return v.SHA256 == exact })
		why := ""
		switch {
		case at >= 0:
			why = "same bytes"
		case i > 0:
			why = "content"
		}
		if at < 0 {
			at = len(variants)
			variants = append(variants, variant{Number: at + 1, SHA256: exact})
			if i < len(entries) {
				variants[at].Entry = entries[i].ID
			}
		}
		variants[at].Entries++
		if i < len(entries) {
			e, name := &entries[i], fmt.Sprintf("%s, copy %d", m.id, i+1)
			differ(name+" source", e.Source, c.source)
			differ(name+" reason", reasonOf(e), why)
			found = append(found, compareBytes(name, e.data, c.data)...)
			found = append(found, compareBytes(name+" itself", e.mail(), c.mail)...)
		}
	}
	slices.Sort(told)
	differ("sources", got.Sources, unique(sources))
	differ("union of envelopes", strings.Join(got.told(), "; "), strings.Join(slices.Compact(told), "; "))
	differ("variants", got.Variants, variants)
	first, last := seen(entries)
	differ("first and last seen", fmt.Sprint(got.First, got.Last), fmt.Sprint(first, last))
	differ("damage", fmt.Sprint(got.Unreadable, got.Cut), "0 false")
	return found
}

// reasonOf is why an entry was joined; the reasons that are about exact bytes are one.
func reasonOf(c *copyShown) string {
	if c.Joined == "exact" || c.Joined == "resend" {
		return "same bytes"
	}
	return c.Joined
}

// seen gives when the first and the last of some entries came in.
func seen(list []copyShown) (first, last time.Time) {
	for i, c := range list {
		if i == 0 || c.Received.Before(first) {
			first = c.Received
		}
		if c.Received.After(last) {
			last = c.Received
		}
	}
	return first, last
}

// unique leaves out what came before.
func unique(list []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// checkVariants fetches each exact form of some messages by command.
func checkVariants(t *testing.T, d *daybook, some []mailShown) {
	t.Helper()
	for _, m := range some {
		for _, v := range m.Variants {
			b, err := run(d.bin, "get", "--data", d.data, string(m.ID), "--variant", strconv.Itoa(v.Number))
			if err != nil || hexSHA256(b) != v.SHA256 {
				t.Errorf("message %s, variant %d: %d bytes with digest %s, want %s: %v", m.ID, v.Number, len(b), hexSHA256(b), v.SHA256, err)
			}
		}
	}
}

// checkRebuilt makes the catalog anew from the ledger. The messages must be those before.
// The daemon must be stopped.
func checkRebuilt(t *testing.T, d *daybook, before []mailShown) {
	t.Helper()
	d.verify(t)
	mustRun(t, d.bin, "rebuild", "--data", d.data)
	after := d.mails(t)
	if len(after) != len(before) {
		t.Fatalf("%d messages after a rebuild, %d before", len(after), len(before))
	}
	var found []string
	for i := range before {
		if got, want := fmt.Sprintf("%+v", after[i]), fmt.Sprintf("%+v", before[i]); got != want {
			found = append(found, fmt.Sprintf("a message after a rebuild:\n got  %s\n want %s", got, want))
		}
	}
	report(t, found)
	d.verify(t)
}
