package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"daybook/archive"
	"daybook/lmtp"
	"daybook/milter"
)

// send delivers a message over LMTP and gives the replies.
func (h *house) send(sender, body string, recipients ...string) []lmtp.Reply {
	e := lmtpTransaction(recipients...)
	e.Sender.Address = sender
	return h.lmtp().Deliver(context.Background(), e, strings.NewReader(body))
}

const oneTenant = `tenant "acme" {
	domains = ["acme.example"]
	known   = ["anna@acme.example a.berg@acme.example"]
}`

func TestDecisionIsRecorded(t *testing.T) {
	h := newHouse(t, archive.Options{}, oneTenant,
		`rule "invoices" {
			when   = header("X-Kind") == "invoice" && sender.domain == "example.com"
			action = "archive"
			tags   = ["tax", "keep-10y"]
			reason = "ten years"
		}`)
	h.send("a@example.com", "X-Kind: invoice\r\n\r\n", "anna@acme.example")
	h.send("a@example.com", "X-Kind: other\r\n\r\n", "anna@acme.example")
	list := h.entries(t)
	want := archive.Decision{
		Action: archive.ActionArchive, Rule: "invoices", At: "policy.hcl:5", Reason: "ten years",
		Policy: h.ingest.Policy().Digest, Tags: []string{"tax", "keep-10y"},
	}
	if got := list[0].Decision; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the decision is %+v, want %+v", got, want)
	}
	if got := list[1].Decision; got.Action != archive.ActionArchive || got.Rule != "" || got.Policy != want.Policy {
		t.Errorf("no rule matches, and the decision is %+v", got)
	}
}

// What is skipped leaves an event with everything but the body, so that the count
// of what came in adds up; what is quarantined is archived in full.
func TestSkipAndQuarantine(t *testing.T) {
	h := newHouse(t, archive.Options{}, oneTenant,
		`rule "monitoring" {
			when   = sender.address == "probe@example.com" && client.address == "2001:db8::1"
			action = "skip"
			reason = "a probe a minute"
		}
		rule "odd" {
			when   = message.subject == "odd"
			action = "quarantine"
		}`)
	if r := h.send("Probe@Example.com", "Message-ID: <p@x>\r\n\r\nprobe", "anna@acme.example")[0]; r.Code != 250 || r.Text != "recorded as event 1" {
		t.Errorf("a skipped message is answered %v", r)
	}
	if r := h.send("a@example.com", "Subject: odd\r\n\r\n", "anna@acme.example")[0]; r.Code != 250 || r.Text != "archived as 2" {
		t.Errorf("a quarantined message is answered %v", r)
	}
	events, list := h.events(t), h.entries(t)
	if len(events) != 1 || len(list) != 1 {
		t.Fatalf("%d events and %d entries, want 1 and 1", len(events), len(list))
	}
	e := events[0]
	if e.Kind != archive.EventSkip || e.Tenant != "acme" || e.Source != "lmtp" || e.Size != 26 || e.SHA256 == (archive.Digest{}) ||
		e.Envelope.Sender.Address != "Probe@Example.com" || len(e.Envelope.Recipients) != 1 || e.MessageID != "<p@x>" ||
		e.Decision == nil || e.Decision.Rule != "monitoring" || e.Decision.Policy != h.ingest.Policy().Digest {
		t.Errorf("the event is %+v", e)
	}
	if list[0].Quarantine != archive.QuarantineWaiting || h.body(t, list[0].ID) != "Subject: odd\r\n\r\n" {
		t.Errorf("the entry is %+v", list[0])
	}
	if st := h.status(t, "lmtp"); st.Counts["skipped"] != 1 || st.Counts["quarantined"] != 1 || st.State != StateRunning {
		t.Errorf("status %+v", st)
	}
}

// Trouble in recording that a message is skipped is trouble like any other: the
// message must come again.
func TestSkipThatCannotBeRecorded(t *testing.T) {
	h := newHouse(t, archive.Options{}, `rule "all" {
		when   = true
		action = "skip"
	}`)
	h.archive.Close()
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 451 {
		t.Errorf("reply %v", r)
	}
}

const twoTenants = `
tenant "acme"   { domains = ["acme.example"] }
tenant "globex" { domains = ["globex.example", "*.globex.example"] }
tenant "house"  { }
milter "milter" {
	listen    = "tcp:127.0.0.1:0"
	tenants   = ["acme", "globex"]
	unclaimed = "house"
}
lmtp "lmtp" {
	listen       = "tcp:127.0.0.1:0"
	tenants      = ["acme", "globex"]
	unclaimed    = "house"
	non_internal = "skip"
}
rule "globex" {
	when   = tenant == "globex" && any([for r in recipients : r.internal])
	action = "quarantine"
}`

