package milter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	gomilter "github.com/emersion/go-milter"
)

// capture is a Session that rebuilds messages as an archive does.
type capture struct {
	message  []byte
	messages chan [sha256.Size]byte // if not nil
}

func (c *capture) Connect(context.Context, *Connection) Verdict { return Verdict{} }
func (c *capture) Helo(context.Context, *Connection) Verdict    { return Verdict{} }
func (c *capture) Rcpt(context.Context, *Transaction) Verdict   { return Verdict{} }
func (c *capture) Abort()                                       {}
func (c *capture) Close()                                       {}

func (c *capture) Mail(context.Context, *Transaction) Verdict {
	c.message = c.message[:0]
	return Verdict{}
}

func (c *capture) Header(field []byte) Verdict { return c.add(field) }
func (c *capture) EndOfHeaders() Verdict       { return c.add([]byte("\r\n")) }
func (c *capture) Body(chunk []byte) Verdict   { return c.add(chunk) }

func (c *capture) add(b []byte) Verdict {
	c.message = append(c.message, b...)
	return Verdict{}
}

func (c *capture) EndOfMessage(context.Context, *Transaction) Verdict {
	if c.messages != nil {
		c.messages <- sha256.Sum256(c.message)
	}
	return Verdict{}
}

// message is a message in the pieces that an MTA sends.
type message struct {
	headers [][2]string
	body    []byte
}

// bytes is the message as it must be captured.
func (m message) bytes() []byte {
	var out bytes.Buffer
	for _, h := range m.headers {
		fmt.Fprintf(&out, "%s:%s\r\n", h[0], strings.ReplaceAll(h[1], "\n", "\r\n"))
	}
	out.WriteString("\r\n")
	out.Write(m.body)
	return out.Bytes()
}

// frames is all of a transaction, in chunks of the size that Postfix and
// Sendmail use.
func (m message) frames() []byte {
	var out bytes.Buffer
	out.Write(rawFrame('D', []byte("M"), cstrings("i", "4XYZ")))
	out.Write(rawFrame('M', cstrings("<a@example.com>", "SIZE=1")))
	out.Write(rawFrame('R', cstrings("<b@example.org>")))
	for _, h := range m.headers {
		out.Write(rawFrame('L', cstrings(h[0], h[1])))
	}
	out.Write(rawFrame('N'))
	for chunk := range chunks(m.body, 65535) {
		out.Write(rawFrame('B', chunk))
	}
	out.Write(rawFrame('E'))
	return out.Bytes()
}

func chunks(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

func randomBytes(seed byte, n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(out) // never fails
	return out
}

func largeMessages() map[string]message {
	many := make([][2]string, 3000)
	for i := range many {
		many[i] = [2]string{"Received", fmt.Sprintf(" from a\n\tby b; %d", i)}
	}
	return map[string]message{
		"3 MB body":           {body: randomBytes(1, 3_000_000)},
		"5 MB body":           {headers: many[:3], body: randomBytes(2, 5<<20)},
		"300 KB header field": {headers: [][2]string{{"X-Long", " " + strings.Repeat("x", 300_000)}}, body: []byte("y\r\n")},
		"3000 header fields":  {headers: many},
		"1 MB line":           {body: append(bytes.Repeat([]byte("z"), 1<<20), '\r', '\n')},
		"nothing":             {},
	}
}

// TestLargeMessages sends messages as fast as they go, twice on a connection,
// from four connections at once. With the no-reply bits nothing but the end of
// each message may be answered.
func TestLargeMessages(t *testing.T) {
	for name, m := range largeMessages() {
		t.Run(name, func(t *testing.T) {
			got := make(chan [sha256.Size]byte, 100)
			_, address := startServer(t, Config{NewSession: func() Session { return &capture{messages: got} }})
			var senders sync.WaitGroup
			for range 4 {
				conn := negotiated(t, address)
				senders.Go(func() {
					for range 2 {
						if _, err := conn.Write(m.frames()); err != nil {
							t.Error(err)
						}
						if reply := conn.receive(patience); reply != "continue" {
							t.Errorf("answer: %s", reply)
						}
					}
				})
			}
			senders.Wait()
			want := sha256.Sum256(m.bytes())
			for range 8 {
				if sum := <-got; sum != want {
					t.Fatal("captured bytes differ")
				}
			}
		})
	}
}

// TestLargeMessagesWithReplies is the same for an MTA that waits each time.
func TestLargeMessagesWithReplies(t *testing.T) {
	m := largeMessages()["5 MB body"]
	got := make(chan [sha256.Size]byte, 1)
	_, address := startServer(t, Config{NewSession: func() Session { return &capture{messages: got} }})
	conn := dial(t, address)
	conn.sendAll(t, "optneg 6 0x1ff 0x10037f")
	conn.expect(t, "optneg 2 0x0 0x100300")
	frames := framesOf(bytes.NewReader(m.frames()))
	for {
		f, err := frames.read()
		if err != nil {
			break
		}
		if err := conn.send(byte(f.code), f.payload); err != nil {
			t.Fatal(err)
		}
		if f.code != 'D' {
			conn.expect(t, "continue")
		}
	}
	if sum := <-got; sum != sha256.Sum256(m.bytes()) {
		t.Fatal("captured bytes differ")
	}
}

// BenchmarkMessages is the rate of one connection: 20 header fields and 4 KB of
// body, as Postfix sends them with and without the no-reply bits.
func BenchmarkMessages(b *testing.B) {
	m := message{body: randomBytes(3, 4096)}
	for i := range 20 {
		m.headers = append(m.headers, [2]string{fmt.Sprintf("X-Field-%d", i), strings.Repeat(" word", 10)})
	}
	for name, bits := range map[string]uint32{"no-reply": allBits, "replies": 0x10037f} {
		b.Run(name, func(b *testing.B) {
			_, address := startServer(b, Config{NewSession: func() Session { return &capture{} }})
			conn := dial(b, address)
			if err := conn.send('O', optneg(6, 0x1ff, bits)); err != nil {
				b.Fatal(err)
			}
			conn.receive(patience)
			b.SetBytes(int64(len(m.bytes())))
			b.ReportAllocs()
			for b.Loop() {
				if bits == allBits {
					sendAtOnce(b, conn, m)
				} else {
					sendInSteps(b, conn, m)
				}
			}
		})
	}
}

func sendAtOnce(b *testing.B, conn mta, m message) {
	if _, err := conn.Write(m.frames()); err != nil {
		b.Fatal(err)
	}
	if got := conn.receive(patience); got != "continue" {
		b.Fatal(got)
	}
}

func sendInSteps(b *testing.B, conn mta, m message) {
	frames := framesOf(bytes.NewReader(m.frames()))
	for {
		f, err := frames.read()
		if err != nil {
			return
		}
		if err := conn.send(byte(f.code), f.payload); err != nil {
			b.Fatal(err)
		}
		if f.code == 'D' {
			continue
		}
		if got := conn.receive(patience); got != "continue" {
			b.Fatal(got)
		}
	}
}

// TestLibraryCollectsNothing looks at the header fields that the library would
// keep for as long as the MTA sends no SMFIC_ABORT.
func TestLibraryCollectsNothing(t *testing.T) {
	config := Config{}.withDefaults()
	l := &lane{now: &conversation{ctx: t.Context(), config: &config}}
	collected := textproto.MIMEHeader{"X": {""}}
	if _, err := l.Header("X", "", &gomilter.Modifier{Headers: collected}); err != nil {
		t.Fatal(err)
	}
	if len(collected) != 0 {
		t.Errorf("the library keeps %v", collected)
	}
}
