package recipe

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shape is a case of a file in testdata: a body as it came, and the pieces it is
// split into.
type shape struct {
	name, encoding, mediaType string
	lines                     []string // of the file
	body                      []byte
	want                      string
}

func (s shape) message() []byte { return leafMail(s.mediaType, s.encoding, s.body) }

// shapesOf reads cases. Each begins with a line "== name", and a line with the encoding
// and the media type. Then comes the body, in which only \r, \n, \t, \xNN and the like
// are line ends and blanks, and "12* " before a line repeats it; then the pieces behind
// the header, with two blanks before them.
func shapesOf(raw []byte) (shapes []shape) {
	for i, text := range strings.Split("\n"+string(raw), "\n== ") {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if i == 0 || len(lines) < 2 {
			continue
		}
		s := shape{name: lines[0]}
		s.encoding, s.mediaType, _ = strings.Cut(lines[1], " ")
		for _, line := range lines[2:] {
			if strings.HasPrefix(line, "  ") {
				s.want += line + "\n"
				continue
			}
			s.lines = append(s.lines, line)
			times := 1
			if n, rest, ok := strings.Cut(line, "* "); ok {
				if v, err := strconv.Atoi(n); err == nil {
					times, line = v, rest
				}
			}
			text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
			if err != nil {
				panic(fmt.Sprintf("case %q: line %q: %v", s.name, line, err))
			}
			s.body = append(s.body, strings.Repeat(text, times)...)
		}
		shapes = append(shapes, s)
	}
	return shapes
}

// pieces describes pieces: what they are, what is stored and the layout.
func pieces(got []took) string {
	var b strings.Builder
	for _, p := range got {
		form := [...]string{"raw", "base64", "quoted", "folded"}[p.Form]
		role := [...]string{"header", "text", "part"}[p.Role]
		stored := strconv.Quote(string(p.stored))
		if len(stored) > 100 {
			sum := sha256.Sum256(p.stored)
			stored = fmt.Sprintf("%.60s... sha256 %x", stored, sum[:6])
		}
		fmt.Fprintf(&b, "  %s %s %d: %d from %d %s", form, role, p.Group, p.Wire, p.Stored, stored)
		if len(p.Layout) > 0 {
			fmt.Fprintf(&b, " by % x", p.Layout)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestShapes splits the bodies in testdata/*.txt. UPDATE=1 writes the pieces anew.
func TestShapes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := bytes.Cut(raw, []byte("== "))
		anew := bytes.NewBuffer(bytes.Clone(head))
		for _, s := range shapesOf(raw) {
			got := pieces(take(t, s.message())[1:])
			fmt.Fprintf(anew, "== %s\n%s %s\n%s\n%s", s.name, s.encoding, s.mediaType, strings.Join(s.lines, "\n"), got)
			if got != s.want && os.Getenv("UPDATE") == "" {
				t.Errorf("%s: %s:\n%swant:\n%s", file, s.name, got, s.want)
			}
		}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, anew.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
