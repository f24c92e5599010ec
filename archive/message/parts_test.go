package message

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// partMails are the mails that the benchmarks of the parts take, in this and other
// packages: a letter, one in HTML with a picture, and one with a document. They are
// testdata/parts/*.eml; UPDATE=1 writes them.
func partMails() map[string][]byte {
	return map[string][]byte{
		"4KB":  partMail(1, 2_600, 0, 0),
		"16KB": partMail(2, 3_000, 2_500, 6_600),
		"75KB": partMail(3, 4_000, 0, 50_000),
	}
}

// partMail makes a mail of a text, an HTML form of it and an attachment, in bytes.
func partMail(seed uint64, text, html, file int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for hop := range 4 {
		fmt.Fprintf(&b, "Received: from mx%d.example.com (mx%d.example.com [192.0.2.%d])\r\n\tby relay%d.example.org (Postfix) with ESMTPS id %012X\r\n\tfor <bert@example.org>; Tue, 14 Nov 2023 22:13:%02d +0000 (UTC)\r\n",
			hop, hop, r.IntN(250), hop, r.Uint64()>>16, 20-hop)
	}
	fmt.Fprintf(&b, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\th=from:to:subject:date:message-id; b=%s\r\n", base64.StdEncoding.EncodeToString(noise(r, 192)))
	fmt.Fprintf(&b, "From: Anna Example <anna@example.com>\r\nTo: Bert Example <bert@example.org>\r\nSubject: The figures of the %dth quarter\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <%016x@example.com>\r\nMIME-Version: 1.0\r\n", seed, r.Uint64())
	const plain = "Content-Type: text/plain; charset=utf-8\r\n"
	if file == 0 {
		b.WriteString(plain + "\r\n")
		prose(&b, r, text)
		return []byte(b.String())
	}
	b.WriteString("Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n--=_mixed\r\n" + plain + "\r\n")
	prose(&b, r, text)
	if html > 0 {
		b.WriteString("\r\n--=_mixed\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body style=3D\"margin:0\">\r\n")
		prose(&b, r, html)
		b.WriteString("</body></html>\r\n")
	}
	b.WriteString("\r\n--=_mixed\r\nContent-Type: application/pdf; name=\"figures.pdf\"\r\nContent-Disposition: attachment; filename=\"figures.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for encoded := base64.StdEncoding.EncodeToString(noise(r, file)); encoded != ""; {
		n := min(76, len(encoded))
		b.WriteString(encoded[:n] + "\r\n")
		encoded = encoded[n:]
	}
	b.WriteString("\r\n--=_mixed--\r\n")
	return []byte(b.String())
}

// noise is bytes that cannot be compressed.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// prose writes about n bytes of lines of words.
func prose(b *strings.Builder, r *rand.Rand, n int) {
	words := strings.Fields("the figures of this quarter are in the attached document please read it before our meeting on Monday and tell me what you think about orders from abroad that have gone up again while prices stay as they were last year with many regards")
	line := 0
	for end := b.Len() + n; b.Len() < end; {
		word := words[r.IntN(len(words))]
		if line+len(word) > 70 {
			b.WriteString("\r\n")
			line = 0
		}
		fmt.Fprintf(b, "%s ", word)
		line += len(word) + 1
	}
	b.WriteString("\r\n")
}

func TestPartMailsAreAsGenerated(t *testing.T) {
	for name, mail := range partMails() {
		path := filepath.Join("testdata/parts", name+".eml")
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(path, mail, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, mail) {
			t.Errorf("%s is another one: UPDATE=1 writes it; error %v", path, err)
		}
	}
}

// BenchmarkPartScan finds the structure of a mail in memory.
func BenchmarkPartScan(b *testing.B) {
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		raw := partMails()[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				mustScan(b, raw)
			}
		})
	}
}

// BenchmarkPartIdentify finds the identity of a mail that has been scanned.
func BenchmarkPartIdentify(b *testing.B) {
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		raw := partMails()[name]
		s := mustScan(b, raw)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Identify(context.Background(), inMemory(raw), int64(len(raw)), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
