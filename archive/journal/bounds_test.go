package journal

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestBounds reads reports that are larger than what is read of them: what fits is
// told, and the rest is flagged.
func TestBounds(t *testing.T) {
	mail := []byte("From: a@example.com\r\nMessage-ID: <1@example.com>\r\n\r\nx\r\n")
	lots := func(n int, line string) []string { return slices.Repeat([]string{line}, n) }
	nested := func(depth int) []byte {
		var b bytes.Buffer
		b.WriteString("X-MS-Journal-Report:\r\n")
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		b.WriteString("Content-Type: message/rfc822\r\n\r\nx\r\n")
		return b.Bytes()
	}
	parts := wrap([]byte(strings.Repeat("x\r\n--=_wrapped_\r\n\r\n", 5000)), "To: b@example.com")
	originals := wrap([]byte(strings.Repeat("x\r\n--=_wrapped_\r\nContent-Type: message/rfc822\r\n\r\n", 50)), "To: b@example.com")
	tests := []struct {
		name                  string
		raw                   []byte
		recipients, originals int
		flag                  string
	}{
		{"10,000 recipients", wrap(mail, lots(10_000, "To: b@example.com")...), 10_000, 1, ""},
		{"60,000 recipients", wrap(mail, lots(60_000, "To: b@example.com")...), maxRecipients, 1, FlagTooManyRecipients},
		{"a text of 5 MiB", wrap(mail, append(lots(5000, "Rule-Names: "+strings.Repeat("x", 1024)), "To: b@example.com")...), 0, 1, FlagTextTooLong},
		{"an address of 5 KiB", wrap(mail, "To: "+strings.Repeat("x", 5<<10)+"@example.com", "To: b@example.com"), 1, 1, FlagAddressTooLong},
		{"commas and quotes", wrap(mail, lots(400, "To: "+strings.Repeat(`",expanded:`, 900))...), 0, 1, FlagAddressTooLong},
		{"60,000 subjects", wrap(mail, append(lots(60_000, "Subject: x"), "To: b@example.com")...), 1, 1, FlagDuplicateField},
		{"5,000 parts", parts, 1, 1, FlagTooManyParts},
		{"51 originals", originals, 1, maxOriginals, FlagManyOriginals},
		{"depth 8", nested(maxDepth), 0, 1, FlagNestedOriginal},
		{"depth 5,000", nested(5000), 0, 0, FlagTooDeep},
		{"a header of 1 MiB", append([]byte("X-MS-Journal-Report:\r\n"), append(bytes.Repeat([]byte("X: y\r\n"), 180_000), wrap(mail)...)...), 0, 0, FlagHeaderTooLong},
		{"a part header of 1 MiB", wrap(append(bytes.Repeat([]byte("X: y\r\n"), 180_000), mail...), "To: b@example.com"), 1, 1, FlagHeaderTooLong},
		{"a boundary of 1 KiB", bytes.ReplaceAll(wrap(mail, "To: b@example.com"), []byte("=_wrapped_"), bytes.Repeat([]byte("b"), 1024)), 0, 0, FlagNoBoundary},
		{"an HTML comment without end", bytes.Replace(wrap(bytes.Repeat([]byte("<!--"), 1<<20), "<!-- "+strings.Repeat("<", 1<<20)), []byte("text/plain"), []byte("text/html"), 1), 0, 1, FlagHTML},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := mustParse(t, test.raw, Options{Reports: true, NDR: true})
			checkBounds(t, r, int64(len(test.raw)))
			if len(r.Recipients) != test.recipients || len(r.Originals) != test.originals {
				t.Errorf("%d recipients, want %d; %d originals, want %d", len(r.Recipients), test.recipients, len(r.Originals), test.originals)
			}
			if test.flag != "" && !slices.Contains(r.Flags, test.flag) {
				t.Errorf("flags %q, want %s", r.Flags, test.flag)
			}
		})
	}
}

// endless is a report whose original is size bytes of the letter x and line ends.
type endless struct {
	head, tail string
	size       int64
}

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		switch at := off + int64(i); {
		case at < int64(len(e.head)):
			p[i] = e.head[at]
		case at < int64(len(e.head))+e.size:
			if p[i] = 'x'; at%80 == 0 {
				p[i] = '\n'
			}
		case at < e.length():
			p[i] = e.tail[at-int64(len(e.head))-e.size]
		default:
			return i, io.EOF
		}
	}
	return len(p), nil
}

func (e endless) length() int64 { return int64(len(e.head)) + e.size + int64(len(e.tail)) }

// TestMemory reads a report of 160 MiB, in a bounce, without holding it.
func TestMemory(t *testing.T) {
	head, tail, _ := bytes.Cut(wrap([]byte("Subject: x\r\n\r\n@"), "To: b@example.com"), []byte("@"+"\r\n--=_wrapped_--"))
	e := endless{
		head: "X-MS-Exchange-Message-Is-Ndr:\r\nContent-Type: multipart/report; boundary=n\r\n\r\n--n\r\n" +
			"Content-Type: message/rfc822\r\n\r\n" + string(head),
		tail: "\r\n--=_wrapped_--" + string(tail) + "--n--\r\n", size: 160 << 20,
	}
	if testing.Short() {
		e.size = 16 << 20
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Parse(e, e.length(), Options{Reports: true, NDR: true})
	runtime.ReadMemStats(&after)
	if err != nil || r.Kind != NDR || len(r.Recipients) != 1 || len(r.Originals) != 1 {
		t.Fatalf("%v, %+v", err, r)
	}
	start := int64(strings.Index(e.head, "Subject: x\r\n\r\n"))
	if o := r.Originals[0]; o.Start != start || o.End != int64(len(e.head))+e.size {
		t.Errorf("the original is at %d-%d, want %d-%d", o.Start, o.End, start, int64(len(e.head))+e.size)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

func BenchmarkParse(b *testing.B) {
	mail := append([]byte("From: a@example.com\r\nMessage-ID: <1@example.com>\r\n\r\n"),
		bytes.Repeat([]byte("VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNr\r\n"), 14_000)...)
	many := slices.Repeat([]string{"To: member@example.com, Expanded: list@example.com"}, 10_000)
	for name, raw := range map[string][]byte{
		"mail":       mail,
		"report":     wrap(mail, "To: b@example.com"),
		"recipients": wrap(mail[:100], many...),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				mustParse(b, raw, Options{Reports: true})
			}
		})
	}
}
