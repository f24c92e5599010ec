package message

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// nestedMultiparts is a message of multiparts in each other, each with one text.
func nestedMultiparts(depth int) []byte {
	var b bytes.Buffer
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n\r\ntext %d\r\n--b%d\r\n", i, i, i, i)
	}
	b.WriteString("\r\nin the middle\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "--b%d--\r\n", depth-1-i)
	}
	return b.Bytes()
}

// twoParts is a multipart whose Content-Type field and delimiters are given.
func twoParts(field, mark string) []byte {
	return fmt.Appendf(nil, "%s\r\n\r\n%s\r\n\r\none\r\n%s\r\n\r\ntwo\r\n", field, mark, mark)
}

func TestScanBounds(t *testing.T) {
	const top = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	pad := func(n int) string { return strings.Repeat(" ", n) }
	boundary := func(n int) []byte {
		b := strings.Repeat("b", n)
		return twoParts("Content-Type: multipart/mixed; boundary="+b, "--"+b)
	}
	// The field begins behind filling bytes of header in all.
	header := func(filling int) []byte {
		fill := "X: " + strings.Repeat("x", filling-len("X: \r\n")) + "\r\n"
		return twoParts(fill+"Content-Type: multipart/mixed; boundary=b", "--b")
	}
	const field = "Content-Type: multipart/mixed; boundary=b\r\n"
	for _, c := range []struct {
		name  string
		raw   []byte
		parts int
		flag  string
	}{
		{"10,000 parts", []byte(top + strings.Repeat("--b\r\n\r\nx\r\n", maxParts-1) + "--b--\r\n"), maxParts, ""},
		{"10,001 parts", []byte(top + strings.Repeat("--b\r\n\r\nx\r\n", maxParts) + "--b--\r\n"), maxParts, FlagTooManyParts},
		{"60,000 empty parts", []byte(top + strings.Repeat("--b\n", 60_000)), maxParts, FlagTooManyParts},
		{"a multipart as the last part", []byte(top + strings.Repeat("--b\r\n\r\nx\r\n", maxParts-2) + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"), maxParts, FlagTooManyParts},
		{"a message as the last part", []byte(top + strings.Repeat("--b\r\n\r\nx\r\n", maxParts-2) + "--b\r\nContent-Type: message/rfc822\r\n\r\nx"), maxParts, FlagTooManyParts},
		{"depth 64", nestedMultiparts(maxDepth), 1 + 2*maxDepth, ""},
		{"depth 65", nestedMultiparts(maxDepth + 1), 1 + 2*maxDepth, FlagTooDeep},
		{"depth 5,000", nestedMultiparts(5000), 1 + 2*maxDepth, FlagTooDeep},
		{"64 messages in each other", bytes.Repeat([]byte("Content-Type: message/rfc822\r\n\r\n"), maxDepth), maxDepth + 1, ""},
		{"5,000 messages in each other", bytes.Repeat([]byte("Content-Type: message/rfc822\r\n\r\n"), 5000), maxDepth + 1, FlagTooDeep},
		{"a boundary of 1 KiB", boundary(maxBoundary), 3, ""},
		{"a boundary above 1 KiB", boundary(maxBoundary + 1), 1, FlagNoBoundary},
		{"a delimiter line of 2 KiB", twoParts("Content-Type: multipart/mixed; boundary=b", "--b"+pad(maxDelimiter-len("--b\r\n"))), 3, ""},
		{"a delimiter line above 2 KiB", twoParts("Content-Type: multipart/mixed; boundary=b", "--b"+pad(maxDelimiter-len("--b\r"))), 1, FlagNoParts},
		{"a field at the end of 1 MiB of header", header(maxPartHeader - len(field)), 3, ""},
		{"a field behind 1 MiB of header", header(maxPartHeader - len(field) + 1), 1, FlagHeaderTooLong},
		{"a field of 16 KiB", twoParts("Content-Type: multipart/mixed;"+pad(maxBodyField-len("multipart/mixed;boundary=b\r\n")-1)+"boundary=b", "--b"), 3, ""},
		{"a field above 16 KiB", twoParts("Content-Type: multipart/mixed;"+pad(maxBodyField)+"boundary=b", "--b"), 1, FlagFieldTooLong},
		{"a folded field above 16 KiB", twoParts("Content-Type: multipart/mixed;"+strings.Repeat("\r\n "+pad(70), 400)+"boundary=b", "--b"), 1, FlagFieldTooLong},
		{"a line of 512 KiB behind the fields", twoParts("Content-Type: multipart/mixed; boundary=b\r\nX: "+strings.Repeat("--b ", 1<<17), "--b"), 3, ""},
		{"a line of 4 KiB before its end", twoParts("X: "+strings.Repeat("x", maxLine-3)+"\r\n"+field[:len(field)-2], "--b"), 3, ""},
		{"a line of 4 KiB with half its end", twoParts("X: "+strings.Repeat("x", maxLine-4)+"\r\n"+field[:len(field)-2], "--b"), 3, ""},
		{"a media type above 255 bytes", []byte("Content-Type: text/" + strings.Repeat("x", maxMediaType) + "\r\n\r\nx"), 1, FlagBadType},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := checkScan(t, c.raw, 1000, maxDelimiter)
			if len(s.Parts) != c.parts {
				t.Errorf("%d parts, want %d; flags %q", len(s.Parts), c.parts, s.Flags)
			}
			if c.flag != "" && !slices.Contains(s.Flags, c.flag) {
				t.Errorf("flags %q, want %s", s.Flags, c.flag)
			}
			if c.flag == "" && slices.ContainsFunc(s.Flags, func(f string) bool {
				return f != FlagUnclosed && f != FlagNoHeader && f != FlagNotAField && f != FlagNoHeaderEnd
			}) {
				t.Errorf("flags %q", s.Flags)
			}
		})
	}
}

