package recipe

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestPairsAreDigits(t *testing.T) {
	var p pairs
	p.fill()
	for i := range p {
		want := base64.RawStdEncoding.EncodeToString([]byte{byte(i >> 4), byte(i << 4)})[:2]
		if got := string([]byte{byte(p[i]), byte(p[i] >> 8)}); got != want {
			t.Fatalf("the digits of %#x are %q, not %q", i, got, want)
		}
	}
}

// Base64 in lines comes back from what decode makes of it, whatever its size and width.
func TestBase64InLines(t *testing.T) {
	raw := make([]byte, minPairs+100)
	for i := range raw {
		raw[i] = byte(i*i>>3 + i*7)
	}
	var d decoder
	for _, size := range []int{1, 2, 3, 56, 57, 58, 114, 115, 116, minPairs - 1, minPairs, minPairs + 1, minPairs + 2, minPairs + 57, len(raw)} {
		for _, width := range []int{4, 8, 12, 60, 64, 72, 75, 76, 1 << 12} {
			for _, end := range []string{"\r\n", "\n", "\r\n\r\n", " \r\n"} {
				var lines strings.Builder
				for s := base64.StdEncoding.EncodeToString(raw[:size]); s != ""; {
					n := min(width, len(s))
					lines.WriteString(s[:n] + end)
					s = s[n:]
				}
				for _, wire := range []string{lines.String(), strings.TrimSuffix(lines.String(), end), lines.String() + "-- \r\na footer\r\n"} {
					n, _ := d.decode([]byte(wire), false)
					if want := len(strings.TrimSuffix(wire, "-- \r\na footer\r\n")); n != want && n < want-len(end) || !bytes.Equal(d.stored, raw[:size]) {
						t.Fatalf("%d bytes in lines of %d that end with %q: %d of %d characters, %d bytes", size, width, end, n, want, len(d.stored))
					}
					p := Piece{Wire: int64(n), Stored: len(d.stored), Form: FormBase64, Layout: d.layout}
					if back, err := p.AppendWire(nil, d.stored); err != nil || string(back) != wire[:n] {
						t.Fatalf("%d bytes in lines of %d that end with %q do not come back: error %v", size, width, end, err)
					}
				}
			}
		}
	}
}
