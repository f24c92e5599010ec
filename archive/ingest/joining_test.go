package ingest

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"daybook/archive"
	"daybook/milter"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestJoining plays the dialogues in testdata/joining, each with an archive of its own.
// A file has a policy, some mails, and after each dialogue what is then in the archive.
// A line of a dialogue is a delivery: when it comes in, the source, the envelope's sender
// and recipients, the mail, and words about it:
//
//	Name:value  the field is added on top, as by a relay
//	tab         the field Subject has a tab behind its colon, as after some relays
//
// To the sources that are called exchange and open it comes within a journal's report
// that names the sender and recipients; several mails with + between them, or the mail
// none, are the report's originals. Words about a report:
//
//	bcc         its recipients are Bcc
//	base64      its original is encoded so
//	broken      the encoding is damaged
//	disclaimer  there is a further part with a text
//	bounce      it is a bounce with the mail attached, and no report
//
// UPDATE=1 in the environment writes what comes out into the files.
func TestJoining(t *testing.T) {
	names, err := filepath.Glob("testdata/joining/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			file, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for i, f := range file.Files {
				text := string(f.Data)
				if f.Name != "archived" {
					files[f.Name] = text
					continue
				}
				got := play(t, files["policy"], files, file.Files[i-1])
				if got != text && os.Getenv("UPDATE") == "" {
					t.Errorf("%s: after the dialogue %q there is\n%s\nand not\n%s", name, file.Files[i-1].Name, got, text)
				}
				file.Files[i].Data = []byte(got)
			}
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(name, txtar.Format(file), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play has a new archive take the deliveries of a dialogue, and describes it.
func play(t *testing.T, policy string, mails map[string]string, dialogue txtar.File) string {
	t.Helper()
	h := newHouse(t, archive.Options{}, policy)
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	now := start
	h.ingest = New(Config{
		Archive: h.archive, Policy: h.ingest.Policy(), SpoolDir: t.TempDir(), Now: func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	for line := range strings.Lines(string(dialogue.Data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		after, err := time.ParseDuration(words[0])
		if err != nil || len(words) < 5 {
			t.Fatalf("%s: %q is no delivery: %v", dialogue.Name, line, err)
		}
		now = start.Add(after)
		before := len(h.entries(t))
		text := h.deliver(t, words[1], words[2], strings.Split(words[3], ","), words[4], words[5:], mails)
		list := h.entries(t)
		if len(list) == before {
			t.Fatalf("%s: nothing was archived of %q; the log:\n%s", dialogue.Name, line, h.log)
		}
		for _, e := range list[before:] {
			if h.body(t, e.ID) != text {
				t.Errorf("%s: entry %d came back with other bytes", dialogue.Name, e.ID)
			}
		}
	}
	return h.describe(t, start)
}

// deliver hands a mail to a source, and gives the bytes that were handed over.
func (h *house) deliver(t *testing.T, source, sender string, to []string, mail string, words []string, mails map[string]string) string {
	t.Helper()
	var originals []string
	for name := range strings.SplitSeq(mail, "+") {
		text, ok := mails[name]
		if !ok && name != "none" {
			t.Fatalf("there is no mail %q", name)
		}
		for _, word := range words {
			if field, value, ok := strings.Cut(word, ":"); ok {
				text = field + ": " + value + "\n" + text
			} else if word == "tab" {
				text = strings.Replace(text, "Subject: ", "Subject:\t", 1)
			}
		}
		if ok {
			originals = append(originals, strings.ReplaceAll(text, "\n", "\r\n"))
		}
	}
	if source == "milter" {
		h.captured(t, originals[0], sender, to)
		return originals[0]
	}
	text, e := "", lmtpTransaction(source+"@journal.example")
	if e.Sender.Address = sender; source == "exchange" || source == "open" {
		text = writeReport(sender, to, originals, words)
	} else {
		text = originals[0]
	}
	if r := h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader(text))[0]; r.Code != 250 {
		t.Fatalf("reply %v; the log:\n%s", r, h.log)
	}
	return text
}

// captured gives a message to the milter, field by field as an MTA does.
func (h *house) captured(t *testing.T, text, sender string, to []string) {
	t.Helper()
	ctx, s := context.Background(), h.milter()
	c := &milter.Connection{Host: "mx.example.com", Address: netip.MustParseAddr("192.0.2.7"), ExactHeaders: true}
	tr := &milter.Transaction{Connection: c, Number: 1, Sender: milter.Path{Address: sender}}
	for _, r := range to {
		tr.Recipients = append(tr.Recipients, milter.Path{Address: r})
	}
	s.Mail(ctx, tr)
	header, body, _ := strings.Cut(text, "\r\n\r\n")
	s.Header([]byte(header + "\r\n"))
	s.EndOfHeaders()
	s.Body([]byte(body))
	if v := s.EndOfMessage(ctx, tr); v.Action != milter.Continue {
		t.Fatalf("verdict %v", v)
	}
}

// writeReport writes a journal's report as Exchange does.
func writeReport(sender string, to, originals []string, words []string) string {
	var b strings.Builder
	report := !slices.Contains(words, "bounce")
	if report {
		fmt.Fprintf(&b, "From: <%s>\r\nMessage-ID: <report@journal.report.generator>\r\nX-MS-Journal-Report:\r\n", sender)
	} else {
		b.WriteString("From: postmaster@acme.example\r\nMessage-ID: <bounce@acme.example>\r\nX-MS-Exchange-Message-Is-Ndr:\r\n")
	}
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"r\"\r\n\r\n--r\r\nContent-Type: text/plain\r\n\r\n")
	if report {
		class := "Recipient"
		if slices.Contains(words, "bcc") {
			class = "Bcc"
		}
		fmt.Fprintf(&b, "Sender: %s\r\nSubject: offer\r\nMessage-Id: <in@acme.example>\r\n", sender)
		for _, r := range to {
			fmt.Fprintf(&b, "%s: %s\r\n", class, r)
		}
	} else {
		b.WriteString("Your message could not be delivered.\r\n")
	}
	if slices.Contains(words, "disclaimer") {
		b.WriteString("\r\n--r\r\nContent-Type: text/plain\r\n\r\nThis text is no part of the mail.\r\n")
	}
	for _, o := range originals {
		b.WriteString("\r\n--r\r\nContent-Type: message/rfc822\r\n")
		if slices.ContainsFunc(words, func(w string) bool { return w == "base64" || w == "broken" }) {
			b.WriteString("Content-Transfer-Encoding: base64\r\n")
			o = base64.StdEncoding.EncodeToString([]byte(o))
		}
		if slices.Contains(words, "broken") {
			o = o[:len(o)/2] + "!" + o[len(o)/2:]
		}
		b.WriteString("\r\n" + o)
	}
	b.WriteString("\r\n--r--\r\n")
	return b.String()
}

// describe tells which messages there are, who sent and received each by whose word,
// and what entries there are in it.
func (h *house) describe(t *testing.T, start time.Time) string {
	t.Helper()
	var b strings.Builder
	entries := h.entries(t)
	slices.SortStableFunc(entries, func(x, y archive.Entry) int {
		return cmp.Or(x.Received.Compare(y.Received), cmp.Compare(x.Tenant, y.Tenant))
	})
	place := func(id uint64) int {
		return 1 + slices.IndexFunc(entries, func(e archive.Entry) bool { return e.ID == id })
	}
	numbers := regexp.MustCompile("[0-9]+")
	for _, first := range entries {
		if first.Message != first.ID {
			continue
		}
		m, err := h.archive.Message(context.Background(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "message %d of %s: %s to %s, %d variants\n", place(m.ID), m.Tenant, m.First.Sub(start), m.Last.Sub(start), len(m.Variants))
		describeParties(&b, "from", m.Senders, place)
		describeParties(&b, "to", m.Recipients, place)
		for _, e := range entries {
			if e.Message != m.ID {
				continue
			}
			fmt.Fprintf(&b, "  entry %d by %s", place(e.ID), e.Source)
			if e.Joined != "" {
				fmt.Fprintf(&b, ", joined for %s", e.Joined)
			}
			if e.Differs {
				b.WriteString(", differs")
			}
			if e.Collides != 0 {
				fmt.Fprintf(&b, ", collides with %d", place(e.Collides))
			}
			if e.Identity.Canonical == (archive.Digest{}) {
				b.WriteString(", known by its exact bytes")
			}
			b.WriteString("\n")
		}
	}
	for _, e := range h.events(t) {
		fmt.Fprintf(&b, "event %s: %s\n", e.Kind, numbers.ReplaceAllStringFunc(e.Text, func(n string) string {
			id, _ := strconv.ParseUint(n, 10, 64)
			return fmt.Sprint(place(id))
		}))
	}
	return b.String()
}

func describeParties(b *strings.Builder, what string, list []archive.Party, place func(uint64) int) {
	for _, p := range list {
		var told []string
		for _, by := range p.Told {
			text := fmt.Sprintf("%d by %s", place(by.Entry), by.Evidence)
			if by.Class != "" {
				text += " as " + string(by.Class)
			}
			told = append(told, text)
		}
		fmt.Fprintf(b, "  %s %s: %s\n", what, p.Address, strings.Join(told, ", "))
	}
}
