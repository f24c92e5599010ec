package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"daybook/lmtp"
)

func TestSMTPClient(t *testing.T) {
	b := &box{}
	s := lmtp.NewServer(lmtp.Config{Handler: b, Hostname: "box.example", SMTP: true})
	messages := newSet(4, minSet)
	clients, err := connectSMTP(serve(t, s.Serve, s.Shutdown), prepare(messages), 1)
	if err != nil {
		t.Fatal(err)
	}
	const rate = 1000
	o := pace(t.Context(), clients, 0, len(messages), rate)
	clients[0].close()
	if o.failed > 0 || len(o.waits) != len(messages) {
		t.Fatalf("%d of %d messages were taken: %s", len(o.waits), len(messages), o.problem)
	}
	checkBox(t, b, messages, false)
	for _, wait := range o.waits {
		if wait <= 0 {
			t.Errorf("a message took %v ms from the end of its data", wait)
		}
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sleepUntil(ctx, time.Now().Add(time.Hour)) {
		t.Error("the hour was not waited for, and yet has come")
	}
	if !sleepUntil(t.Context(), time.Now().Add(-time.Hour)) {
		t.Error("what is overdue has not come")
	}
	if o := pace(ctx, []*lmtpClient{{}}, 0, 10, 1); len(o.sent) > 0 || o.failed > 0 {
		t.Errorf("sent %v, %s", o.sent, o.problem)
	}
}

// Dovecot is sent the same messages, to one mailbox or to as many as a message has
// recipients. The first of them go into all mailboxes.
func TestDovecotMessages(t *testing.T) {
	for name, c := range map[string]struct {
		message readdress
		boxes   func(m *message) int
	}{
		"one copy":      {oneCopy, func(*message) int { return 1 }},
		"copy for each": {copyForEach, func(m *message) int { return len(m.recipients) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := &box{}
			messages := newSet(4, minSet)
			running := &server{addr: serveLMTP(t, b), message: c.message}
			client, err := dialFor(running, subject{Path: pathLMTP}, prepare(messages))
			if err != nil {
				t.Fatal(err)
			}
			sendAll(t, client, dovecotBoxes)
			if len(b.messages) != dovecotBoxes {
				t.Fatalf("%d messages arrived", len(b.messages))
			}
			used := map[string]bool{}
			for i, raw := range b.messages {
				m := messages[i%len(messages)]
				if !bytes.Equal(raw, sending(m, int64(i))) {
					t.Errorf("message %d is another one", i)
				}
				own := map[string]bool{}
				for _, to := range b.recipients[i] {
					own[to], used[to] = true, true
				}
				if want := c.boxes(m); len(b.recipients[i]) != want || len(own) != want {
					t.Errorf("message %d went to %q, want %d mailboxes", i, b.recipients[i], want)
				}
			}
			if len(used) != dovecotBoxes {
				t.Errorf("%d mailboxes were used, want %d", len(used), dovecotBoxes)
			}
		})
	}
}

// A message with more recipients than there are mailboxes keeps all of them.
func TestDovecotMessageToMany(t *testing.T) {
	const recipients = dovecotBoxes + 8
	m := copyForEach(&lmtpMessage{recipients: recipients}, 5)
	if n := bytes.Count(m.envelope, []byte("RCPT TO:<box")); n != recipients || m.recipients != recipients {
		t.Errorf("%d recipients are named and %d awaited, want %d", n, m.recipients, recipients)
	}
}

// busy tells the first deliveries to come back later.
type busy struct {
	box
	refusals atomic.Int64
	code     int
}

// Deliver refuses as often as is left, then keeps (lmtp.Handler).
func (b *busy) Deliver(ctx context.Context, e *lmtp.Envelope, body io.Reader) []lmtp.Reply {
	replies := b.box.Deliver(ctx, e, body)
	if b.refusals.Add(-1) < 0 {
		return replies
	}
	for i := range replies {
		replies[i] = lmtp.Reply{Code: b.code, Enhanced: "4.3.1", Text: "later"}
	}
	return replies
}

func TestInsist(t *testing.T) {
	const refusals = 2
	b := &busy{code: 452}
	b.refusals.Store(refusals)
	s := lmtp.NewServer(lmtp.Config{Handler: b, Hostname: "box.example"})
	addr := serve(t, s.Serve, s.Shutdown)
	var a lane
	var deferred atomic.Int64
	a.insist(t.Context(), addr, prepare(newSet(4, minSet)), 0, &deferred)
	if a.err != nil || len(a.sent) != 1 || deferred.Load() != refusals {
		t.Errorf("%d messages were taken after %d refusals: %v", len(a.sent), deferred.Load(), a.err)
	}
	nobody, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	a = lane{}
	if a.insist(t.Context(), nobody, prepare(newSet(4, minSet)), 0, &deferred); a.err == nil || len(a.sent) > 0 {
		t.Error("a message was taken by nobody")
	}
}

func TestSyncClient(t *testing.T) {
	for _, blocks := range []int{0, 2} {
		path := filepath.Join(t.TempDir(), "file")
		c, err := newSyncClient(path, blocks*syncBlock)
		if err != nil {
			t.Fatal(err)
		}
		const messages = 5
		for n := range int64(messages) {
			if err := c.send(n); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, last := messages, messages-1
		if blocks > 0 {
			want, last = blocks, (messages-1)%blocks
		}
		if len(got) != want*syncBlock || !bytes.HasPrefix(got[last*syncBlock:], []byte(token(messages-1))) {
			t.Errorf("%d blocks before: the file has %d bytes, and the last message is not in block %d", blocks, len(got), last)
		}
		if err := c.remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file stays: %v", err)
		}
	}
}
