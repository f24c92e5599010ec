package recipe

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// rounds is how many random bodies a test makes.
func rounds() int {
	if testing.Short() {
		return 400
	}
	return 4000
}

// anyBase64 is a body in some shape of base64: regular, or with one or more oddities,
// which it tells.
func anyBase64(r *rand.Rand, data []byte) (body []byte, odd []string) {
	chars := base64.StdEncoding.EncodeToString(data)
	ends := []string{"\r\n", "\n", "\r\r\n", " \r\n", "\r\n\r\n", "\t \n"}
	end := ends[r.IntN(len(ends))]
	width := 1 + r.IntN(200)
	choose := func(name string) bool {
		if r.IntN(12) > 0 {
			return false
		}
		odd = append(odd, name)
		return true
	}
	if choose("no padding") {
		chars = strings.TrimRight(chars, "=")
	}
	if choose("more padding") {
		chars += strings.Repeat("=", 1+r.IntN(5))
	}
	if choose("several encodings") {
		n := 1 + r.IntN(len(data)-1)
		chars = base64.StdEncoding.EncodeToString(data[:n]) + base64.StdEncoding.EncodeToString(data[n:])
	}
	if n := len(data) % 3; n > 0 && choose("other bits") {
		at := len(base64.RawStdEncoding.EncodeToString(data)) - 1
		chars = base64.StdEncoding.EncodeToString(data)
		chars = chars[:at] + string(digits[strings.IndexByte(digits, chars[at])|1]) + chars[at+1:]
	}
	first := width
	if choose("first line") {
		first = 1 + r.IntN(200)
	}
	mixed, blanks, empty := choose("mixed line ends"), choose("blanks"), choose("empty line")
	for i := 0; len(chars) > first; i++ {
		e := end
		switch {
		case mixed && i%7 == 3:
			e = ends[r.IntN(len(ends))]
		case blanks && i == 1:
			e = "  \t" + e
		case empty && i == 2:
			e += e
		}
		body = append(append(body, chars[:first]...), e...)
		chars, first = chars[first:], width
	}
	body = append(body, chars...)
	if choose("line ends behind") {
		body = append(body, strings.Repeat(end, 1+r.IntN(3))...)
	}
	if choose("footer") {
		body = append(body, "\n____\nfooter, in the clear\n"...)
	}
	return body, odd
}

// TestAnyBase64 splits random shapes of base64. All of them come back; those that are
// regular, and nearly all others, are decoded.
func TestAnyBase64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	odd, raw := 0, 0
	for i := range rounds() {
		data := make([]byte, 100+r.IntN(4000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		body, oddities := anyBase64(r, data)
		var got []byte
		layout := 0
		for _, p := range take(t, partMail("b", "Content-Transfer-Encoding: base64\r\n\r\n"+string(body))) {
			if p.Form == FormBase64 {
				got = append(got, p.stored...)
				layout += len(p.Layout)
			}
		}
		decoded := bytes.Equal(got, data)
		if len(oddities) > 0 {
			odd++
			if !decoded {
				raw++
			}
		} else if !decoded || layout > 12 {
			t.Fatalf("body %d, which is regular: decoded %t with a layout of %d bytes:\n%.400q", i, decoded, layout, body)
		}
	}
	t.Logf("%d bodies with oddities, %d of them not decoded whole", odd, raw)
	if raw > odd/20 {
		t.Errorf("%d of %d bodies with oddities were not decoded", raw, odd)
	}
}

// anyText is text with CR LF line ends that quoted-printable is needed for.
func anyText(r *rand.Rand) []byte {
	words := []string{"Grüße", "the", "quick", "brown", "a=b", "über", "München,", "From", "x", "и", "привет", "100 %",
		"<a href=\"https://example.com/a/very/long/link/that/is/longer/than/a/line/of/a/message/can/be/?q=1\">", "."}
	var b []byte
	for range 30 + r.IntN(200) {
		b = append(b, words[r.IntN(len(words))]...)
		switch r.IntN(20) {
		case 0:
			b = append(b, "\r\n"...)
		case 1:
			b = append(b, " \r\n"...)
		case 2:
			b = append(b, "\t"...)
		case 3:
			b = append(b, "\r\n\r\n.\r\nFrom "...)
		default:
			b = append(b, ' ')
		}
	}
	return append(b, "end"...)
}

// TestEncoders splits what encoders of quoted-printable write, by rules that a layout
// can tell: the text is stored as it was, and the layout stays short.
func TestEncoders(t *testing.T) {
	const ebcdic = "!\"#$@[\\]^`{|}~"
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name string
		e    encoder
		most int // bytes of a layout, beside one for each kilobyte
	}{
		{"76 columns", encoder{most: 75}, 4},
		{"76 columns, the last of them used", encoder{most: 75, fit: true}, 4},
		{"72 columns in lower case", encoder{most: 71, lower: true}, 4},
		{"LF", encoder{most: 75, soft: "\n", eol: "\n"}, 4},
		{"LF within CR LF", encoder{most: 75, soft: "\n"}, 4},
		{"characters that differ in EBCDIC", encoder{most: 75, extra: ebcdic}, 20},
		{"line ends escaped", encoder{most: 75, binary: true}, 8},
		{"dots at the beginning of a line", encoder{most: 75, dots: true}, 4},
		{"words kept together", encoder{most: 75, words: true}, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			total, layouts, n := 0, 0, 30
			for range n {
				text := anyText(r)
				want := text
				if c.e.eol != "" {
					want = bytes.ReplaceAll(text, []byte("\r\n"), []byte(c.e.eol))
				}
				body := quotedBy(text, c.e)
				got := take(t, partMail("b", "Content-Transfer-Encoding: quoted-printable\r\n\r\n"+string(body)))
				found := false
				for _, p := range got {
					if p.Form == FormQuoted {
						found = bytes.Equal(p.stored, want)
						layouts += len(p.Layout)
					}
				}
				if !found {
					t.Fatalf("not stored decoded:\n%s\npieces:\n%s", body, pieces(got))
				}
				total += len(body)
			}
			t.Logf("layouts of %.1f bytes for bodies of %d", float64(layouts)/float64(n), total/n)
			if layouts > n*c.most+total/1000 {
				t.Errorf("layouts of %.1f bytes for bodies of %d", float64(layouts)/float64(n), total/n)
			}
		})
	}
}

