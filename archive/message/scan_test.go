package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inMemory is a message whose reader has all of it.
type inMemory []byte

func (m inMemory) Bytes() []byte { return m }

func (m inMemory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(p, off) }

func mustScan(t testing.TB, raw []byte) *Structure {
	t.Helper()
	s, err := Scan(inMemory(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkScan scans a message in memory and through windows, and checks what holds of
// every structure.
func checkScan(t testing.TB, raw []byte, windows ...int) *Structure {
	t.Helper()
	s := mustScan(t, raw)
	for _, w := range append(windows, windowSize) {
		got, err := scan(newInput(bytes.NewReader(raw), int64(len(raw)), w))
		if err != nil {
			t.Fatalf("with a window of %d bytes: %v", w, err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("with a window of %d bytes:\n%s\nin memory:\n%s", w, describe(raw, got), describe(raw, s))
		}
	}
	if fault := faultOf(s, int64(len(raw))); fault != "" {
		t.Fatalf("%s:\n%s", fault, describe(raw, s))
	}
	if fault := delimiterFault(s, raw); fault != "" {
		t.Fatalf("%s:\n%s", fault, describe(raw, s))
	}
	return s
}

// faultOf says what a structure's ranges have that they may not have.
func faultOf(s *Structure, size int64) string {
	if len(s.Parts) == 0 || len(s.Parts) > maxParts {
		return fmt.Sprintf("%d parts", len(s.Parts))
	}
	if !slices.IsSorted(s.Flags) || len(slices.Compact(slices.Clone(s.Flags))) != len(s.Flags) {
		return fmt.Sprintf("flags %q", s.Flags)
	}
	top := s.Parts[0]
	if top.Parent != -1 || top.Depth != 0 || top.Header.Start != 0 || top.Body.End != size {
		return "the message is not all of it"
	}
	children := make([]int, len(s.Parts))
	last := make([]int64, len(s.Parts)) // where the part may begin that comes next in a part
	for i, p := range s.Parts {
		last[i] = p.Body.Start
		if p.Header.Start > p.Header.End || p.Header.End != p.Body.Start || p.Body.Start > p.Body.End || p.Body.End > size {
			return fmt.Sprintf("part %d: ranges %v %v", i, p.Header, p.Body)
		}
		if i == 0 {
			continue
		}
		if p.Parent < 0 || p.Parent >= i {
			return fmt.Sprintf("part %d: parent %d", i, p.Parent)
		}
		around := s.Parts[p.Parent]
		if p.Depth != around.Depth+1 || p.Depth > maxDepth {
			return fmt.Sprintf("part %d: depth %d", i, p.Depth)
		}
		if p.Header.Start < last[p.Parent] || p.Body.End > around.Body.End || p.Header.Start < s.Parts[i-1].Header.Start {
			return fmt.Sprintf("part %d: not in its place", i)
		}
		last[p.Parent] = p.Body.End
		children[p.Parent]++
		if around.Kind == PartMessage && (p.Header.Start != around.Body.Start || p.Body.End != around.Body.End) {
			return fmt.Sprintf("part %d: not all of its message", i)
		}
	}
	for i, p := range s.Parts {
		if n := children[i]; p.Kind == PartLeaf && n > 0 || p.Kind == PartMessage && n != 1 || p.Kind == PartMultipart && n == 0 {
			return fmt.Sprintf("part %d: kind %d with %d parts", i, p.Kind, n)
		}
	}
	return ""
}

// boundaryOf gives the boundary of a multipart by its header.
func boundaryOf(raw []byte, p Part) string {
	var s scanner
	s.in = input{size: p.Header.End, held: raw[:p.Header.End]}
	return s.header(p.Header.Start).boundary
}

// delimiterFault says where delimiter lines and parts do not agree: line by line, as
// slow as it is simple.
func delimiterFault(s *Structure, raw []byte) string {
	if slices.Contains(s.Flags, FlagTooManyParts) {
		return ""
	}
	boundaries := make([]string, len(s.Parts))
	ends := make([]int64, len(s.Parts)) // of the last part of a multipart
	for i, p := range s.Parts {
		if p.Kind == PartMultipart {
			boundaries[i] = boundaryOf(raw, p)
		}
		if p.Parent >= 0 && s.Parts[p.Parent].Kind == PartMultipart {
			if fault := fenceFault(s, raw, i, ends[p.Parent], boundaries); fault != "" {
				return fault
			}
			ends[p.Parent] = p.Body.End
		}
		if p.Kind != PartLeaf {
			continue
		}
		// No line of a leaf is a delimiter of a multipart around it; but of a multipart
		// without parts it can be its own.
		own := boundaryOf(raw, p)
		for line := range bytes.SplitAfterSeq(raw[p.Body.Start:p.Body.End], []byte("\n")) {
			if len(line) < maxDelimiter && belongs(s, p, boundaries, line) && !isDelimiter(line, own) {
				return fmt.Sprintf("part %d: %q in its body", i, line)
			}
		}
	}
	return ""
}

// fenceFault checks what stands before and behind a part of a multipart. The part before
// it there ends at last, 0 when there is none.
func fenceFault(s *Structure, raw []byte, i int, last int64, boundaries []string) string {
	p := s.Parts[i]
	line := raw[:p.Header.Start]
	line = line[bytes.LastIndexByte(bytes.TrimSuffix(line, []byte("\n")), '\n')+1:]
	if string(trimBlanks(line)) != "--"+boundaries[p.Parent] {
		return fmt.Sprintf("part %d: begins behind %q", i, line)
	}
	if gap := raw[last:p.Header.Start]; last > 0 && !bytes.Equal(withoutLineEnd(gap), line) {
		return fmt.Sprintf("part %d: begins behind %q", i, gap)
	}
	behind, _, _ := bytes.Cut(withoutLineEnd(raw[p.Body.End:]), []byte("\n"))
	if p.Body.End < s.Parts[p.Parent].Body.End && !belongs(s, p, boundaries, behind) {
		return fmt.Sprintf("part %d: ends before %q", i, behind)
	}
	return ""
}

// withoutLineEnd gives what follows a line end, where there is one.
func withoutLineEnd(text []byte) []byte {
	return bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("\r")), []byte("\n"))
}

// belongs tells whether a line is a delimiter of a multipart around a part.
func belongs(s *Structure, p Part, boundaries []string, line []byte) bool {
	for up := p.Parent; up >= 0; up = s.Parts[up].Parent {
		if isDelimiter(line, boundaries[up]) {
			return true
		}
	}
	return false
}

func isDelimiter(line []byte, boundary string) bool {
	text := string(trimBlanks(line))
	return boundary != "" && (text == "--"+boundary || text == "--"+boundary+"--")
}

// describe prints a structure as a tree.
func describe(raw []byte, s *Structure) string {
	var b strings.Builder
	for _, p := range s.Parts {
		kind := []string{"leaf", "multipart", "message"}[p.Kind]
		fmt.Fprintf(&b, "%*s%s %s, header %d-%d, body %d-%d", 2*p.Depth, "", kind, p.MediaType, p.Header.Start, p.Header.End, p.Body.Start, p.Body.End)
		if p.Encoding != EncodingIdentity {
			fmt.Fprintf(&b, ", %s", []string{"", "base64", "quoted-printable", "other encoding"}[p.Encoding])
		}
		if p.Attachment {
			b.WriteString(", attachment")
		}
		if p.Kind == PartLeaf {
			fmt.Fprintf(&b, ": %.60q", raw[p.Body.Start:p.Body.End])
		}
		b.WriteString("\n")
	}
	if len(s.Flags) > 0 {
		fmt.Fprintf(&b, "flags %s\n", strings.Join(s.Flags, ", "))
	}
	return b.String()
}

// scanCase is a message of testdata/scan and its structure.
type scanCase struct {
	name, message, want string
}

// raw gives the bytes of a case's message. Its lines end with CRLF, or with LF when the
// name of the case says (LF); one with a backslash at its end has none. Within a line,
// \n, \r, \t, \\ and \xHH are bytes.
func (c scanCase) raw(t testing.TB) []byte {
	end := "\r\n"
	if strings.Contains(c.name, "(LF)") {
		end = "\n"
	}
	var b strings.Builder
	for line := range strings.Lines(c.message) {
		line = strings.TrimSuffix(line, "\n") + end
		if text, cut := strings.CutSuffix(line, `\`+end); cut && !strings.HasSuffix(text, `\`) {
			line = text
		}
		for line != "" {
			if line[0] == '"' || line[0] == '\n' || line[0] >= 0x80 {
				b.WriteByte(line[0])
				line = line[1:]
				continue
			}
			c, wide, tail, err := strconv.UnquoteChar(line, 0)
			if err != nil || wide {
				t.Fatalf("%q: %v", line, err)
			}
			b.WriteByte(byte(c))
			line = tail
		}
	}
	return []byte(b.String())
}

// readCases reads a file of cases: "=== name", the message, and the structure in lines
// that begin with "=> ". What stands before the first case says what the file is about.
func readCases(t testing.TB, file string) (about string, cases []scanCase) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	about, rest, _ := strings.Cut(string(text), "\n=== ")
	for one := range strings.SplitSeq(rest, "\n=== ") {
		var c scanCase
		c.name, one, _ = strings.Cut(one, "\n")
		c.message, c.want, _ = strings.Cut(one, "=> ")
		c.want = strings.TrimRight(strings.ReplaceAll(c.want, "\n=> ", "\n"), "\n") + "\n"
		cases = append(cases, c)
	}
	return about, cases
}

// TestScanCases scans the messages in testdata/scan/*.txt. UPDATE=1 writes their
// structures.
func TestScanCases(t *testing.T) {
	files, err := filepath.Glob("testdata/scan/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	windows := make([]int, 70)
	for i := range windows {
		windows[i] = i + 1
	}
	for _, file := range files {
		about, cases := readCases(t, file)
		var out strings.Builder
		out.WriteString(about + "\n")
		for i, c := range cases {
			var got string
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+c.name, func(t *testing.T) {
				raw := c.raw(t)
				got = describe(raw, checkScan(t, raw, windows...))
				if got != c.want && os.Getenv("UPDATE") == "" {
					t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
				}
			})
			if i > 0 {
				out.WriteString("\n")
			}
			fmt.Fprintf(&out, "=== %s\n%s=> %s\n", c.name, c.message, strings.ReplaceAll(strings.TrimRight(got, "\n"), "\n", "\n=> "))
		}
		if os.Getenv("UPDATE") != "" && !t.Failed() {
			if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// failing is a reader that fails from an offset on.
type failing struct {
	raw  []byte
	from int
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.raw[:f.from]).ReadAt(p, off)
	if err != nil {
		err = f.err
	}
	return n, err
}

func TestScanTellsOfReadErrors(t *testing.T) {
	raw := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n")
	disk := errors.New("disk on fire")
	for from := range len(raw) - 1 {
		for _, c := range []struct{ have, want error }{{disk, disk}, {nil, io.ErrUnexpectedEOF}, {io.EOF, io.ErrUnexpectedEOF}} {
			s, err := scan(newInput(failing{raw, from, c.have}, int64(len(raw)), 7))
			// What stands behind the closing delimiter is not needed.
			if needed := from < len(raw)-2; needed && !errors.Is(err, c.want) || !needed && err != nil && !errors.Is(err, c.want) {
				t.Errorf("fails from byte %d on with %v: %v, %v", from, c.have, s, err)
			}
		}
	}
}

// A reader with Bytes that has not all of the message is read like any other.
func TestScanDoesNotTrustBytes(t *testing.T) {
	raw := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n")
	if _, err := Scan(inMemory(raw), int64(len(raw)+1)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a size that is too large: %v", err)
	}
	s, err := Scan(inMemory(raw), 5)
	if err != nil || s.Parts[0].Body.End != 5 {
		t.Errorf("a size that is too small: %v, %v", s, err)
	}
	if s, err = Scan(inMemory(raw), -1); err != nil || s.Parts[0].Body.End != 0 {
		t.Errorf("a size below 0: %v, %v", s, err)
	}
}
