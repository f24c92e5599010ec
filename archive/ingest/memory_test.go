package ingest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"daybook/archive"
)

// maxExtra is how much memory a large message may take beside what the archive has
// at rest, in bytes.
const maxExtra = 64 << 20

// A message of 150 MB with one attachment is stored within 64 MiB of extra memory,
// by itself and in a journal's report. That is on two processors: with each, the archive
// has more at rest, and the garbage collector lets as much garbage lie about as that.
func TestMemoryOfLargeMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes a message of 150 MB")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	const size = 1_923_077 * 78 // whole lines
	header := strings.Replace(aMail, "\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\n", 1) +
		"--m\r\nContent-Type: application/pdf; name=large.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	before, after, _ := strings.Cut(aReport, inner)
	for _, c := range []struct{ journal, before, after string }{
		{"plain", header, "--m--\r\n"},
		{"exchange", before + header, "--m--\r\n" + after},
		{"encoded", strings.Replace(before, "message/rfc822", "message/rfc822\r\nContent-Transfer-Encoding: base64", 1), after},
	} {
		t.Run(c.journal, func(t *testing.T) {
			h := newHouse(t, archive.Options{}, reportPolicy)
			e := lmtpTransaction(strings.Replace(c.journal, "encoded", "exchange", 1) + "@journal.example")
			handler := h.ingest.Listener("in", "")
			body := func(size int64, seed uint64) io.Reader {
				lines := &base64Lines{random: rand.New(rand.NewPCG(1, seed))}
				return io.MultiReader(strings.NewReader(c.before), io.LimitReader(lines, size), strings.NewReader(c.after))
			}
			// What the archive makes once is made by a smaller message.
			handler.Deliver(context.Background(), e, body(78*60_000, 1))
			extra := peakOf(func() {
				if r := handler.Deliver(context.Background(), e, body(size, 2))[0]; r.Code != 250 {
					t.Fatalf("reply %v; the log:\n%s", r, h.log)
				}
			})
			t.Logf("%d MiB of extra memory", extra>>20)
			if extra > maxExtra {
				t.Errorf("%d bytes of extra memory, and not at most %d", extra, maxExtra)
			}
			list := h.entries(t)
			if len(list) != 2 || list[1].Size < size || list[1].Identity == nil {
				t.Fatalf("entries %+v", list)
			}
			if inside := list[1].Identity.Exact != list[1].SHA256; inside != (c.journal != "plain") {
				t.Errorf("the original is identified: %v", inside)
			}
		})
	}
}

// peakOf gives how much more memory is in use while f runs than before it.
func peakOf(f func()) int64 {
	var m runtime.MemStats
	use := func() int64 {
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	runtime.GC()
	start, peak := use(), int64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			peak = max(peak, use())
			select {
			case <-tick.C:
			case <-stop:
				tick.Stop()
				return
			}
		}
	}()
	f()
	close(stop)
	<-done
	return peak - start
}

// base64Lines gives lines of base64 without end, whose contents cannot be compressed.
type base64Lines struct {
	random *rand.Rand
	line   [78]byte
	given  int // bytes of the line
}

func (b *base64Lines) Read(p []byte) (int, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	if b.given == 0 || b.given == len(b.line) {
		var n uint64
		for i := range 76 {
			if i%10 == 0 {
				n = b.random.Uint64()
			}
			b.line[i] = letters[n&63]
			n >>= 6
		}
		copy(b.line[76:], "\r\n")
		b.given = 0
	}
	n := copy(p, b.line[b.given:])
	b.given += n
	return n, nil
}

// BenchmarkHostileMail shows how fast mail is taken that is made to be slow to identify.
func BenchmarkHostileMail(b *testing.B) {
	const size = 16 << 20
	fill := func(head, text string) string { return head + strings.Repeat(text, (size-len(head))/len(text)) }
	start := strings.TrimSuffix(aMail, "\r\nthe offer\r\n")
	var parts strings.Builder
	parts.WriteString(start + "Content-Type: multipart/mixed; boundary=p\r\n\r\n")
	for i := range 10_000 {
		fmt.Fprintf(&parts, "--p\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?%d?=\r\n%s\r\n", i,
			strings.Repeat("To: =?utf-8?b?eA==?= <a@b>\r\n", 50))
	}
	for name, text := range map[string]string{
		"base64, a letter a line":  fill(start+"Content-Transfer-Encoding: base64\r\n\r\n", "A\r\n"),
		"quoted-printable, codes":  fill(start+"Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=41=\r\n"),
		"text of blanks":           fill(start+"\r\n", " \t\r"),
		"text of empty lines":      fill(start+"\r\n", "\r\n"),
		"embedded messages":        parts.String(),
		"encoded words in subject": fill(start+"Subject:", " =?utf-8?q?=41?=\r\n"),
		"header fields":            fill(start, "X: y\r\n"),
		"From fields":              fill(start, "From: \"a\\\\b\" (c) <a@b>\r\n"),
		"hyphens":                  fill(start+"Content-Type: multipart/mixed; boundary=-\r\n\r\n---\r\n\r\n", "\n--x"),
	} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, archive.Options{})
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if r := h.send("a@example.com", text, "b@x")[0]; r.Code != 250 {
					b.Fatal(r)
				}
			}
		})
	}
}
