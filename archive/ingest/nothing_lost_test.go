package ingest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/archive/message"
)

// skipping is a policy that skips all it may: what has no internal address, and what
// its rules can find of other senders and recipients.
const skipping = `
	tenant "acme" { domains = ["acme.example"] }
	smtp "in" { listen = "tcp:127.0.0.1:0" }
	milter "milter" { listen = "tcp:127.0.0.1:0" }
	journal "reports" {
		ADDRESS
		allow_from   = ["2001:db8::/64"]
		non_internal = "skip"
	}
	rule "elsewhere" {
		when   = source == "reports" && !sender.internal && all([for r in recipients : !r.internal])
		action = "skip"
	}
	rule "external" {
		when   = source == "reports" && direction == "external"
		action = "skip"
	}
`

// reportOf is a report with these lines, about an original with this header.
func reportOf(lines, header string) string {
	text := strings.Replace(aReport, "Sender: anna@acme.example\r\nSubject: offer\r\nMessage-Id: <in@acme.example>\r\n"+
		"To: bert@acme.example, Expanded: sales@acme.example\r\nBcc: secret@elsewhere.example\r\n", lines, 1)
	return strings.Replace(text, inner, header+"\r\nthe offer\r\n", 1)
}

const head = "Subject: offer\r\nMessage-Id: <in@acme.example>\r\n"

// Nothing is skipped because of what the sender can write, or because of what is not
// known: such mail is archived, whatever the policy would have skipped.
func TestNothingIsSkippedByGuess(t *testing.T) {
	const (
		outside = "Recipient: x@elsewhere.example\r\n"
		from    = "From: me@private.example\r\nSubject: offer\r\nMessage-ID: <in@acme.example>\r\n"
	)
	for name, text := range map[string]string{
		"no report":                       "From: a@elsewhere.example\r\nTo: b@elsewhere.example\r\n\r\nbody",
		"no recipients":                   reportOf("Sender: a@elsewhere.example\r\n"+head, from),
		"no sender":                       reportOf("Sender: Unspecified Address\r\n"+head+outside, from),
		"sender is the author's word":     reportOf("Sender: me@private.example\r\n"+head+outside, from),
		"internal sender, another author": reportOf("Sender: me@private.example\r\n"+head+outside, from+"Return-Path: <anna@acme.example>\r\n"),
		"internal author":                 reportOf("Sender: anna@acme.example\r\n"+head+outside, from+"Return-Path: <x@elsewhere.example>\r\n"),
		"internal on behalf of":           reportOf("Sender: me@private.example\r\nOn-Behalf-Of: anna@acme.example\r\n"+head+outside, from+"Return-Path: <x@elsewhere.example>\r\n"),
		"an address of another kind":      reportOf("Sender: x@elsewhere.example\r\n"+head+outside+"Recipient: /o=Acme/ou=x/cn=bert\r\n", from+"Return-Path: <x@elsewhere.example>\r\n"),
		"an internal list":                reportOf("Sender: x@elsewhere.example\r\n"+head+"Recipient: y@elsewhere.example, Expanded: all@acme.example\r\n", from+"Return-Path: <x@elsewhere.example>\r\n"),
		"a report from a stranger":        aReport,
	} {
		for _, address := range []string{`address = "reports@journal.example"`, ``} {
			h := newHouse(t, archive.Options{}, strings.Replace(skipping, "ADDRESS", address, 1))
			e := lmtpTransaction("reports@journal.example")
			e.Sender.Address = ""
			if name == "a report from a stranger" {
				h = newHouse(t, archive.Options{}, strings.Replace(strings.Replace(skipping, "ADDRESS", address, 1),
					`allow_from   = ["2001:db8::/64"]`, "", 1))
			}
			r := h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader(text))[0]
			if n := len(h.entries(t)); r.Code != 250 || n != 1 {
				t.Errorf("%s, %q: %d entries, reply %v, events %+v", name, address, n, r, h.events(t))
			}
		}
	}
}

// What is known for sure is skipped, and its event says what that rested on.
func TestSkippedReport(t *testing.T) {
	h := newHouse(t, archive.Options{}, strings.Replace(skipping, "ADDRESS", "", 1))
	text := reportOf("Sender: a@elsewhere.example\r\n"+head+"Recipient: b@elsewhere.example\r\n",
		"From: a@elsewhere.example\r\nMessage-ID: <in@acme.example>\r\nSubject: offer\r\nReturn-Path: <a@elsewhere.example>\r\n")
	h.ingest.Listener("in", "").Deliver(context.Background(), lmtpTransaction("reports@journal.example"), strings.NewReader(text))
	events := h.events(t)
	if len(events) != 1 || events[0].Kind != archive.EventSkip {
		t.Fatalf("events %+v", events)
	}
	truth := events[0].Truth
	if truth == nil || truth.Evidence != message.EvidenceReport || truth.Sender != "a@elsewhere.example" ||
		truth.Recipients[0].Address != "b@elsewhere.example" || truth.MessageID != "<in@acme.example>" {
		t.Errorf("the truth is %+v", truth)
	}
}

// Mail that goes past the archive is a gap of the tenants whose mail it is.
func TestGapOfSeveralTenants(t *testing.T) {
	text := strings.Replace(twoTenants, `unclaimed = "house"`, "unclaimed = \"house\"\n on_failure = \"accept\"", 1)
	for _, recipients := range [][]string{{"a@acme.example", "b@globex.example"}, {"b@globex.example"}} {
		h := newHouse(t, archive.Options{MinFree: 1 << 62}, text)
		s := h.milter()
		captureFor(s, "body", recipients...)
		var got []string
		for _, e := range h.events(t) {
			got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Tenant))
		}
		slices.Sort(got)
		want := []string{"gap acme", "gap globex"}[2-len(recipients):]
		if !slices.Equal(got, want) {
			t.Errorf("%q: events %q, want %q", recipients, got, want)
		}
	}
}

// The policy that judges a message is the one in force when all of it is there.
func TestPolicyAtTheEnd(t *testing.T) {
	h := newHouse(t, archive.Options{}, `rule "all" {
		when   = true
		action = "skip"
	}`)
	body := io.MultiReader(strings.NewReader("Subject: x\r\n"), readerFunc(func([]byte) (int, error) {
		h.ingest.SetPolicy(readPolicy(t))
		return 0, io.EOF
	}))
	if r := h.lmtp().Deliver(context.Background(), lmtpTransaction("b@x"), body)[0]; r.Code != 250 {
		t.Fatalf("reply %v", r)
	}
	if n := len(h.entries(t)); n != 1 {
		t.Errorf("%d entries: the message was judged by a policy that had been replaced", n)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Below the floor of free space, and while the text of the policy is not kept, a skip
// is deferred like everything else.
func TestSkipIsDeferredToo(t *testing.T) {
	const all = `rule "all" {
		when   = true
		action = "skip"
	}`
	h := newHouse(t, archive.Options{MinFree: 1 << 62}, all)
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 452 {
		t.Errorf("below the floor: %v", r)
	}
	h = newHouse(t, archive.Options{}, all)
	h.ingest.Hold(true)
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 452 {
		t.Errorf("held: %v", r)
	}
	h.ingest.Hold(false)
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 250 {
		t.Errorf("taken again: %v", r)
	}
}
