package e2e

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// joinTraffic is mail that comes by the milter and in reports until it is told to stop.
type joinTraffic struct {
	*joining
	stop    chan struct{}
	running sync.WaitGroup
	acked   atomic.Int64 // deliveries that were acknowledged
	again   atomic.Int64 // deliveries that had to be sent again
	mu      sync.Mutex
	mails   []*mail
}

// TestJoinKilled kills the daemon, with SIGKILL, again and again while the same mail
// comes by the milter and in reports. Each delivery that is not acknowledged is sent
// again. Nothing that was acknowledged is missing, each mail is one message, and a
// rebuild comes to the same messages.
func TestJoinKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	k := &joinTraffic{joining: startJoining(t), stop: make(chan struct{})}
	halt := sync.OnceFunc(func() { close(k.stop) })
	t.Cleanup(func() {
		halt()
		k.running.Wait()
	})
	for range 8 {
		k.running.Go(func() { k.carry(t) })
	}
	for range rounds {
		enough := k.acked.Load() + 30 + mathrand.Int64N(60)
		eventually(t, time.Minute, func() error {
			if n := k.acked.Load(); n < enough {
				return fmt.Errorf("%d deliveries were acknowledged, waiting for %d", n, enough)
			}
			return nil
		})
		k.proc.kill()
		k.start(t)
	}
	halt()
	k.running.Wait()
	k.postfix.waitForEmptyQueue(t)
	all := k.check(t)
	k.daybook.stop(t)
	checkRebuilt(t, k.daybook, all)
}

// carry sends one mail after the other, by both ways, until the traffic is to stop. A
// mail that is begun is completed.
func (k *joinTraffic) carry(t *testing.T) {
	c := &carrier{t, line{addr: k.postfix.addr()}, line{}, line{addr: k.journals}}
	defer c.outer.cut()
	defer c.journals.cut()
	for {
		select {
		case <-k.stop:
			return
		default:
		}
		k.mu.Lock()
		n := len(k.mails)
		m := newMail(n)
		k.mails = append(k.mails, m)
		k.mu.Unlock()
		edge, journaled := m.data, passedOn(m.data)
		if n%2 == 1 {
			edge, journaled = journaled, edge
		}
		m.copies = []*delivered{m.milterCopy(edge), m.journalCopy(journaled, m.lines)}
		lines := []*line{&c.outer, &c.journals}
		for _, way := range []int{n % 2, 1 - n%2} {
			if !k.insist(t, lines[way], m.copies[way]) {
				return
			}
		}
	}
}

// milterCopy is what the milter is shown of a mail.
func (m *mail) milterCopy(data []byte) *delivered {
	return &delivered{source: "edge", env: m.env, data: data, mail: data, told: envelopeTold(m.env)}
}

// insist sends a copy until it is acknowledged, or the test has been given up.
func (k *joinTraffic) insist(t *testing.T, l *line, c *delivered) bool {
	deadline := time.Now().Add(2 * time.Minute)
	for t.Context().Err() == nil {
		r, err := l.deliver(c.env, c.data)
		if no, ok := err.(*refusal); ok {
			r, err = no.reply, nil
		}
		switch {
		case err == nil && r.ok():
			k.acked.Add(1)
			return true
		case err == nil && r.code/100 != 4:
			t.Errorf("a copy by %s was answered %v", c.source, r)
			return false
		case time.Now().After(deadline):
			t.Errorf("a copy by %s was not taken in two minutes: reply %v, error %v", c.source, r, err)
			return false
		}
		l.cut()
		k.again.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// check compares the archive with what was acknowledged. It may have more copies: those
// whose reply was lost.
func (k *joinTraffic) check(t *testing.T) []mailShown {
	t.Helper()
	all, copies := k.daybook.mails(t), k.copies(t)
	shown := map[entryID]mailShown{}
	for _, m := range all {
		shown[m.ID] = m
	}
	byDigest := map[string][]copyShown{}
	entries := 0
	for _, list := range copies {
		for _, e := range list {
			byDigest[e.SHA256] = append(byDigest[e.SHA256], e)
			entries++
		}
	}
	var found []string
	for _, m := range k.mails {
		one, two := hexSHA256(m.copies[0].data), hexSHA256(m.copies[1].data)
		found = append(found, m.compareKilled(byDigest[one], byDigest[two], shown)...)
		entries -= len(byDigest[one]) + len(byDigest[two])
	}
	report(t, found)
	if entries != 0 {
		t.Errorf("the archive has %d entries that nobody sent", entries)
	}
	if len(all) != len(k.mails) {
		t.Errorf("the archive has %d messages, want %d", len(all), len(k.mails))
	}
	if e := collisions(t, k.daybook); len(e) > 0 {
		t.Errorf("collisions: %v", e)
	}
	t.Logf("%d deliveries of %d mails were acknowledged, %d were sent again; %d differences", k.acked.Load(), len(k.mails), k.again.Load(), len(found))
	return all
}

// compareKilled tells what is wrong with a mail's copies by the milter and in reports.
func (m *mail) compareKilled(edge, journaled []copyShown, shown map[entryID]mailShown) (found []string) {
	if len(edge) == 0 || len(journaled) == 0 {
		return []string{fmt.Sprintf("%s was acknowledged twice, and has %d copies by the milter and %d in reports", m.id, len(edge), len(journaled))}
	}
	for i, list := range [][]copyShown{edge, journaled} {
		for _, e := range list {
			found = append(found, compareBytes(m.id, e.data, m.copies[i].data)...)
			found = append(found, compareBytes(m.id+" itself", e.mail(), m.copies[i].mail)...)
			if e.Message != edge[0].Message || e.Source != m.copies[i].source {
				found = append(found, fmt.Sprintf("%s: entry %s by %s is of message %s, want %s", m.id, e.ID, e.Source, e.Message, edge[0].Message))
			}
		}
	}
	got := shown[edge[0].Message]
	told := slices.Concat(m.copies[0].told, m.copies[1].told)
	slices.Sort(told)
	if g, w := strings.Join(got.told(), "; "), strings.Join(told, "; "); g != w {
		found = append(found, fmt.Sprintf("%s: the union of envelopes is\n %s\n want %s", m.id, g, w))
	}
	if got.Entries != len(edge)+len(journaled) || len(got.Variants) != 2 {
		found = append(found, fmt.Sprintf("%s: message %s has %d entries in %d variants, want %d in 2", m.id, got.ID, got.Entries, len(got.Variants), len(edge)+len(journaled)))
	}
	return found
}
