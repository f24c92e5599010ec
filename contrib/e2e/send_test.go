package e2e

import (
	"bytes"
	"errors"
	"path"
	"strings"
	"sync"
	"testing"
)

// accepted is a message that a mail server took.
type accepted struct {
	message
	env     envelope
	queueID string
}

// expectedRefusal is mail that the mail server itself does not take by its own
// rules: Daybook is not asked, or has no say. It is asserted in both directions:
// every other message must be accepted, and these must not.
type expectedRefusal struct {
	match  func(message) bool
	reply  string // how the reply begins
	reason string
}

// named matches messages by name, with * as in file names.
func named(pattern string) func(message) bool {
	return func(m message) bool {
		ok, _ := path.Match(pattern, m.name)
		return ok
	}
}

// sender sends many messages to a mail server over a few connections.
type sender struct {
	addr     string
	queuedAs func(reply) (string, bool) // finds the queue id in the last reply
	refused  []expectedRefusal
}

// sendAll sends all messages and returns those that were accepted, in order.
func (s sender) sendAll(t *testing.T, all messages) []accepted {
	t.Helper()
	const connections = 4
	results := make([]*accepted, len(all))
	var wg sync.WaitGroup
	for w := range connections {
		wg.Go(func() {
			c := &conversation{sender: s}
			defer c.end()
			for i := w; i < len(all); i += connections {
				results[i] = c.send(t, i, all[i])
			}
		})
	}
	wg.Wait()
	var sent []accepted
	for i, r := range results {
		if r != nil {
			sent = append(sent, *r)
		}
		s.checkMissingRefusal(t, all[i], r != nil)
	}
	return sent
}

// conversation is one of a sender's connections, renewed now and then.
type conversation struct {
	sender
	d     *dialogue
	count int
}

func (c *conversation) end() {
	if c.d != nil {
		c.d.close()
		c.d = nil
	}
}

// send sends message number i and returns it if it was accepted.
func (c *conversation) send(t *testing.T, i int, m message) *accepted {
	if c.d == nil {
		d, err := openDialogue("tcp", c.addr, false)
		if err != nil {
			t.Errorf("message %q: connect: %v", m.name, err)
			return nil
		}
		c.d, c.count = d, 0
	}
	c.count++
	env := envelopeFor(i)
	r, err := c.d.deliver(env, m.data)
	var no *refusal
	if errors.As(err, &no) {
		r, err = no.reply, nil
	}
	var sent *accepted
	if id, ok := c.queuedAs(r); ok && err == nil {
		sent = &accepted{m, env, id}
	} else if want := c.expected(m); want == nil || err != nil || !strings.HasPrefix(r.String(), want.reply) {
		t.Errorf("message %q: reply %v, error %v", m.name, r, err)
	}
	switch {
	case err != nil || !r.ok() || endsEarly(m.data):
		// What follows an early end of data would be taken for commands.
		c.d.conn.Close()
		c.d = nil
	case c.count == 20:
		c.end()
	}
	return sent
}

func (s sender) expected(m message) *expectedRefusal {
	for i, want := range s.refused {
		if want.match(m) {
			return &s.refused[i]
		}
	}
	return nil
}

func (s sender) checkMissingRefusal(t *testing.T, m message, accepted bool) {
	t.Helper()
	if want := s.expected(m); want != nil && accepted {
		t.Errorf("message %q was accepted, want refusal %q: %s", m.name, want.reply, want.reason)
	}
}

// endsEarly tells whether a server that takes a bare LF for a line end sees the
// end of data before the true one.
func endsEarly(msg []byte) bool {
	wire := bytes.TrimSuffix(stuff(msg), []byte(".\r\n"))
	for line := range bytes.Lines(wire) {
		if string(bytes.TrimRight(line, "\r\n")) == "." {
			return true
		}
	}
	return false
}

// difference is a documented way in which what a milter is shown differs from
// what the mail server queued. Each is asserted exactly: expect makes of the
// queued bytes those that must be archived.
type difference struct {
	name   string // of the message, with * as in file names
	reason string
	expect func(queued []byte) []byte
}

// expectDifference applies the differences listed for a message, if any.
func expectDifference(t *testing.T, list []difference, name string, queued []byte) []byte {
	t.Helper()
	for _, d := range list {
		if ok, _ := path.Match(d.name, name); !ok {
			continue
		}
		shown := d.expect(queued)
		if bytes.Equal(shown, queued) {
			t.Errorf("message %q is listed as different (%s) but is not", name, d.reason)
		}
		queued = shown
	}
	return queued
}
