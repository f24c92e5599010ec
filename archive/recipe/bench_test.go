package recipe

import (
	"bytes"
	"testing"

	"daybook/archive/message"
)

// held is a message in memory, which is used in place.
type held struct {
	*bytes.Reader
	b []byte
}

func (h held) Bytes() []byte { return h.b }

func BenchmarkSplit(b *testing.B) {
	prose := bytes.Repeat([]byte("Grüße aus München, 100 % = alles. The quick brown fox jumps over it all day long.\r\n"), 200)
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"base64 16M width 76", leafMail("application/pdf", "base64", inLines(fileBytes(16<<20), 76, "\r\n"))},
		{"base64 16M width 72 LF", leafMail("application/pdf", "base64", inLines(fileBytes(16<<20), 72, "\n"))},
		{"base64 20K", leafMail("application/pdf", "base64", inLines(fileBytes(20<<10), 76, "\r\n"))},
		{"quoted 16K", leafMail("text/plain", "quoted-printable", quotedBy(prose, encoder{most: 75}))},
		{"quoted 4K", leafMail("text/plain", "quoted-printable", quotedBy(prose[:4<<10], encoder{most: 75}))},
		{"quoted 4K by words", leafMail("text/plain", "quoted-printable", quotedBy(prose[:4<<10], encoder{most: 75, words: true}))},
		{"text 16M", leafMail("text/plain", "7bit", bytes.Repeat([]byte("plain text of a line\r\n"), 16<<20/22))},
	} {
		s, err := message.Scan(bytes.NewReader(c.raw), int64(len(c.raw)))
		if err != nil {
			b.Fatal(err)
		}
		for _, how := range []string{"held", "read", "again"} {
			b.Run(c.name+" "+how, func(b *testing.B) {
				b.SetBytes(int64(len(c.raw)))
				b.ReportAllocs()
				var sp Splitter
				for b.Loop() {
					var err error
					switch how {
					case "held":
						err = Split(held{bytes.NewReader(c.raw), c.raw}, int64(len(c.raw)), s, nothing)
					case "read":
						err = Split(bytes.NewReader(c.raw), int64(len(c.raw)), s, nothing)
					case "again":
						err = sp.Split(held{bytes.NewReader(c.raw), c.raw}, int64(len(c.raw)), s, nothing)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func nothing(Piece, []byte, []byte) error { return nil }

func BenchmarkAppendWire(b *testing.B) {
	prose := bytes.Repeat([]byte("Grüße aus München, 100 % = alles. The quick brown fox jumps over it all day long.\r\n"), 200)
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"base64", leafMail("application/pdf", "base64", inLines(fileBytes(MaxStored), 76, "\r\n"))},
		{"quoted", leafMail("text/plain", "quoted-printable", quotedBy(prose, encoder{most: 75}))},
	} {
		b.Run(c.name, func(b *testing.B) {
			got := take(b, c.raw)
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			var to []byte
			for b.Loop() {
				to = to[:0]
				for _, p := range got {
					var err error
					if to, err = p.AppendWire(to, p.stored); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
