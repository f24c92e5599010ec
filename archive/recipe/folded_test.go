package recipe

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"daybook/archive/message"
)

// header is a field as mail has it, and what of it is decoded.
type header struct {
	name   string
	field  string
	want   []byte // stored bytes, of all pieces
	layout string // of the only piece
	pieces int
}

func (h header) mail() string {
	return "Received: by mail.example.com with ESMTPS id 1\r\n" + h.field + "\r\nSubject: x\r\n\r\ntext\r\n"
}

// folded is base64 in lines, the first of which is shorter.
func folded(data []byte, first, width int, by string) string {
	s := base64.StdEncoding.EncodeToString(data)
	if len(s) <= first {
		return s
	}
	return s[:first] + by + strings.ReplaceAll(string(inLinesOf(s[first:], width)), "\n", by)
}

// inLinesOf puts text in lines of this width.
func inLinesOf(s string, width int) []byte {
	var b []byte
	for len(s) > width {
		b = append(append(b, s[:width]...), '\n')
		s = s[width:]
	}
	return append(b, s...)
}

// headers are fields in the shapes that servers give them.
func headers() []header {
	key, digest, long := fileBytes(256), base64.StdEncoding.EncodeToString(fileBytes(32)), fileBytes(900)
	word := func(kind, by string, data string) string {
		return "=?utf-8?" + kind + "?" + strings.ReplaceAll(string(inLinesOf(data, 60)), "\n", "?="+by+"=?utf-8?"+kind+"?") + "?="
	}
	inner := base64.StdEncoding.EncodeToString(long)
	again := base64.StdEncoding.EncodeToString([]byte(inner))
	odd := base64.StdEncoding.EncodeToString(key)
	return []header{
		{"gmail", "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n        d=gmail.com; s=20230601; t=1736711496;\r\n        bh=" +
			digest + ";\r\n        b=" + folded(key, 66, 68, "\r\n         "), key, "\x49\x42\x44", 1},
		{"exchange", "ARC-Seal: i=1; a=rsa-sha256; s=arcselector10001; d=microsoft.com; cv=none;\r\n b=" +
			folded(key, 400, 400, ""), key, "\x00", 1},
		{"amazonses, tab", "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt;\r\n\ts=x; d=amazonses.com;\r\n\tb=" +
			folded(key, 70, 76, "\r\n\t"), key, "\x0d\x46\x4c", 1},
		{"blank", "DKIM-Signature: v=1;\r\n b=" + folded(key, 4, 72, "\r\n ") + ";\r\n h=From:To", key, "\x09\x04\x48", 1},
		{"opendkim", "DKIM-Signature: v=1; bh=" + digest + ";\r\n\tb=" + folded(key, 70, 70, "\r\n\t "), key, "\x15\x46\x46", 1},
		{"LF", "DKIM-Signature: v=1;\n\tb=" + folded(key, 70, 72, "\n\t"), key, "\x0f\x46\x48", 1},
		{"an empty first line", "X-Microsoft-Antispam-Message-Info:\r\n\t" + folded(long, 2000, 1, ""), long, "\x00", 1},
		{"more than fifteen blanks", "X-Sig: " + folded(key, 70, 70, "\r\n"+strings.Repeat(" ", 16)), key,
			"\x01\x12\r\n                \x46\x46", 1},
		{"encoded words, B", "X-Microsoft-Antispam-Message-Info: " + word("B", "\r\n ", again), long,
			"\x02\x01\x0f?=\r\n =?utf-8?B?\x3c\x3c", 1},
		{"encoded words, Q", "X-MS-Exchange-AntiSpam-MessageData-0: " + word("Q", "\r\n ", inner), long, "\x01\x0f?=\r\n =?utf-8?Q?\x3c\x3c", 1},
		{"encoded words, B with another at its end", "X-Microsoft-Antispam-Message-Info: " + word("B", "\r\n ", again[:960]) + "\r\n =?us-ascii?Q?AbC1?=",
			long[:540], "\x02\x01\x0f?=\r\n =?utf-8?B?\x3c\x3c", 1},
		{"encoded words with other bytes", "X-Info: " + word("B", "\r\n ", odd), nil, "", 0},
		{"no padding", "X-Token: " + strings.TrimRight(odd, "="), key[:255], "\x00", 1},
		{"odd bits", "X-Token: " + odd[:len(odd)-3] + "h==", key[:255], "\x00", 1},
		{"padding that is parted", "X-Token: " + odd[:70] + "\r\n " + odd[70:len(odd)-1] + "\r\n =", key[:255], "", 1},
		{"two signatures", "X-A: " + odd + "\r\nX-B: b=" + folded(long, 66, 72, "\r\n "), append(bytes.Clone(key), long...), "", 2},
		{"a line that is longer", "X-Sig: " + odd[:60] + "\r\n " + odd[60:120] + "\r\n " + odd[120:240] + "\r\n " + odd[240:], key, "", 2},
		{"a digest alone", "DKIM-Signature: v=1; bh=" + digest + ";", nil, "", 0},
		{"hex", "X-Digest: " + hex.EncodeToString(long), nil, "", 0},
		{"hex in upper case", "X-Digest: " + strings.ToUpper(hex.EncodeToString(long)), nil, "", 0},
		{"a path", "X-Path: /" + strings.Repeat("archive/Recipe/2024/", 9), nil, "", 0},
		{"one long word", "X-Word: " + strings.Repeat("Donaudampfschifffahrt", 9), nil, "", 0},
		{"text", "X-Message-Delivery: " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("V=1.1;us=0;l=0;a=0;D=1;"), 6)), nil, "", 0},
		{"a key of the sender", "Autocrypt: addr=a@example.com; keydata=\r\n " + folded(long, 76, 76, "\r\n "), nil, "", 0},
		{"a Message-ID", "In-Reply-To: <" + odd + "@example.com>", nil, "", 0},
		{"a subject", "Subject: " + word("B", "\r\n ", odd), nil, "", 0},
		{"nothing else", "X-A: " + strings.Repeat("\r\n ", 99), nil, "", 0},
	}
}

