package journal

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCases reads the messages in testdata/*.eml and compares what they say with the
// .want file beside them, whose first lines say why the case is there and with which
// options it is read. Where there are files .original1, .original2, they are the bytes of
// the originals. UPDATE=1 writes the .want files.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".eml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			raw := read(t, file)
			want := string(read(t, name+".want"))
			top, o := caseOptions(t, want)
			r := mustParse(t, raw, o)
			checkBounds(t, r, int64(len(raw)))
			checkOriginals(t, name, raw, r)
			got := top + describe(r)
			if got == want {
				return
			}
			if os.Getenv("UPDATE") == "" {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
			if err := os.WriteFile(name+".want", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func mustParse(t testing.TB, raw []byte, o Options) *Report {
	t.Helper()
	r, err := Parse(bytes.NewReader(raw), int64(len(raw)), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// caseOptions reads the options line of a .want file, and gives the lines up to it.
func caseOptions(t *testing.T, want string) (string, Options) {
	before, rest, found := strings.Cut(want, "options:")
	if !found {
		t.Fatal("no line with options")
	}
	line, _, _ := strings.Cut(rest, "\n")
	var o Options
	for _, word := range strings.Fields(line) {
		names, isEnvelope := strings.CutPrefix(word, "envelope=")
		switch {
		case isEnvelope:
			o.HeaderEnvelope = strings.Split(names, ",")
		case word == "reports":
			o.Reports = true
		case word == "ndr":
			o.NDR = true
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
	return before + "options:" + line + "\n", o
}

// describe writes a report as a .want file has it.
func describe(r *Report) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
	}
	line("kind", "%s", r.Kind)
	line("attached", "%s", r.Attached)
	line("sender", "%s", r.Sender)
	line("on-behalf-of", "%s", r.OnBehalfOf)
	line("subject", "%s", r.Subject)
	line("message-id", "%s", r.MessageID)
	line("label", "%s", r.Label)
	for _, f := range r.Fields {
		line("field", "%s = %s", f.Name, f.Value)
	}
	for _, p := range r.Recipients {
		text := p.Address
		if p.History != Direct {
			text += fmt.Sprintf(" (%s from %s)", p.History, p.From)
		}
		line(string(p.Class), "%s", text)
	}
	for _, o := range r.Originals {
		var words []string
		for word, is := range map[string]bool{"protected": o.Protected, "decrypted": o.Decrypted, o.Encoding: o.Encoding != ""} {
			if is {
				words = append(words, " "+word)
			}
		}
		line("original", "%d-%d%s %s from %s, returns to %s", o.Start, o.End, strings.Join(words, ""),
			o.Summary.MessageID, o.Summary.From, o.ReturnPath)
	}
	for _, f := range r.Flags {
		line("flag", "%s", f)
	}
	line("pure", "%t", r.Pure())
	return b.String()
}

// checkOriginals compares the originals with the files that hold them.
func checkOriginals(t *testing.T, name string, raw []byte, r *Report) {
	for i := 0; ; i++ {
		file := fmt.Sprintf("%s.original%d", name, i+1)
		if _, err := os.Stat(file); err != nil {
			return
		}
		if i >= len(r.Originals) {
			t.Fatalf("original %d is missing", i+1)
		}
		o := r.Originals[i]
		if got, want := raw[o.Start:o.End], read(t, file); !bytes.Equal(got, want) {
			t.Errorf("original %d is %q (SHA-256 %x), want %q", i+1, got, sha256.Sum256(got), want)
		}
	}
}

// checkBounds checks what holds for every report.
func checkBounds(t testing.TB, r *Report, size int64) {
	t.Helper()
	at := int64(0)
	texts := []string{r.Sender, r.OnBehalfOf, r.Subject, r.MessageID, r.Label}
	for _, o := range r.Originals {
		if o.Start < at || o.End < o.Start || o.End > size {
			t.Fatalf("originals are out of order or out of the message's %d bytes: %+v", size, r.Originals)
		}
		at = o.End
		if o.Protected && o.Decrypted {
			t.Fatal("an original is both protected and decrypted")
		}
		texts = append(texts, o.ReturnPath)
	}
	if len(r.Originals) > maxOriginals || len(r.Recipients) > maxRecipients || len(r.Fields) > maxFields {
		t.Fatal("a bound does not hold")
	}
	for _, p := range r.Recipients {
		if p.Address == "" || p.Class == "" || (p.History == Direct) != (p.From == "") {
			t.Fatalf("recipient %+v", p)
		}
		texts = append(texts, p.Address, p.From)
	}
	for _, f := range r.Fields {
		texts = append(texts, f.Name, f.Value)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) || len(text) > maxSubject {
			t.Fatalf("%d bytes of text, not UTF-8 or too long: %.100q", len(text), text)
		}
	}
	if r.Kind == None && (len(r.Recipients) > 0 || len(r.Originals) > 0 || r.Sender != "") {
		t.Fatalf("plain mail with facts: %+v", r)
	}
}