// TestAnyQuoted breaks quoted-printable in random ways.
func TestAnyQuoted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	forms := map[Form]int{}
	for range rounds() / 4 {
		e := encoder{most: 20 + r.IntN(60), fit: r.IntN(2) == 0, words: r.IntN(3) == 0, lower: r.IntN(3) == 0}
		body := quotedBy(anyText(r), e)
		for range r.IntN(4) {
			at := r.IntN(len(body))
			odd := []string{"=", "=\n", "= \r\n", "=\r\n=\r\n", "\r", "\n", "=20", "=0D=0A", "=c3=BC", "\x00", "ü", "=3"}[r.IntN(12)]
			body = []byte(string(body[:at]) + odd + string(body[at:]))
		}
		for _, p := range take(t, leafMail("text/html", "quoted-printable", body)) {
			forms[p.Form]++
		}
	}
	if forms[FormQuoted] < rounds()/5 {
		t.Errorf("pieces by form: %v", forms)
	}
}

// TestSameFile has the same file in many wire forms: the stored bytes are the same.
func TestSameFile(t *testing.T) {
	data := fileBytes(40 << 10)
	text := bytes.Repeat([]byte("Grüße, ümläut ünd=\r\n"), 1<<10)
	part := func(mediaType, encoding, body string) []byte {
		return []byte(fmt.Sprintf("Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s", mediaType, encoding, body))
	}
	for _, c := range []struct {
		data  []byte
		forms [][]byte
	}{
		{data, [][]byte{
			part("image/png", "base64", string(inLines(data, 76, "\r\n"))),
			part("image/png", "BASE64", string(inLines(data, 72, "\n"))+"\n\n"),
			part("application/octet-stream", "base64", string(inLines(data, 61, " \r\n"))+"\r\n-- \r\nfooter"),
			part("text/plain", "base64", string(inLines(data, 1<<20, ""))),
			part("image/png", "base64", strings.TrimRight(string(inLines(data, 57, "\r\n")), "=")),
			part("image/png", "binary", string(data)),
		}},
		{text, [][]byte{
			part("text/html", "quoted-printable", string(quotedBy(text, encoder{most: 75}))),
			part("text/html", "quoted-printable", string(quotedBy(text, encoder{most: 71, lower: true, words: true}))),
			part("text/html", "base64", string(inLines(text, 76, "\r\n"))),
		}},
	} {
		for i, form := range c.forms {
			var got []byte
			for _, p := range take(t, partMail("b", string(form))) {
				if p.Role == RolePart {
					got = append(got, p.stored...)
				}
			}
			if !bytes.Equal(got, c.data) {
				t.Errorf("form %d: %d bytes stored instead of %d", i, len(got), len(c.data))
			}
		}
	}
}