// A message goes to every tenant with an address in it, each deciding for itself.
func TestSeveralTenants(t *testing.T) {
	h := newHouse(t, archive.Options{}, twoTenants)
	for _, c := range []struct {
		sender     string
		recipients []string
		want       []string
	}{
		{"x@elsewhere.example", []string{"a@acme.example"}, []string{"acme archive"}},
		{"x@elsewhere.example", []string{"a@acme.example", "b@sub.globex.example"}, []string{"acme archive", "globex quarantine"}},
		{"b@globex.example", []string{"a@acme.example"}, []string{"acme archive", "globex archive"}},
		{"x@elsewhere.example", []string{"y@elsewhere.example"}, []string{"house skip"}},
	} {
		before, events := len(h.entries(t)), len(h.events(t))
		if r := h.send(c.sender, "Subject: x\r\n\r\nbody", c.recipients...)[0]; r.Code != 250 {
			t.Errorf("%v: reply %v", c, r)
		}
		var got []string
		for _, e := range h.entries(t)[before:] {
			got = append(got, fmt.Sprintf("%s %s", e.Tenant, e.Decision.Action))
			if body := h.body(t, e.ID); body != "Subject: x\r\n\r\nbody" {
				t.Errorf("entry %d of %s has %q", e.ID, e.Tenant, body)
			}
		}
		for _, e := range h.events(t)[events:] {
			got = append(got, fmt.Sprintf("%s %s", e.Tenant, e.Decision.Action))
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("from %s to %s: %q, want %q", c.sender, c.recipients, got, c.want)
		}
	}
}

// With one of the tenants' copies in trouble the whole message is: it comes again,
// and the others have it twice rather than one not at all.
func TestSeveralTenantsInTrouble(t *testing.T) {
	h := newHouse(t, archive.Options{MinFree: 1 << 62}, twoTenants)
	if r := h.send("x@y", "x", "a@acme.example", "b@globex.example")[0]; r.Code != 452 {
		t.Errorf("reply %v", r)
	}
}

func TestSuspended(t *testing.T) {
	const suspended = `
		milter "milter" {
			listen    = "tcp:127.0.0.1:0"
			suspended = true
		}
		lmtp "lmtp" {
			listen    = "tcp:127.0.0.1:0"
			suspended = true
		}`
	h := newHouse(t, archive.Options{}, suspended)
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 451 || r.Enhanced != "4.3.2" {
		t.Errorf("LMTP: %v", r)
	}
	if v := capture(h.milter(), "x"); v.Action != milter.TempFail || !strings.HasPrefix(v.Reply, "451 4.3.2") {
		t.Errorf("milter: %v %q", v.Action, v.Reply)
	}
	if n := len(h.entries(t)); n != 0 {
		t.Errorf("%d entries", n)
	}
	if st := h.status(t, "lmtp"); st.State != StateSuspended {
		t.Errorf("state %q", st.State)
	}
	h.ingest.SetPolicy(readPolicy(t))
	if r := h.send("a@x", "x", "b@x")[0]; r.Code != 250 {
		t.Errorf("after the suspension: %v", r)
	}
}

// The recipients of one transaction may belong to different journals, and to none.
func TestJournalsByAddress(t *testing.T) {
	h := newHouse(t, archive.Options{}, `
		journal "one" { 
			address = "one@journal.example"
			format  = "plain"
		}
		journal "two" { 
			address   = "two@journal.example"
			format    = "plain"
			suspended = true
		}
		journal "three" { 
			address = "three@journal.example"
			format  = "plain"
		}`)
	replies := h.send("", "From: a@x\r\n\r\n", "ONE@Journal.Example", "two@journal.example", "three@journal.example", "four@journal.example", "one@journal.example")
	var codes []int
	for _, r := range replies {
		codes = append(codes, r.Code)
	}
	if !slices.Equal(codes, []int{250, 451, 250, 451, 250}) {
		t.Errorf("replies %v", replies)
	}
	var sources []string
	for _, e := range h.entries(t) {
		sources = append(sources, fmt.Sprintf("%s %d", e.Source, len(e.Envelope.Recipients)))
	}
	if !slices.Equal(sources, []string{"one 2", "three 1"}) {
		t.Errorf("entries of %v", sources)
	}
}
