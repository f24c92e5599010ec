package message

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).Unix()
	for _, c := range []struct {
		name, raw string
		want      Summary
	}{
		{"ordinary", "Message-ID: <a@b>\r\nSubject: hello\r\nFrom: A <a@b>\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\n\r\nbody",
			Summary{"<a@b>", "hello", "A <a@b>", day}},
		{"line ends with LF alone", "Subject: hello\nFrom: a@b\n\nSubject: body", Summary{"", "hello", "a@b", 0}},
		{"folded", "Subject: one\r\n two\r\n\tthree\r\n\r\n", Summary{Subject: "one two\tthree"}},
		{"name with blanks and capitals", "SUBJECT : x\r\n\r\n", Summary{Subject: "x"}},
		{"no space after the colon", "Subject:x\r\n\r\n", Summary{Subject: "x"}},
		{"encoded words", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?iso-8859-1?q?_=FC?=\r\n\r\n", Summary{Subject: "grüße ü"}},
		{"encoded word of an unknown charset", "Subject: =?x-none?q?a?=\r\n\r\n", Summary{Subject: "=?x-none?q?a?="}},
		{"bytes that are no UTF-8", "Subject: a\xffb\r\n\r\n", Summary{Subject: "a\uFFFDb"}},
		{"the first one counts", "Subject: one\r\nSubject: two\r\n\r\n", Summary{Subject: "one"}},
		{"a line break in an encoded word adds no field", "Subject: =?utf-8?q?a=0D=0AMessage-ID:_<x@y>?=\r\n\r\n", Summary{Subject: "a\r\nMessage-ID: <x@y>"}},
		{"a line that is no field", "garbage\r\nSubject: x\r\n\r\n", Summary{Subject: "x"}},
		{"an unreadable date", "Date: tomorrow\r\n\r\n", Summary{}},
		{"no header", "\r\nSubject: x\r\n", Summary{}},
		{"nothing", "", Summary{}},
		{"no empty line", "Subject: x", Summary{Subject: "x"}},
		{"blank line of a space continues the field", "Subject: x\r\n \r\nFrom: a\r\n\r\n", Summary{Subject: "x", From: "a"}},
	} {
		if got := Summarize([]byte(c.raw)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestSummarizeIsBounded(t *testing.T) {
	long := "Message-ID: <" + strings.Repeat("a", 64<<10) + ">\r\n"
	if got := Summarize([]byte(long)).MessageID; len(got) != maxValue {
		t.Errorf("a Message-ID of 64 KiB is kept with %d bytes, want %d", len(got), maxValue)
	}
	late := strings.Repeat("X: y\r\n", MaxHeader/6+1) + "Subject: late\r\n\r\n"
	if got := Summarize([]byte(late)).Subject; got != "" {
		t.Errorf("a field behind %d bytes of header was read: %q", MaxHeader, got)
	}
}

// The corpus holds mail that nobody here wrote: nothing in it may panic, and
// texts must be fit for a listing.
func TestSummarizeCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/corpus/*/*")
	if len(files) == 0 {
		t.Skip("the message corpus beside the checkout is not there")
	}
	named := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if s := Summarize(raw); s.Subject != "" && s.From != "" {
			named++
		}
	}
	if named < len(files)/2 {
		t.Errorf("only %d of %d messages have a subject and an author", named, len(files))
	}
}

func FuzzSummarize(f *testing.F) {
	f.Add([]byte("Message-ID: <a@b>\r\nSubject: =?utf-8?q?x?=\r\n y\r\nFrom: a\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\n\r\n"))
	f.Add([]byte("Subject: =?utf-8?b?//8=?=\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := Summarize(raw)
		if len(s.MessageID) > maxValue || len(s.Subject) > 12*maxValue || len(s.From) > 12*maxValue {
			t.Fatalf("a text is too long: %d %d %d", len(s.MessageID), len(s.Subject), len(s.From))
		}
		if bytes.ContainsAny([]byte(s.MessageID), "\r\n") {
			t.Fatalf("the Message-ID %q has a line end", s.MessageID)
		}
	})
}
