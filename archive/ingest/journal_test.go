package ingest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/archive/message"
	"daybook/policy"
)

// aReport is a journal report: Bcc recipients and a list, whom the header does not
// name.
const aReport = "From: Anna <anna@acme.example>\r\nTo: sales@acme.example\r\nSubject: offer\r\n" +
	"Sender: <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@acme.example>\r\n" +
	"Message-ID: <1@journal.report.generator>\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" +
	"Sender: anna@acme.example\r\nSubject: offer\r\nMessage-Id: <in@acme.example>\r\n" +
	"To: bert@acme.example, Expanded: sales@acme.example\r\nBcc: secret@elsewhere.example\r\n\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--b--\r\n"

const inner = "From: Anna <anna@acme.example>\r\nTo: sales@acme.example\r\nSubject: offer\r\nMessage-ID: <in@acme.example>\r\n\r\nthe offer\r\n"

const reportPolicy = `
	tenant "acme" { domains = ["acme.example"] }
	smtp "in" { listen = "tcp:127.0.0.1:0" }
	milter "milter" { listen = "tcp:127.0.0.1:0" }
	journal "exchange" {
		address    = "exchange@journal.example"
		allow_from = ["2001:db8::/64"]
	}
	journal "open" {
		address = "open@journal.example"
	}
	journal "plain" {
		address    = "plain@journal.example"
		format     = "plain"
		allow_from = ["2001:db8::/64"]
	}
	journal "fields" {
		address         = "fields@journal.example"
		format          = "plain"
		header_envelope = ["X-Envelope-To", "X-Envelope-From"]
		allow_from      = ["2001:db8::/64"]
	}
`

func TestReportIsUnwrapped(t *testing.T) {
	h := newHouse(t, archive.Options{}, reportPolicy)
	e := lmtpTransaction("exchange@journal.example")
	if r := h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader(aReport))[0]; r.Code != 250 {
		t.Fatalf("reply %v", r)
	}
	entry := h.entries(t)[0]
	truth := entry.Truth
	if truth == nil || truth.Evidence != message.EvidenceReport || truth.Kind != "exchange" || truth.Sender != "anna@acme.example" ||
		truth.MessageID != "<in@acme.example>" || len(truth.Originals) != 1 {
		t.Fatalf("the truth is %+v", truth)
	}
	want := []message.Recipient{
		{Address: "bert@acme.example", Class: message.ClassTo, History: message.HistoryExpanded, From: "sales@acme.example"},
		{Address: "secret@elsewhere.example", Class: message.ClassBcc},
	}
	if !slices.Equal(truth.Recipients, want) {
		t.Errorf("recipients %+v", truth.Recipients)
	}
	if body := h.body(t, entry.ID); body != aReport {
		t.Errorf("the delivery came back as %q", body)
	}
	var original bytes.Buffer
	if err := h.archive.WriteOriginal(context.Background(), entry.ID, 0, &original); err != nil || original.String() != inner {
		t.Errorf("the original is %q, error %v", original.String(), err)
	}
}

// Who may be believed: a forged report changes nothing that is known of a message,
// whatever way it comes, and it is archived as it is.
func TestWhoIsBelieved(t *testing.T) {
	const allowed, other = "[2001:db8::1]:25", "203.0.113.9:25"
	for _, c := range []struct {
		name, client, recipient string
		believed                bool
		recipients              []string // that the policy sees
		flag                    string
	}{
		{"allowed peer", allowed, "exchange@journal.example", true, nil, ""},
		{"peer on this machine", "127.0.0.1:25", "open@journal.example", true, nil, ""},
		{"peer on a Unix socket", "unix", "open@journal.example", true, nil, ""},
		{"journal open to all", other, "open@journal.example", false, nil, "untrusted-report"},
		{"plain journal", allowed, "plain@journal.example", false, nil, ""},
		{"journal of header fields", allowed, "fields@journal.example", false, nil, ""},
	} {
		p := readPolicy(t, reportPolicy)
		e := lmtpTransaction(c.recipient)
		e.Client = c.client
		j := p.JournalFor("in", c.recipient)
		got := readText(p, j.Name, lmtpEnvelope(e), aReport)
		if believed := got.truth != nil && got.truth.Evidence == message.EvidenceReport; believed != c.believed {
			t.Errorf("%s: believed %v, want %v: %+v", c.name, believed, c.believed, got.truth)
		}
		if !c.believed && (len(got.facts.Recipients) > 0 || got.facts.Sender != "" || got.facts.JournalKind != "") {
			t.Errorf("%s: the policy is told %+v", c.name, got.facts)
		}
		if c.flag != "" && !slices.Contains(got.flags, c.flag) {
			t.Errorf("%s: flags %q", c.name, got.flags)
		}
	}
	// A milter sees mail of anybody: its envelope is the truth.
	p := readPolicy(t, reportPolicy)
	env := lmtpEnvelope(lmtpTransaction("bert@acme.example"))
	if got := readText(p, "milter", env, aReport); got.truth != nil || !slices.Equal(got.facts.Recipients, []string{"bert@acme.example"}) {
		t.Errorf("milter: %+v", got)
	}
}

func readText(p *policy.Policy, source string, env message.Envelope, text string) reading {
	return read(p, &Arrival{
		Source: source, Envelope: &env, Summary: message.Summarize([]byte(text)), Size: int64(len(text)),
		Body: textBody{strings.NewReader(text), text},
	})
}

type textBody struct {
	*strings.Reader
	text string
}

func (b textBody) Start() []byte { return []byte(b.text) }

// What is no report on a journal of reports is archived as it is, flagged, and never
// skipped for what its header says of its recipients.
func TestStepDown(t *testing.T) {
	h := newHouse(t, archive.Options{}, strings.Replace(reportPolicy, `address    = "exchange@journal.example"`,
		`address      = "exchange@journal.example"
		non_internal = "skip"`, 1))
	text := "From: a@elsewhere.example\r\nTo: b@elsewhere.example\r\n\r\nbody"
	h.ingest.Listener("in", "").Deliver(context.Background(), lmtpTransaction("exchange@journal.example"), strings.NewReader(text))
	list := h.entries(t)
	if len(list) != 1 || !slices.Contains(list[0].Flags, flagNoReport) || list[0].Decision.Action != archive.ActionArchive {
		t.Fatalf("entries %+v", list)
	}
	truth := list[0].Truth
	if truth == nil || truth.Evidence != message.EvidenceHeader || truth.Recipients[0].Address != "b@elsewhere.example" {
		t.Errorf("the truth is %+v", truth)
	}
}

func TestHeaderEnvelope(t *testing.T) {
	p := readPolicy(t, reportPolicy)
	text := "X-Envelope-To: bert@acme.example, carla@acme.example\r\nX-Envelope-From: x@elsewhere.example\r\nTo: list@elsewhere.example\r\n\r\n"
	got := readText(p, "fields", lmtpEnvelope(lmtpTransaction("fields@journal.example")), text)
	if !slices.Equal(got.facts.Recipients, []string{"bert@acme.example", "carla@acme.example"}) || got.facts.Sender != "x@elsewhere.example" ||
		got.truth.Evidence != message.EvidenceFields || len(got.truth.Originals) != 0 {
		t.Errorf("facts %+v, truth %+v", got.facts, got.truth)
	}
}
