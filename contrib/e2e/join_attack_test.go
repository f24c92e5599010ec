package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// attack is what an outsider sends who knows Message-ID, From, Date and Subject of a mail
// that is to come.
type attack struct {
	name  string
	forge func(real *mail, n int) []byte // makes forgery number n
	count int                            // of forgeries
	// between has them sent between the copies of the real mail, not before it. parts
	// tells that the archive then takes the copies for two mails: so many had come.
	between, parts bool
	// otherID tells that the forgery has a Message-ID of its own.
	otherID bool
}

func attacks() []attack {
	return []attack{
		{name: "a forgery before", forge: forged, count: 1},
		{name: "a forgery between the copies", forge: forged, count: 1, between: true},
		{name: "a forged report before", forge: forgedReport, count: 1, otherID: true},
		{name: "the body and more, before", forge: withMore, count: 1},
		{name: "a flood before", forge: forged, count: 40},
		{name: "a flood between the copies", forge: forged, count: 40, between: true, parts: true},
	}
}

// forged is a mail with the header of the real one.
func forged(real *mail, n int) []byte {
	head, _, _ := bytes.Cut(real.data, []byte("\r\n\r\n"))
	head = bytes.Replace(head, []byte("multipart/mixed"), []byte("text/plain"), 1)
	return slices.Concat(head, fmt.Appendf(nil, "\r\n\r\nNothing to see here, %d.\r\n", n))
}

func forgedReport(real *mail, n int) []byte {
	return journalReport(real.id, real.author, real.lines, forged(real, n))
}

// withMore is the real mail with something behind its last part, which readers skip.
func withMore(real *mail, _ int) []byte {
	return slices.Concat(real.data, []byte("below the last part\r\n"))
}

// TestJoinAttack has an outsider try to have a mail suppressed, by Postfix as everybody
// can. Whatever was sent before: the real one is archived, is in the list, and comes
// out as it was sent; so does each forgery, and the archive says that they collide.
func TestJoinAttack(t *testing.T) {
	j := startJoining(t)
	for i, a := range attacks() {
		t.Run(a.name, func(t *testing.T) { a.play(t, j, newMail(2+4*i)) })
	}
	all := j.mails(t)
	j.stop(t)
	checkRebuilt(t, j.daybook, all)
}

func (a *attack) play(t *testing.T, j *joining, real *mail) {
	c := &carrier{t, line{addr: j.postfix.addr()}, line{}, line{addr: j.journals}}
	defer c.outer.cut()
	defer c.journals.cut()
	outsider := &mail{id: a.name, env: envelope{"outsider@example.org", []string{"clerk@acme.example"}}}
	flood := func() {
		for n := range a.count {
			c.submit(outsider, a.forge(real, n))
		}
	}
	if !a.between {
		flood()
	}
	id := c.submit(real, real.data)
	mailbox := j.settle(t, []*mail{real, outsider})[id]
	if a.between {
		flood()
	}
	c.journal(real, real.journalCopy(mailbox, real.lines))
	j.settle(t, []*mail{real, outsider})
	a.check(t, j.daybook, real, outsider)
}

// check looks for the real mail and the forgeries.
func (a *attack) check(t *testing.T, d *daybook, real, outsider *mail) {
	t.Helper()
	copies := d.copies(t)
	byDigest := map[string]copyShown{}
	for _, list := range copies {
		for _, one := range list {
			byDigest[one.SHA256] = one
		}
	}
	shown := map[entryID]mailShown{}
	for _, one := range d.mails(t) {
		shown[one.ID] = one
	}
	var found []string
	for _, c := range append(slices.Clone(real.copies), outsider.copies...) {
		e, ok := byDigest[hexSHA256(c.data)]
		if !ok {
			t.Fatalf("a copy by %s with digest %s is not in the archive", c.source, hexSHA256(c.data))
		}
		if _, ok := shown[e.Message]; !ok {
			t.Errorf("message %s is not in the list", e.Message)
		}
		b, err := d.get(e.ID)
		found = append(found, compareBytes(fmt.Sprintf("%s as entry %s (%v)", c.source, e.ID, err), b, c.data)...)
	}
	report(t, found)
	first, second := byDigest[hexSHA256(real.copies[0].data)], byDigest[hexSHA256(real.copies[1].data)]
	if (first.Message != second.Message) != a.parts {
		t.Errorf("the copies of the real mail are of messages %s and %s", first.Message, second.Message)
	}
	for _, c := range outsider.copies {
		forgery := byDigest[hexSHA256(c.data)]
		if forgery.Message == first.Message || forgery.Message == second.Message {
			t.Errorf("forgery %s is of the real mail's message %s", forgery.ID, forgery.Message)
		}
	}
	last := byDigest[hexSHA256(outsider.copies[len(outsider.copies)-1].data)]
	events := collisions(t, d)
	named := slices.ContainsFunc([]copyShown{first, second}, func(real copyShown) bool {
		return slices.Contains(events[real.ID], last.Message) || slices.Contains(events[last.ID], real.Message)
	})
	if named == a.otherID {
		t.Errorf("events: %v; the real mail is entries %s and %s, the forgery entry %s", events, first.ID, second.ID, last.ID)
	}
	explained(t, d, first, last)
}

// explained asks the archive why the real mail and a forgery are two messages.
func explained(t *testing.T, d *daybook, real, forgery copyShown) {
	t.Helper()
	explain := []string{d.bin, "dedup", "explain", "--data", d.data, string(real.ID), string(forgery.ID)}
	out := mustRun(t, append(explain, "--json")...)
	var x struct {
		One, Two struct{ ID entryID }
		Together bool
		Fields   []struct {
			Name  string
			Equal bool
		}
	}
	if err := json.Unmarshal(out, &x); err != nil {
		t.Fatal(err)
	}
	differs := 0
	for _, f := range x.Fields {
		if !f.Equal {
			differs++
		}
	}
	pair := []entryID{x.One.ID, x.Two.ID}
	if x.Together || differs == 0 || !slices.Contains(pair, real.ID) || !slices.Contains(pair, forgery.ID) {
		t.Errorf("dedup explain %s %s: %s", real.ID, forgery.ID, out)
	}
	text := mustRun(t, explain...)
	for _, id := range []entryID{real.ID, forgery.ID} {
		if !regexp.MustCompile(`\bentry ` + string(id) + `\b`).Match(text) {
			t.Errorf("dedup explain does not name entry %s:\n%s", id, text)
		}
	}
}
