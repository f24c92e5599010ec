package main

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"daybook/policy"
)

// A report that is archived but not believed is told, with the way out.
func TestProbeIsJudged(t *testing.T) {
	test := &journalTest{way: &journalWay{Report: true}, mail: &probeMail{sender: "p@acme.example", recipient: "p@acme.example"}}
	good := entry{ID: 7, Tenant: "acme", Evidence: "report", Sender: "p@acme.example", Recipients: []string{"p@acme.example"}, Decision: decision{Action: "quarantine"}}
	if said, err := test.judged(&good); err != nil || said != "entry 7 of tenant acme, quarantine: no rule matches; the report was read" {
		t.Errorf("%q, %v", said, err)
	}
	for _, change := range []func(*entry){
		func(e *entry) { e.Evidence = "header" },
		func(e *entry) { e.Sender = "other@acme.example" },
		func(e *entry) { e.Recipients = nil },
	} {
		e := good
		e.Flags = []string{"no-report"}
		change(&e)
		_, err := test.judged(&e)
		if _, ok := errors.AsType[*notBelieved](err); !ok || !strings.Contains(test.wayOut(err), "allow_from") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// No line of the probe's messages begins with a dot, and none is too long.
func TestProbeMail(t *testing.T) {
	for _, w := range []*journalWay{{Address: "*"}, {Address: "j@x.example", Report: true, Domain: "acme.example"}} {
		m := newProbeMail(w, "secret", time.Now())
		for line := range strings.Lines(m.text) {
			if strings.HasPrefix(line, ".") || !strings.HasSuffix(line, "\r\n") || len(line) > 998 {
				t.Errorf("%q", line)
			}
		}
		if !strings.Contains(m.text, "\r\nMessage-ID: "+m.id+"\r\n") || m.address == "*" {
			t.Errorf("%+v", m)
		}
	}
}

func TestStaysHere(t *testing.T) {
	for text, want := range map[string]bool{
		"tcp:127.0.0.1:25": true, "tcp:127.9.9.9:25": true, "tcp:[::1]:25": true, "tcp:localhost:25": true, "unix:/run/x": true,
		"tcp::25": false, "tcp:0.0.0.0:25": false, "tcp:[::]:25": false, "tcp:192.0.2.1:25": false, "tcp:localhost.example:25": false,
	} {
		addr, err := policy.ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := staysHere(&policy.Listener{Listen: addr}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestDoubtOfCertificate(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, tt := range []struct {
		from, until time.Duration
		want        string
	}{
		{-day, 100 * day, ""},
		{-day, 15 * day, ""},
		{-day, 13 * day, "it expires at 2026-05-23 12:00 UTC"},
		{-2 * day, -day, "it expired at 2026-05-09 12:00 UTC"},
		{day, 100 * day, "it is not valid before 2026-05-11 12:00 UTC"},
	} {
		c := &x509.Certificate{NotBefore: now.Add(tt.from), NotAfter: now.Add(tt.until)}
		if got := doubtOf(c, now); got != tt.want {
			t.Errorf("from %v until %v: %q, want %q", tt.from, tt.until, got, tt.want)
		}
	}
}
