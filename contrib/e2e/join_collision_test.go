package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestJoinCollisions sends pairs of mails that have their Message-ID in common, and not
// their content: one by the milter, the other in a report, the first of them in turn.
// Nothing is joined, and an event names each pair.
func TestJoinCollisions(t *testing.T) {
	j := startJoining(t)
	pairs := make([]*mail, joinedMails())
	for n := range pairs {
		pairs[n] = newMail(n)
	}
	j.each(t, pairs, func(c *carrier, n int, m *mail) {
		report := func() { other := otherContent(n, m.data); c.journal(m, m.journalCopy(other, m.lines)) }
		if n%2 == 1 {
			report()
		}
		c.submit(m, m.data)
		if n%2 == 0 {
			report()
		}
	})
	j.settle(t, pairs)
	copies := j.listCopies(t)
	var found []string
	for id, list := range copies {
		if len(list) != 1 || list[0].Joined != "" || list[0].ID != id {
			found = append(found, fmt.Sprintf("message %s has %d entries", id, len(list)))
		}
	}
	all := j.mails(t)
	if len(all) != 2*len(pairs) {
		t.Errorf("the archive has %d messages, want %d", len(all), 2*len(pairs))
	}
	found = append(found, collisionsFound(t, j.daybook, pairs, copies)...)
	report(t, found)
	t.Logf("%d messages with %d Message-IDs, %d differences", len(all), len(pairs), len(found))
	j.stop(t)
	checkRebuilt(t, j.daybook, all)
}

// otherContent is a mail with the same Message-ID, and with something else in it: in the
// body, in a blank, or in one of the fields that count.
func otherContent(n int, data []byte) []byte {
	for _, change := range [][2]string{
		{"\r\nMessage-ID:", "!\r\nMessage-ID:"}, // the Date is no date
		{"Subject: the offer", "Subject: THE offer"},
		{"From: Somebody <s", "From: Somebody <x"},
		{"10:00:00 +0100", "10:00:01 +0100"},
		{"\r\n\r\n", "\r\n\r\nOne line more.\r\n"},
	}[n%5:] {
		if s := strings.Replace(string(data), change[0], change[1], 1); s != string(data) {
			return []byte(s)
		}
	}
	return nil
}

// collisionsFound compares the events with the pairs: each pair is two messages, the
// later one names the earlier, and so does an event.
func collisionsFound(t *testing.T, d *daybook, pairs []*mail, copies map[entryID][]copyShown) (found []string) {
	t.Helper()
	byDigest := map[string]*copyShown{}
	for _, list := range copies {
		byDigest[list[0].SHA256] = &list[0]
	}
	events := collisions(t, d)
	for _, m := range pairs {
		one, two := byDigest[hexSHA256(m.copies[0].data)], byDigest[hexSHA256(m.copies[1].data)]
		switch {
		case one == nil || two == nil:
			found = append(found, m.id+" is not in the archive twice")
		case two.Collides != one.ID || one.Collides != "0":
			found = append(found, fmt.Sprintf("%s: entry %s collides with %s, entry %s with %s", m.id, one.ID, one.Collides, two.ID, two.Collides))
		case !slices.Equal(events[two.ID], []entryID{one.ID}):
			found = append(found, fmt.Sprintf("%s: events say that entry %s collides with %v, want %s", m.id, two.ID, events[two.ID], one.ID))
		}
		delete(events, two.ID)
	}
	for id, others := range events {
		found = append(found, fmt.Sprintf("events say that entry %s collides with %v", id, others))
	}
	return found
}

// collisions gives what the events of that kind say: an entry, and the messages that it
// collides with.
func collisions(t testing.TB, d *daybook) map[entryID][]entryID {
	t.Helper()
	named := map[entryID][]entryID{}
	out := mustRun(t, d.bin, "events", "--data", d.data, "--json", "--kind", "collision")
	for _, e := range readLines[struct {
		Entry entryID
		Text  string
	}](t, out) {
		var entry, other uint64
		if _, err := fmt.Sscanf(e.Text, "entry %d has the Message-ID of message %d and another content", &entry, &other); err != nil {
			t.Errorf("the event %q: %v", e.Text, err)
		}
		if entryID(fmt.Sprint(entry)) != e.Entry {
			t.Errorf("the event of entry %s: %q", e.Entry, e.Text)
		}
		named[e.Entry] = append(named[e.Entry], entryID(fmt.Sprint(other)))
	}
	return named
}
