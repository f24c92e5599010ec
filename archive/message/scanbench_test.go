package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkScan scans messages in memory and through a window.
func BenchmarkScan(b *testing.B) {
	base64 := func(n int) string {
		return strings.Repeat("VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNrIGJy\r\n", n/78+1)[:n]
	}
	const (
		top  = "From: a@example.com\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n"
		part = "\r\n--=_b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		file = "\r\n--=_b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		end  = "\r\n--=_b--\r\n"
	)
	prose := strings.Repeat("Well-known words - as they stand in a mail, one line after another.\r\n", 1000)
	open := bytes.NewBufferString("Content-Type: multipart/mixed; boundary=b00\r\n\r\n")
	for i := range maxDepth - 1 {
		fmt.Fprintf(open, "--b%02d\r\nContent-Type: multipart/mixed; boundary=b%02d\r\n\r\n", i, i+1)
	}
	for _, c := range []struct{ name, raw string }{
		{"100KB-two-attachments", top + part + prose[:2000] + file + base64(60_000) + file + base64(38_000) + end},
		{"50MB-attachment", top + part + prose[:2000] + file + base64(50_000_000) + end},
		{"text-only", "From: a@example.com\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\n" + prose[:8000]},
		{"text-in-a-part", top + part + strings.Repeat(prose, 100) + end},
		{"small-parts", top + strings.Repeat(part+"x", 5000) + end},
		{"flood-of-hyphens", open.String() + "--b63\r\n\r\n" + strings.Repeat("\n--", 1<<20)},
		{"flood-of-boundaries", open.String() + "--b63\r\n\r\n" + strings.Repeat("\n--b64", 1<<20)},
		{"flood-of-short-lines", open.String() + "--b63\r\n\r\n" + strings.Repeat("\n-", 1<<20)},
	} {
		raw := []byte(c.raw)
		b.Run(c.name+"/memory", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				mustScan(b, raw)
			}
		})
		b.Run(c.name+"/window", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Scan(bytes.NewReader(raw), int64(len(raw))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