// What stands behind the last part that is told apart is in the body of that part.
func TestScanKeepsWhatIsBeyondItsBounds(t *testing.T) {
	raw := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+5) + "--b--\r\nend")
	s := checkScan(t, raw)
	last := s.Parts[maxParts-1]
	if body := raw[last.Body.Start:]; last.Body.End != int64(len(raw)) || !bytes.HasPrefix(body, []byte("x\r\n--b\r\n")) {
		t.Errorf("the last part has %v of %d bytes, that begin with %.20q", last.Body, len(raw), body)
	}
	raw = nestedMultiparts(maxDepth + 5)
	s = checkScan(t, raw)
	i := slices.IndexFunc(s.Parts, func(p Part) bool { return p.Depth == maxDepth && p.MediaType == "multipart/mixed" })
	if p := s.Parts[i]; p.Kind != PartLeaf || !bytes.Contains(raw[p.Body.Start:p.Body.End], []byte("in the middle")) {
		t.Errorf("the deepest part is %+v", p)
	}
}

// counting counts the bytes that are read of a message.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// A scan reads each byte once, but for a line end before each window; it reads nothing
// behind the last delimiter that can count, and holds a window.
func TestScanReadsOnce(t *testing.T) {
	line := strings.Repeat("eA==", 19) + "\r\n"
	large := strings.Repeat(line, 8<<20/len(line))
	const top = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	flood := strings.Repeat("\n--b-", 1<<20)
	for _, c := range []struct {
		name, raw string
		most      int64
	}{
		{"a text", "Subject: x\r\n\r\n" + large, windowSize + 4},
		{"an attachment", top + "--b\r\n\r\n" + large + "--b--\r\n", int64(len(large)) + 1000},
		{"an epilogue", top + "--b\r\n\r\nx\r\n--b--\r\n" + large, windowSize + 4},
		{"one line", top + "--b\r\n\r\n" + strings.Repeat("x", 8<<20), 8<<20 + 1000},
		{"lines that are nearly delimiters", top + flood, int64(len(flood)) + 1000},
		{"a header without end", strings.Repeat("X: y\r\n", 1<<20), 6<<20 + 1000},
		{"text without end or header", "x\n" + large, 2*int64(len(large)) + 2000},
		{"10,000 parts", top + strings.Repeat("--b\r\n\r\nx\r\n", maxParts-1) + "--b--", 10*maxParts + 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &counting{ReaderAt: strings.NewReader(c.raw)}
			in := newInput(r, int64(len(c.raw)), windowSize)
			s := scanner{in: in, marks: make(map[string]int)}
			s.run()
			if s.in.err != nil || r.n > c.most {
				t.Errorf("%d bytes were read of %d, want at most %d; %v", r.n, len(c.raw), c.most, s.in.err)
			}
			if cap(s.in.buf) > windowSize+maxLine {
				t.Errorf("%d bytes were held", cap(s.in.buf))
			}
		})
	}
}

// A delimiter's line end that stands at the edge of a window costs no reading.
func TestScanReadsOnceThroughSmallWindows(t *testing.T) {
	raw := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1000) + "--b--"
	for window := 1; window < 100; window++ {
		r := &counting{ReaderAt: strings.NewReader(raw)}
		if _, err := scan(newInput(r, int64(len(raw)), window)); err != nil || r.n != int64(len(raw)) {
			t.Errorf("with a window of %d bytes, %d were read of %d; %v", window, r.n, len(raw), err)
		}
	}
}

func TestStructureHasAttachment(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      bool
	}{
		{"text", "Content-Type: text/html\r\n\r\nx", false},
		{"a message by default", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n--b--", true},
		{"a message in base64", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\neA==", true},
		{"message/global", "Content-Type: message/global\r\n\r\nSubject: x\r\n", true},
		{"a delivery status", "Content-Type: message/delivery-status\r\n\r\nx", false},
		{"a file name in sections", "Content-Type: image/png; name*0=a; name*1=b\r\n\r\nx", true},
		{"in a header that is cut", "Content-Type: image/png; name=a", true},
	} {
		if got := mustScan(t, []byte(c.raw)).HasAttachment(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