// TestHeaders splits headers: signatures are stored decoded, and all else as it is.
func TestHeaders(t *testing.T) {
	for _, h := range headers() {
		var stored []byte
		var layouts []string
		for _, p := range take(t, []byte(h.mail())) {
			if p.Form == FormFolded {
				stored = append(stored, p.stored...)
				layouts = append(layouts, string(p.Layout))
			}
			if p.Form == FormFolded && p.Role != RoleHeader {
				t.Errorf("%s: a piece has the role %d", h.name, p.Role)
			}
		}
		if len(layouts) != h.pieces || !bytes.Equal(stored, h.want) {
			t.Errorf("%s: %d pieces with %d bytes, want %d with %d, by %q", h.name, len(layouts), len(stored), h.pieces, len(h.want), layouts)
		}
		if h.layout != "" && (len(layouts) != 1 || layouts[0] != h.layout) {
			t.Errorf("%s: layout %q, want %q", h.name, layouts, h.layout)
		}
	}
}

// TestHeaderInside has signed mail inside another message.
func TestHeaderInside(t *testing.T) {
	h := headers()[0]
	n := 0
	for _, p := range take(t, partMail("b", "Content-Type: message/rfc822\r\n\r\n"+h.mail())) {
		if p.Form == FormFolded && bytes.Equal(p.stored, h.want) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d signatures found", n)
	}
}

// TestAnyHeader splits headers with random lines. All of them come back, and those that
// are regular are decoded.
func TestAnyHeader(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range rounds() {
		data := make([]byte, 48+r.IntN(600))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		by := []string{"\r\n ", "\r\n\t", "\n \t", "\r\n\t\t", "\n" + strings.Repeat(" ", 1+r.IntN(30))}[r.IntN(5)]
		first, width := 1+r.IntN(100), minFoldedLine+r.IntN(100)
		field := "X-Signature: b=" + folded(data, first, width, by)
		broken := r.IntN(3) == 0
		if at := 15 + r.IntN(len(field)-15); broken {
			field = field[:at] + []string{"=", " ", "-", "\r\n ", "\r", "\n", "A", ""}[r.IntN(8)] + field[at:]
		}
		got := 0
		for _, p := range take(t, []byte(header{field: field}.mail())) {
			if p.Form == FormFolded {
				got += p.Stored
			}
		}
		if regular := len(data) > 2*width && first <= width; regular && !broken && got < len(data)-width {
			t.Fatalf("header %d: %d of %d bytes were decoded:\n%q", i, got, len(data), field)
		}
	}
}

// TestManySignatures has more of them than a message can have decoded.
func TestManySignatures(t *testing.T) {
	for _, size := range []int{150, 3000, 200_000} {
		var mail strings.Builder
		for n := range 200_000/size + 90 {
			fmt.Fprintf(&mail, "X-Sig-%d: %s\r\n", n, folded(fileBytes(size+n%3), 70, 70, "\r\n "))
		}
		pieces, stored := 0, 0
		for _, p := range take(t, []byte(mail.String()+"\r\ntext")) {
			if p.Form == FormFolded {
				pieces++
				stored += p.Stored
			}
		}
		if pieces > maxFoldedRuns || stored > MaxFolded || pieces < maxFoldedRuns && stored < MaxFolded-minFolded {
			t.Errorf("of %d bytes each: %d pieces with %d bytes", size, pieces, stored)
		}
	}
}

// BenchmarkHeader splits mail that is mostly header.
func BenchmarkHeader(b *testing.B) {
	plain := strings.Repeat("Received: from mail-sor-f41.example.com (mail-sor-f41.example.com. [192.0.2.41])\r\n"+
		"        by mx.example.net with SMTPS id 2adb3069b0e04-54a2f1b3c4dsor1234567e87.1.2025.01.12.19.51.36\r\n"+
		"        for <anna.miller@example.net> (Google Transport Security); Sun, 12 Jan 2025 19:51:36 +0000\r\n", 16)
	signed := plain
	for _, h := range headers()[:5] {
		signed += h.field + "\r\n"
	}
	for name, head := range map[string]string{"plain": plain, "signed": signed} {
		raw := []byte(head + "Subject: x\r\n\r\n" + strings.Repeat("text of a message\r\n", 20))
		s, err := message.Scan(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			var sp Splitter
			for b.Loop() {
				if err := sp.Split(held{bytes.NewReader(raw), raw}, int64(len(raw)), s, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
