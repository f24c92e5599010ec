package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What follows decodes a content in the plainest way, whole and letter by letter, to
// compare the decoders with. The bytes of it are given, and how many base64 has given.

// plainClean makes line ends LF, without the blanks before them.
func plainClean(p []byte, blanks string, ends, begins bool) []byte {
	lines := strings.Split(string(p), "\n")
	for i, l := range lines {
		n := len(strings.TrimRight(l, blanks))
		lines[i] = l[:n+(len(l)-n)/maxBlanks*maxBlanks]
	}
	for begins && len(lines) > 1 && lines[0] == "" {
		lines = lines[1:]
	}
	for ends && len(lines) > 1 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return []byte(strings.Join(lines, "\n"))
}

func plainQuoted(p []byte) []byte {
	p = plainClean(p, " \t\r", false, false)
	p = bytes.TrimSuffix(p, []byte("="))
	code := regexp.MustCompile("=(\n|[0-9A-Fa-f]{2})")
	return code.ReplaceAllFunc(p, func(c []byte) []byte {
		b, _ := hex.DecodeString(strings.TrimSpace(string(c[1:])))
		return b
	})
}

func plainBase64(p []byte) (out []byte, size int) {
	beginning := regexp.MustCompile(`^([A-Za-z0-9+/]{1,4}|[A-Za-z0-9+/]{2}==?|[A-Za-z0-9+/]{3}=)$`)
	var group []byte
	padded := false
	for i, c := range p {
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			continue
		}
		if padded || !beginning.Match(append(slices.Clone(group), c)) {
			return append(append(out, group...), p[i:]...), size
		}
		if group = append(group, c); len(group) == 4 {
			decoded, _ := base64.StdEncoding.DecodeString(string(group))
			out, size = append(out, decoded...), size+len(decoded)
			group, padded = nil, c == '='
		}
	}
	return append(out, group...), size
}

func plainDecode(p []byte, f form) (out []byte, size int) {
	clean := func(p []byte) []byte { return plainClean(p, " \t\r", true, f.outside) }
	if !f.text {
		clean = func(p []byte) []byte { return plainClean(p, "\r", false, f.outside) }
	}
	switch f.encoding {
	case EncodingBase64:
		out, size = plainBase64(p)
		if !f.text {
			raw := bytes.TrimPrefix(out, out[:size])
			return append(out[:size:size], clean(raw)...), size
		}
		return clean(out), size
	case EncodingQuotedPrintable:
		if out = plainQuoted(p); !f.text {
			return out, 0
		}
		return clean(out), 0
	}
	if f.exact && !f.text {
		return p, 0
	}
	return clean(p), 0
}

// FuzzDecoder checks that the decoders give what the plain ones do, however the pieces
// fall.
func FuzzDecoder(f *testing.F) {
	for _, text := range []string{
		"", "a", " a \r\n\r\n b\t \n\n", "=C3=A9=\r\n=\n=4", "=zz=3", "==41=", "= \r\nx=", "QUJD\r\nQUJD", "QUI=\r\n", "QQ==QUJD", "QU J\tD!\r\nx \r\n", "QUJDQ", "\r\r\n\n",
		"QUI\x00=", "Q===", "QUJD=", "\r\n \r\nx\r", "caf\xe9 \x1b",
	} {
		for how := range uint8(16) {
			f.Add([]byte(text), how, uint8(len(text)))
		}
	}
	d := newDecoder()
	f.Fuzz(func(t *testing.T, raw []byte, how, piece uint8) {
		form := form{encoding: Encoding(how % 4), text: how&4 != 0, exact: how&8 != 0, outside: how&16 != 0 && how&4 != 0}
		checkDecoder(t, &d, raw, form, int(piece)+1)
	})
}

// checkDecoder compares what comes of a content that is taken in pieces.
func checkDecoder(t *testing.T, d *decoder, raw []byte, form form, piece int) {
	t.Helper()
	want, size := plainDecode(raw, form)
	to := d.open(form)
	for p := range slices.Chunk(raw, piece) {
		to.take(p)
	}
	d.close(form)
	if d.sum.digest() != sha256.Sum256(want) || d.sum.size != int64(len(want)) {
		t.Fatalf("%.100q as %+v gives %d bytes that begin with %q, want %d: %.100q", raw, form, d.sum.size, d.sum.start, len(want), want)
	}
	if form.encoding == EncodingBase64 && d.base64.size != int64(size) {
		t.Fatalf("of %.100q, %d bytes are base64, want %d", raw, d.base64.size, size)
	}
	if high := slices.ContainsFunc(want, func(c byte) bool { return c >= 0x80 || c == 0x1b || c == 0x0e || c == 0x0f }); form.text && d.sum.high != high {
		t.Fatalf("%.100q has bytes above ASCII: %v", want, d.sum.high)
	}
}

