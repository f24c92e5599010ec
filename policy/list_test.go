package policy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// readList reads a list of one tenant from r, with a buffer of the usual size.
func readList(t *testing.T, r io.Reader) (*lister, File) {
	t.Helper()
	l := newLister("acme.example", "*.acme.test")
	var file File
	if err := l.lines(r, &file); err != nil {
		t.Fatal(err)
	}
	return l, file
}

func newLister(names ...string) *lister {
	d := domains{exact: make(map[string]string), below: make(map[string]string)}
	for _, name := range names {
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			d.below[parent] = "acme"
		} else {
			d.exact[name] = "acme"
		}
	}
	l := &lister{domains: &d, seed: maphash.MakeSeed(), buf: make([]byte, listBuffer)}
	l.reset(&Tenant{Name: "acme", Domains: names})
	l.place.file = "list"
	return l
}

// has tells which of the addresses the list has, each with its primary address.
func (l *lister) has(addresses ...string) []string {
	k := l.table()
	var list []string
	for _, a := range addresses {
		if primary, ok := k.find(splitAddress(a)); ok {
			list = append(list, primary)
		}
	}
	return list
}

func TestListLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		name, text string
		want       []string // of anna, a, bert
		faults     int
	}{
		{"lines", "anna@acme.example\nbert@acme.example\n", []string{"anna", "bert"}, 0},
		{"no end", "anna@acme.example\nbert@acme.example", []string{"anna", "bert"}, 0},
		{"CRLF", "anna@acme.example\r\n\r\nbert@acme.example\r\n", []string{"anna", "bert"}, 0},
		{"CR at the end", "anna@acme.example\r", []string{"anna"}, 0},
		{"byte order mark", "\uFEFFanna@acme.example\n", []string{"anna"}, 0},
		{"byte order mark later", "bert@acme.example\n\uFEFFanna@acme.example\n", []string{"bert"}, 0},
		{"comments", "#anna@acme.example\n # x\nbert@acme.example #anna@acme.example\n", []string{"bert"}, 0},
		{"separators", "\tanna@acme.example ,, a@acme.example,\n", []string{"anna", "anna"}, 0},
		{"secondary only", "a@acme.example anna@acme.example\n", []string{"a", "a"}, 0},
		{"itself", "anna@acme.example anna@acme.example ANNA@acme.example\n", []string{"anna"}, 0},
		{"bad primary", "anna a@acme.example\nbert@acme.example\n", []string{"bert"}, 1},
		{"bad secondary", "anna@acme.example a\nbert@acme.example\n", []string{"anna", "bert"}, 1},
		{"long line", "anna@acme.example\n" + long + "y\nbert@acme.example\n", []string{"anna", "bert"}, 1},
		{"very long line", "anna@acme.example\n" + strings.Repeat(long, 20) + "\nbert@acme.example\n", []string{"anna", "bert"}, 1},
		{"very long last line", "anna@acme.example\n" + strings.Repeat(long, 20), []string{"anna"}, 1},
		{"UTF-16", "\xff\xfea\x00@\x00b\x00", nil, 1},
		{"nothing", "", nil, 0},
	} {
		for name, r := range map[string]io.Reader{
			"at once":   strings.NewReader(tt.text),
			"half":      iotest.HalfReader(strings.NewReader(tt.text)),
			"with EOF":  iotest.DataErrReader(strings.NewReader(tt.text)),
			"in pieces": iotest.OneByteReader(strings.NewReader(tt.text)),
		} {
			l, file := readList(t, r)
			var want []string
			for _, w := range tt.want {
				want = append(want, w+"@acme.example")
			}
			// The mark is a letter like others where it is not at the beginning.
			if got := l.has("anna@acme.example", "a@acme.example", "bert@acme.example"); !slices.Equal(got, want) {
				t.Errorf("%s, %s: has %q, want %q", tt.name, name, got, want)
			}
			if l.faults != tt.faults {
				t.Errorf("%s, %s: %d mistakes, want %d: %v", tt.name, name, l.faults, tt.faults, l.diags)
			}
			if file.Size != int64(len(tt.text)) || file.SHA256 != sha256.Sum256([]byte(tt.text)) {
				t.Errorf("%s, %s: size %d and digest %x are not those of the text", tt.name, name, file.Size, file.SHA256)
			}
		}
	}
}

// Mistakes have the number of their line, also behind lines that are too long.
func TestListPlaces(t *testing.T) {
	text := "anna@acme.example\n" + strings.Repeat("x", 5*listBuffer) + "\nbert@acme.example  ö@acme.exampel\n\ncarla"
	l, _ := readList(t, strings.NewReader(text))
	var got []string
	for _, d := range l.diags {
		got = append(got, fmt.Sprintf("%d:%d-%d", d.Subject.Start.Line, d.Subject.Start.Column, d.Subject.End.Column))
	}
	if want := []string{"2:1-2", "3:20-34", "5:1-6"}; !slices.Equal(got, want) {
		t.Errorf("places %v, want %v", got, want)
	}
}

// A tenant with more domains than addText has numbers for keeps all addresses.
func TestListManyDomains(t *testing.T) {
	var names []string
	var text strings.Builder
	for i := range 300 {
		names = append(names, fmt.Sprintf("d%d.example", i))
		fmt.Fprintf(&text, "anna@d%d.example a@d%d.example\n", i, i)
	}
	l := newLister(names...)
	if err := l.lines(strings.NewReader(text.String()), new(File)); err != nil || len(l.diags) > 0 {
		t.Fatalf("%v, %v", err, l.diags)
	}
	k := l.table()
	for _, name := range names {
		if primary, ok := k.find("a", name); !ok || primary != "anna@"+name {
			t.Errorf("%s: %q, %v", name, primary, ok)
		}
	}
}

// Whatever a list holds, reading it ends, and every address of it is found unless
// something was said about it.
func FuzzList(f *testing.F) {
	for _, s := range []string{
		"anna@acme.example a@acme.example\n# x\nbert@sub.acme.test\r\n",
		"\uFEFFanna@acme.example", "\"a b\"@acme.example,x@acme.example", "a@b@c d", "\"", "\"\\", "\xff\n\x00\n", "anna@acme.example #",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		l := newLister("acme.example", "*.acme.test")
		var file File
		if err := l.lines(&pieces{text, int(piece) + 1}, &file); err != nil {
			t.Fatal(err)
		}
		if file.Size != int64(len(text)) || file.SHA256 != sha256.Sum256(text) {
			t.Fatal("the digest is not that of the text")
		}
		for _, d := range l.diags {
			newDiagnostic(d, nil)
		}
		if l.faults > 0 {
			return
		}
		k := l.table()
		for _, line := range bytes.Split(bytes.TrimPrefix(text, []byte("\uFEFF")), []byte("\n")) {
			start, end := nextWord(bytes.TrimSuffix(line, []byte("\r")), 0)
			if start == end || line[start] == '#' {
				continue
			}
			local, domain := splitAddress(string(line[start:end]))
			if primary, ok := k.find(local, domain); !ok || primary != local+"@"+domain {
				t.Fatalf("%q: %q, %v", line, primary, ok)
			}
		}
	})
}

// pieces reads so many bytes at a time.
type pieces struct {
	text []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}
