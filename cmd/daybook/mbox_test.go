package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func mboxOf(t *testing.T, message string) string {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	err := writeMbox(w, "a@example.com", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), iotest.HalfReader(strings.NewReader(message)))
	if err != nil || w.Flush() != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(b.String(), "From a@example.com Fri Jan  2 03:04:05 2026\n")
	if !ok {
		t.Fatalf("the first line is wrong: %.100q", b.String())
	}
	return text
}

func TestWriteMbox(t *testing.T) {
	long := strings.Repeat("x", 64<<10-1)
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "\n"},
		{"line ends", "a\r\nb\nc\r\r\n\r\n", "a\nb\nc\r\n\n\n"},
		{"no last line end", "a\r\nb", "a\nb\n\n"},
		{"lone CR at the end", "a\r", "a\r\n\n"},
		{"separators", "From a\r\n>From b\r\n>>From c\r\n From d\r\nFrom\r\n> From e\r\n", ">From a\n>>From b\n>>>From c\n From d\nFrom\n> From e\n\n"},
		{"separator at the very end", "From ", ">From \n\n"},
		{"long line, its CR at the end of the buffer", long + "\r\nFrom a\r\n", long + "\n>From a\n\n"},
		{"long line that is not ended", long + "xx", long + "xx\n\n"},
		{"long line as long as the buffer", long + "x", long + "x\n\n"},
		{"no separator within a long line", long + "xFrom a\r\n", long + "xFrom a\n\n"},
		{"long line, CR that is not a line end", long + "\rx\n", long + "\rx\n\n"},
		{"NUL", "a\x00\r\n", "a\x00\n\n"},
	} {
		if got := mboxOf(t, tt.in); got != tt.want {
			t.Errorf("%s: got %.200q, want %.200q", tt.name, got, tt.want)
		}
	}
}

// FuzzWriteMbox: unquoting gives the message back, but for its line ends.
func FuzzWriteMbox(f *testing.F) {
	f.Add("From a\r\n>From b\nc\r")
	f.Fuzz(func(t *testing.T, message string) {
		text := strings.TrimSuffix(mboxOf(t, message), "\n")
		var back strings.Builder
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "From ") {
				t.Fatalf("a separator within the message: %q", line)
			}
			if strings.HasPrefix(line, ">") && isFromLine([]byte(line)) {
				line = line[1:]
			}
			back.WriteString(line)
		}
		want := strings.ReplaceAll(message, "\r\n", "\n")
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if back.String() != want {
			t.Errorf("got %q, want %q", back.String(), want)
		}
	})
}

func TestMboxSender(t *testing.T) {
	for in, want := range map[string]string{"": "MAILER-DAEMON", "a@b": "a@b", "\"a b\"@c\n": "\"a_b\"@c_"} {
		if got := mboxSender(in); got != want {
			t.Errorf("mboxSender(%q) = %q, want %q", in, got, want)
		}
	}
}
