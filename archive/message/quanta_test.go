package message

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestQuantaDecodeUpToTheFirstThatIsNone(t *testing.T) {
	for in, want := range map[string]int{
		"": 0, "QUJD": 4, "QUJDREVG": 8, "QUJDREVGR0hJ": 12, "QUJDREVGR0==": 8, "QU=D": 0, "QUJD\r\nQU": 4,
		"QUJDREVGR0hJSktM": 16, "QUJDREVGR0hJSkt-": 12, "QUJDREVGR0hJSkt\x80": 12, strings.Repeat("+/09", 33): 132,
	} {
		var q Quanta
		to := make([]byte, len(in)/4*3)
		if n := q.Decode(to, []byte(in[:len(in)/4*4])); n != want {
			t.Errorf("of %q %d characters are decoded, not %d", in, n, want)
		}
		decoded, err := base64.StdEncoding.DecodeString(in[:want])
		if err != nil || !bytes.Equal(to[:want/4*3], decoded) {
			t.Errorf("%q is decoded as %q, not as %q", in, to[:want/4*3], decoded)
		}
	}
}

func TestQuantaOfEveryByte(t *testing.T) {
	var q Quanta
	for place := range 8 {
		for c := range 256 {
			in := []byte("AAAAAAAA")
			in[place] = byte(c)
			want := 8
			if !isBase64(byte(c)) {
				want = place / 4 * 4
			}
			to := make([]byte, 6)
			if n := q.Decode(to, in); n != want {
				t.Errorf("of %q %d characters are decoded, not %d", in, n, want)
			}
			if n := q.Digits(in); want == 8 && n != 8 || want < 8 && n != place {
				t.Errorf("%q begins with %d digits", in, n)
			}
			if decoded, err := base64.StdEncoding.DecodeString(string(in)); want == 8 && (err != nil || !bytes.Equal(to, decoded)) {
				t.Errorf("%q is decoded as %q, not as %q", in, to, decoded)
			}
		}
	}
}

func TestQuantaLinesThatAreAlike(t *testing.T) {
	for _, test := range []struct {
		in    string
		width int
		end   string
		room  int
		lines int
	}{
		{"QUJD\r\nREVG\r\n", 4, "\r\n", 6, 2},
		{"QUJD\r\nREVG\r\n", 4, "\r\n", 5, 1},
		{"QUJD\r\nREVG", 4, "\r\n", 6, 1},
		{"QUJD\r\nREVG\r", 4, "\r\n", 9, 1},
		{"QUJD\nREVG\nR0hJ\n", 4, "\n", 9, 3},
		{"QUJD\r\nREVG\n", 4, "\r\n", 9, 1},
		{"QUJD\r\nREVG \r\n", 4, "\r\n", 9, 1},
		{"QUJD\r\nRE=G\r\nQUJD\r\n", 4, "\r\n", 9, 1},
		{"QUJDREVGR0hJ\r\nQUJDREVGR0hJ\r\nQUJD\r\n", 12, "\r\n", 99, 2},
		{"\r\n\r\n", 4, "\r\n", 9, 0},
		{"", 4, "\r\n", 9, 0},
	} {
		var q Quanta
		to := bytes.Repeat([]byte{'.'}, test.room+4)
		lines := q.Lines(to[:test.room], []byte(test.in), test.width, test.end)
		if lines != test.lines || string(to[test.room:]) != "...." {
			t.Errorf("of %q, with room for %d bytes, %d lines are decoded, not %d; %q", test.in, test.room, lines, test.lines, to)
		}
		want := "ABCDEFGHIABCDEFGHI"[:lines*test.width/4*3]
		if got := string(to[:len(want)]); got != want {
			t.Errorf("%q is decoded as %q, not as %q", test.in, got, want)
		}
	}
}

// Base64 that is not in lines alike is decoded as it is line by line.
func TestBase64BodyInLinesOfEveryKind(t *testing.T) {
	const line = "QUJDREVGR0hJ"
	many := strings.Repeat(line+"\r\n", 5000) // more than the buffer holds
	for name, in := range map[string]string{
		"alike":            many,
		"with LF":          strings.ReplaceAll(many, "\r\n", "\n"),
		"then LF":          many + strings.ReplaceAll(many, "\r\n", "\n"),
		"then wider":       many + line + line + "\r\n" + many,
		"a line parted":    many + line[:5] + "\r\n" + line[5:] + "\r\n" + many,
		"blanks":           many + line + " \r\n\r\n" + many,
		"padding":          many + line[:10] + "==\r\n",
		"a line of bytes":  strings.Repeat(line, 5000),
		"longer than most": strings.Repeat(line, 100) + "\r\n" + strings.Repeat(line, 100) + "\r\n",
	} {
		decoder := newDecoder()
		f := form{encoding: EncodingBase64}
		to := decoder.open(f)
		for b := []byte(in); len(b) > 0; {
			n := min(len(b), 1001)
			to.take(b[:n])
			b = b[n:]
		}
		decoder.close(f)
		plain, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(in, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		want := newDecoder()
		want.sum.take(plain)
		if decoder.broken || decoder.base64.size != int64(len(plain)) || decoder.sum.digest() != want.sum.digest() {
			t.Errorf("%s: %d bytes are decoded, broken %v, of %d", name, decoder.base64.size, decoder.broken, len(plain))
		}
	}
}

func TestQuantaLine(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "\n": 0, "\r\n": 0, "AAAA": 0, "AAAA\r": 0, "AAA\n": 0, "AAA\r\n": 0,
		"AAAA\n": 4, "AAAA\r\n": 4, "AAAAAAAA\r\nAAAA\n": 8, "AAA\r\r\n": 4,
	} {
		width, end := QuantaLine([]byte(s))
		if width != want || width > 0 && s[width:width+len(end)] != end {
			t.Errorf("%q: %d, %q, want %d", s, width, end, want)
		}
	}
}
