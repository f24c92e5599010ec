package ingest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/archive"
	"daybook/lmtp"
	"daybook/milter"
)

// Messages stand one after the other where others stood before. Many that come at the
// same time, by both ways, with failures between them, come back as they were sent.
func TestRoomsAreReused(t *testing.T) {
	h := newHouse(t, archive.Options{})
	var sending sync.WaitGroup
	var mu sync.Mutex
	var sent []string
	for n := range 8 {
		sending.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(n)))
			for i := range 20 {
				msg := randomMail(random, n, i)
				broken := i%5 == 4
				var ok bool
				if n%2 == 0 {
					ok = overHandler(h, msg, broken)
				} else {
					ok = overSession(h, random, msg, broken)
				}
				if ok == broken {
					t.Errorf("message %d of %d: taken is %v", i, n, ok)
				}
				if ok {
					mu.Lock()
					sent = append(sent, msg)
					mu.Unlock()
				}
			}
		})
	}
	sending.Wait()
	var got []string
	for _, e := range h.entries(t) {
		body := h.body(t, e.ID)
		if got = append(got, body); archive.Digest(sha256.Sum256([]byte(body))) != e.SHA256 {
			t.Errorf("entry %d has another digest", e.ID)
		}
		if subject, _, _ := strings.Cut(strings.TrimPrefix(body, "Subject: "), "\r\n"); e.Summary.Subject != subject {
			t.Errorf("entry %d has the subject %q, and not %q", e.ID, e.Summary.Subject, subject)
		}
	}
	slices.Sort(got)
	slices.Sort(sent)
	if !slices.Equal(got, sent) {
		t.Errorf("%d messages of %d came back, or not as they were", len(got), len(sent))
	}
	if f := h.ingest.InFlight(); f.Bytes != 0 {
		t.Errorf("%+v", f)
	}
}

// randomMail is a mail of up to 1 KB, 64 KB or 600 KB.
func randomMail(random *rand.Rand, n, i int) string {
	size := random.IntN([]int{1 << 10, 64 << 10, 600 << 10}[i%3])
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: %d of %d\r\nMessage-ID: <%d.%d@example.com>\r\n\r\n", i, n, i, n)
	for b.Len() < size {
		fmt.Fprintf(&b, "%x\r\n", random.Uint64())
	}
	return b.String()
}

// overHandler delivers a message by LMTP, or breaks off in the middle of it.
func overHandler(h *house, msg string, broken bool) bool {
	e := lmtpTransaction("b@example.org")
	e.Sender.Args = []string{fmt.Sprintf("SIZE=%d", len(msg)*3/4)}
	body := &cutOff{strings.NewReader(msg), nil}
	if broken {
		body = &cutOff{strings.NewReader(msg[:len(msg)/2]), lmtp.ErrAborted}
	}
	return h.lmtp().Deliver(context.Background(), e, body)[0].Code == 250
}

// cutOff is a body that ends with an error, if there is one.
type cutOff struct {
	*strings.Reader
	err error
}

func (c *cutOff) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && c.err != nil {
		err = c.err
	}
	return n, err
}

// overSession shows a message to a session of the milter, or breaks off.
func overSession(h *house, random *rand.Rand, msg string, broken bool) bool {
	s := h.milter()
	defer s.Close()
	ctx := context.Background()
	tx := &milter.Transaction{Connection: &milter.Connection{ExactHeaders: true}, Sender: milter.Path{Address: "a@example.com"}}
	s.Mail(ctx, tx)
	tx.Recipients = []milter.Path{{Address: "b@example.com"}}
	header, body, _ := strings.Cut(msg, "\r\n\r\n")
	for _, field := range strings.SplitAfter(header+"\r\n", "\r\n") {
		if field != "" {
			s.Header([]byte(field))
		}
	}
	s.EndOfHeaders()
	for len(body) > 0 {
		n := min(len(body), 1+random.IntN(100<<10))
		s.Body([]byte(body[:n]))
		body = body[n:]
	}
	if broken {
		s.Abort()
		return false
	}
	return s.EndOfMessage(ctx, tx).Action == milter.Continue
}
