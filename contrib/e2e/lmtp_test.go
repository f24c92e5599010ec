package e2e

import (
	"bytes"
	"fmt"
	"testing"
)

// TestLMTPData delivers every message straight to Daybook with DATA, several on
// each connection, over TCP.
func TestLMTPData(t *testing.T) {
	d := startDaybook(t, "off", "tcp")
	wants := deliverAll(t, d, func(c *dialogue, _ int, env envelope, m message) ([]byte, reply, error) {
		r, err := c.deliver(env, m.data)
		return wireForm(m.data), r, err
	})
	checkArchive(t, d, wants)
	checkGet(t, d)
	d.stop(t)
	checkArchive(t, d, wants) // the same without the daemon
}

// checkGet fetches every message of the archive one by one and compares it with
// the size and digest in the list.
func checkGet(t *testing.T, d *daybook) {
	t.Helper()
	entries := d.list(t)
	archived := d.getEach(t, entries)
	var found []string
	for _, e := range entries {
		if b := archived[e.ID]; int64(len(b)) != e.Size || hexSHA256(b) != e.SHA256 {
			found = append(found, fmt.Sprintf("entry %s: get gives %d bytes with digest %s, list says %d and %s", e.ID, len(b), hexSHA256(b), e.Size, e.SHA256))
		}
	}
	report(t, found)
}

// TestLMTPChunks delivers every message with BDAT in chunks, over a Unix socket.
// BDAT carries any bytes, so that nothing has to be added to the message.
func TestLMTPChunks(t *testing.T) {
	skipIfShort(t)
	d := startDaybook(t, "off", "unix")
	wants := deliverAll(t, d, func(c *dialogue, i int, env envelope, m message) ([]byte, reply, error) {
		sizes := [][]int{nil, {1}, {0}, {100, 1, 5000}, {len(m.data)}, {65536}, {4096, 4096}}[i%7]
		r, err := c.deliverBDAT(env, m.data, sizes...)
		return m.data, r, err
	})
	checkArchive(t, d, wants)
}

// TestLMTPPipelined sends many whole transactions in one write, as fast senders
// do (RFC 2920), and counts the replies. A server that misses the end of one
// message swallows the next.
func TestLMTPPipelined(t *testing.T) {
	d := startDaybook(t, "off", "tcp")
	c := dialLMTP(t, d)
	defer c.close()
	if !c.has("PIPELINING") {
		t.Fatalf("daybook does not offer PIPELINING: %q", c.caps)
	}
	var wants []want
	var stream bytes.Buffer
	var replies []int
	for i, m := range oddMessages() {
		if len(m.data) > 4000 || i%2 == 1 && testing.Short() {
			continue
		}
		env := envelopeFor(i)
		fmt.Fprintf(&stream, "MAIL FROM:<%s>\r\n", env.from)
		for _, to := range env.to {
			fmt.Fprintf(&stream, "RCPT TO:<%s>\r\n", to)
		}
		stream.WriteString("DATA\r\n")
		stream.Write(stuff(m.data))
		replies = append(replies, 250)
		for range env.to {
			replies = append(replies, 250)
		}
		replies = append(replies, 354)
		for range env.to {
			replies = append(replies, 250)
		}
		wants = append(wants, want{name: m.name, env: env, data: wireForm(m.data)})
	}
	sent := make(chan error, 1)
	go func() { _, err := c.conn.Write(stream.Bytes()); sent <- err }()
	for i, code := range replies {
		if _, err := c.expect(code); err != nil {
			t.Fatalf("reply %d of %d: %v", i+1, len(replies), err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	checkArchive(t, d, wants)
}

// TestLMTPCut closes the connection inside a message: nothing half there may be
// archived, and the same message sent again is.
func TestLMTPCut(t *testing.T) {
	d := startDaybook(t, "off", "tcp")
	env, msg := envelopeFor(1), []byte(head("cut")+"\r\n"+text(5000))
	for _, begin := range []string{"DATA\r\n", fmt.Sprintf("BDAT %d LAST\r\n", len(msg))} {
		for _, cut := range []int{0, 1, 200, len(msg) - 1, len(msg)} {
			c := dialLMTP(t, d)
			if err := c.begin(env, ""); err != nil {
				t.Fatal(err)
			}
			if begin[0] == 'B' && cut == len(msg) {
				cut-- // all of BDAT LAST is a whole message
			}
			if err := c.send([]byte(begin + string(msg[:cut]))); err != nil {
				t.Fatal(err)
			}
			c.conn.Close()
		}
	}
	c := dialLMTP(t, d)
	defer c.close()
	if r, err := c.deliver(env, msg); err != nil || !r.ok() {
		t.Fatalf("the whole message: %v, %v", r, err)
	}
	checkArchive(t, d, []want{{name: "cut", env: env, data: msg}})
}

func dialLMTP(t testing.TB, d *daybook) *dialogue {
	t.Helper()
	c, err := openDialogue(socketOfLMTP(d))
	if err != nil {
		t.Fatalf("daybook's LMTP: %v", err)
	}
	return c
}

func socketOfLMTP(d *daybook) (network, addr string, lmtp bool) {
	network, addr = socketOf(d.lmtp)
	return network, addr, true
}

// deliverAll sends all messages to Daybook's LMTP port by way of send, which
// returns the bytes that must come out. Nothing may be refused for its content.
func deliverAll(t *testing.T, d *daybook, send func(*dialogue, int, envelope, message) ([]byte, reply, error)) []want {
	t.Helper()
	var wants []want
	var c *dialogue
	for i, m := range allMessages(t) {
		if c == nil {
			c = dialLMTP(t, d)
		}
		env := envelopeFor(i)
		data, r, err := send(c, i, env, m)
		if err != nil || !r.ok() {
			t.Errorf("message %q: reply %v, error %v", m.name, r, err)
			c.conn.Close()
			c = nil
			continue
		}
		wants = append(wants, want{name: m.name, env: env, data: data})
		if i%20 == 19 {
			c.close()
			c = nil
		}
	}
	if c != nil {
		c.close()
	}
	return wants
}
