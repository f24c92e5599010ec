package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"daybook/lmtp"
)

func TestSMTPClient(t *testing.T) {
	b := &box{}
	s := lmtp.NewServer(lmtp.Config{Handler: b, Hostname: "box.example", SMTP: true})
	messages := newSet(4)
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

// Dovecot is sent the same message to one mailbox.
func TestDovecotMessage(t *testing.T) {
	b := &box{}
	messages := newSet(4)
	running := &server{addr: serveLMTP(t, b), message: dovecotMessage}
	c, err := dialFor(running, subject{Path: pathLMTP}, prepare(messages))
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, c, len(messages))
	if len(b.messages) != len(messages) {
		t.Fatalf("%d messages arrived", len(b.messages))
	}
	for i, m := range messages {
		if !bytes.Equal(b.messages[i], sending(m, int64(i))) {
			t.Errorf("message %d is another one", i)
		}
		if len(b.recipients[i]) != 1 || !strings.HasPrefix(b.recipients[i][0], "box") {
			t.Errorf("message %d went to %q", i, b.recipients[i])
		}
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
	a.insist(t.Context(), addr, prepare(newSet(4)), 0, &deferred)
	if a.err != nil || len(a.sent) != 1 || deferred.Load() != refusals {
		t.Errorf("%d messages were taken after %d refusals: %v", len(a.sent), deferred.Load(), a.err)
	}
	nobody, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	a = lane{}
	if a.insist(t.Context(), nobody, prepare(newSet(4)), 0, &deferred); a.err == nil || len(a.sent) > 0 {
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