// Of a long run of blanks each whole 64 KiB count, wherever the pieces end.
func TestDecoderLongBlanks(t *testing.T) {
	d := newDecoder()
	for _, n := range []int{maxBlanks - 1, maxBlanks, maxBlanks + 1, 3*maxBlanks + 7} {
		for _, blanks := range []string{strings.Repeat(" ", n), strings.Repeat("\r", n)} {
			for _, text := range []string{blanks + "\n", "x" + blanks + "\n\nx" + blanks, "\n" + blanks + "x\r\n"} {
				for how := range 8 {
					form := form{encoding: Encoding(how % 4), text: how >= 4}
					checkDecoder(t, &d, []byte(text), form, len(text))
					checkDecoder(t, &d, []byte(text), form, maxBlanks-3)
					checkDecoder(t, &d, []byte(text), form, 1000)
				}
			}
		}
	}
}

// FuzzFields checks that what is read of a field without a parser is what the parser
// would have read.
func FuzzFields(f *testing.F) {
	for _, value := range []string{
		"Ann <Ann@X.example>", `"Ann (A.)" <a@b>`, "=?utf-8?q?Ann_=C3=A9?= <A@b>", "a@b", "=?a?q??= <a@b>", "<a@b>", "A@b (c)", `"a" b.. <c@d>`, `"" <a@b>`,
		"a..b@c", "a <b@c.>", "a@b, c@d", "x: a@b;", `"a@b" <c@d>`, "a\tb <c@d>", "caf\xc3\xa9 <a@b>", "a <b@[192.0.2.1]>", "a <b@c> ", "=?q?b?====?= <a@b>", "..",
		"Sun, 22 Nov 2026 11:00:00 +0100", "22 Nov 2026 11:00 -2359 (CET)", "1 Feb 2024 00:00:60 +0000", "29 Feb 2023 00:00:00 +0000", "31 Dec 1969 23:59:59 +0000",
		"Sun, 01 Jan 0000 11:00:00 +0100", "Sun, 1 Jan 2020 11:00:00 GMT", "Sat, 31 Apr 2020 11:00:00 +0000", "Sat, 1 Apr 2020 24:00:00 -0060", "00 Apr 2020 01:02:03 +2400",
		"1 Apr 2020 01:02:03 -0060", "1 Apr 2020 01:02:03 +2500", "1 Apr 2020 01:02:03 -2400", "1 Apr 2020 01:60:03 +0100", "1 Apr 2020 24:00:00 +0100",
		"\r\n\ta \r\n b\r", " a  b\t", "x\ry", "A (b) C", "A\tB",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text := unfold([]byte(value), len(value))
		if want := plainUnfold(value, len(value)); text != want {
			t.Errorf("unfolded %q, want %q", text, want)
		}
		if got, want := unfold([]byte(value), 7), plainUnfold(value, 7); got != want {
			t.Errorf("unfolded to 7 bytes %q, want %q", got, want)
		}
		if got, want := collapse(value), strings.Join(strings.FieldsFunc(value, isBlank), " "); got != want {
			t.Errorf("collapsed %q, want %q", got, want)
		}
		if got, want := withoutBlanks(value), strings.ReplaceAll(strings.ReplaceAll(value, " ", ""), "\t", ""); got != want {
			t.Errorf("without blanks %q, want %q", got, want)
		}
		left := allowance(maxCostly)
		if got := fromLine([]byte(value), &left); len(text) <= maxParsed && got != parsedFrom(text) {
			t.Errorf("the author is %q, want %q", got, parsedFrom(text))
		}
		date := dateLine([]byte(value))
		if at, ok := instant(collapse(text)); ok != (date.name == "date") || ok && date.value != strconv.FormatInt(at.Unix(), 10) {
			t.Errorf("the date is %q, want %v, %v", date, at.Unix(), ok)
		}
		if at, err := mail.ParseDate(text); err == nil && parseDate(text) != at.Unix() || err != nil && parseDate(text) != 0 {
			t.Errorf("the date in a listing is %d, want %d, %v", parseDate(text), at.Unix(), err)
		}
	})
}

// plainUnfold takes line ends out, letter by letter.
func plainUnfold(value string, limit int) string {
	out := ""
	for i := 0; i < len(value) && len(out) < limit; i++ {
		if c := value[i]; c != '\r' && c != '\n' && (out != "" || c != ' ' && c != '\t') {
			out += value[i : i+1]
		}
	}
	return strings.TrimRight(out, " \t")
}

// parsedFrom gives the line for a From field by the parser alone.
func parsedFrom(text string) line {
	p := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: anyCharset}}
	list, err := p.ParseList(text)
	if err != nil || len(list) == 0 {
		return line{"from-text", collapse(text)}
	}
	addresses := make([]string, len(list))
	for i, a := range list {
		addresses[i] = (&mail.Address{Address: lowerASCII(a.Address)}).String()
	}
	return line{"from", strings.Join(addresses, ", ")}
}
