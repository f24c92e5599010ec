package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"testing"
	"time"

	"daybook/archive"
	"daybook/archive/message"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCorrespond adds receipts of a tenant to an archive that is not in use.
func scriptCorrespond(ts *testscript.TestScript, neg bool, args []string) {
	from, err := strconv.Atoi(args[2])
	ts.Check(err)
	count, err := strconv.Atoi(args[3])
	ts.Check(err)
	a, err := archive.Open(ts.MkAbs(args[0]), archive.Options{})
	ts.Check(err)
	for n := from; n < from+count; n++ {
		_, err := a.Append(context.Background(), letter(args[1], n))
		ts.Check(err)
	}
	ts.Check(a.Close())
}

// letter is one receipt of a lively correspondence.
func letter(tenant string, n int) *archive.Receipt {
	sender, to := fmt.Sprintf("writer%d@%s.example", n%7, tenant), fmt.Sprintf("reader%d@partner.example", n%11)
	text := fmt.Appendf(nil, "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <letter.%d@mail.%s.example>\r\nSubject: Re: order %d\r\n\r\n%d\r\n",
		sender, to, n*7919, tenant, n*31, n)
	return &archive.Receipt{
		Tenant: tenant, Source: "gateway", Received: time.Date(2026, 1, 2, 10, 0, n, 0, time.UTC),
		Body: bytes.NewReader(text), Size: int64(len(text)), SHA256: sha256.Sum256(text), Summary: message.Summarize(text),
		Envelope: message.Envelope{
			QueueID: fmt.Sprintf("%X", uint64(1)<<32+uint64(n)*104729), Sender: message.Path{Address: sender}, Recipients: []message.Path{{Address: to}},
			Client: message.Client{Address: "192.0.2.25", Name: "mail.partner.example", Helo: "mail.partner.example"},
		},
		Decision: archive.Decision{Action: archive.ActionArchive}, Join: archive.Join{Window: 10 * time.Minute},
	}
}

// What was trained is told from what was there before, whatever the numbers, and from
// what came to other tenants meanwhile.
func TestTrained(t *testing.T) {
	own := func(id uint32, tenant string, entries uint64) archive.OwnDictionary {
		return archive.OwnDictionary{ID: id, Tenant: tenant, Entries: entries}
	}
	before := []archive.OwnDictionary{own(70000, "acme", 256), own(90000, "brook", 256)}
	for _, test := range []struct {
		name string
		come []archive.OwnDictionary
		want uint32
	}{
		{"a higher number", []archive.OwnDictionary{own(95000, "acme", 300)}, 95000},
		{"a lower number", []archive.OwnDictionary{own(66000, "acme", 300)}, 66000},
		{"beside one of another tenant", []archive.OwnDictionary{own(66000, "acme", 300), own(99000, "brook", 2048)}, 66000},
		{"two, one trained in the background", []archive.OwnDictionary{own(66000, "acme", 2049), own(99000, "acme", 2048)}, 66000},
		{"only one of another tenant", []archive.OwnDictionary{own(99000, "brook", 2048)}, 0},
		{"nothing", nil, 0},
	} {
		d, err := trained(before, append(append([]archive.OwnDictionary(nil), before...), test.come...), "acme")
		if d.Number != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%s: dictionary %d, %v; want %d", test.name, d.Number, err, test.want)
		}
	}
}
