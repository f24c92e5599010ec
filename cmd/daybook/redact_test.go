package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHideFields(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for name, tt := range map[string]struct{ in, want string }{
		"any case, with its other lines":   {"A: 1\r\nBCC: x,\r\n y\r\n\tz\r\nB: 2\r\n\r\nBcc: text\r\n", "A: 1\r\nB: 2\r\n\r\nBcc: text\r\n"},
		"blank before the colon":           {"bcc \t: x\r\nA: 1\r\n\r\n", "A: 1\r\n\r\n"},
		"each of several":                  {"Bcc: x\r\nX-Secret: y\r\nBcc: z\r\nA: 1\r\n", "A: 1\r\n"},
		"line feeds alone":                 {"Bcc: x\n y\nA: 1\n\nBcc: text", "A: 1\n\nBcc: text"},
		"a name that only begins so":       {"Bcc-Too: x\r\n\r\n", "Bcc-Too: x\r\n\r\n"},
		"no colon":                         {"Bcc\r\n x\r\n", "Bcc\r\n x\r\n"},
		"a line longer than the buffer":    {"Bcc: " + long + "\r\n " + long + "\r\nA: " + long + "\r\n\r\n" + long, "A: " + long + "\r\n\r\n" + long},
		"a line of blanks goes on":         {"Bcc: x\r\n \t\r\n y\r\nA: 1\r\n\r\n", "A: 1\r\n\r\n"},
		"the header's end is missing":      {"A: 1\r\nBcc: x", "A: 1\r\n"},
		"begins with the end of a header":  {"\r\nBcc: x\r\n", "\r\nBcc: x\r\n"},
		"begins with a line that goes on":  {" x\r\nBcc: x\r\n", " x\r\n"},
		"a carriage return is no line end": {"A: 1\rBcc: x\r\n\r\n", "A: 1\rBcc: x\r\n\r\n"},
		"empty":                            {"", ""},
	} {
		var got bytes.Buffer
		err := hideFields(&got, iotest.OneByteReader(strings.NewReader(tt.in)), []string{"Bcc", "x-secret"})
		if err != nil || got.String() != tt.want {
			t.Errorf("%s: got %.200q, %v", name, got.String(), err)
		}
	}
}

// A header without the hidden fields stays as it is, and so does any message whose
// fields are all shown.
func FuzzHideFields(f *testing.F) {
	f.Add([]byte("Bcc: x\r\n y\r\nA: 1\r\n\r\nBcc: text"))
	f.Add([]byte("Bcc : x\n\nBcc: y"))
	f.Add([]byte(" \nBcc:\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var all, once, twice bytes.Buffer
		if err := hideFields(&all, bytes.NewReader(in), nil); err != nil || !bytes.Equal(all.Bytes(), in) {
			t.Fatalf("nothing is hidden of %q, but there is %q, %v", in, all.Bytes(), err)
		}
		if err := hideFields(&once, bytes.NewReader(in), []string{"Bcc"}); err != nil {
			t.Fatal(err)
		}
		if err := hideFields(&twice, bytes.NewReader(once.Bytes()), []string{"bcc"}); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("of %q there is %q, and of that %q", in, once.Bytes(), twice.Bytes())
		}
		for line := range bytes.Lines(once.Bytes()) {
			if len(bytes.TrimRight(line, "\r\n")) == 0 {
				break
			}
			if isHidden(line, []string{"BCC"}) {
				t.Fatalf("%q shows %q", in, line)
			}
		}
	})
}
