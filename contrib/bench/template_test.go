package main

import (
	"bytes"
	"testing"
)

func TestStuffed(t *testing.T) {
	for _, c := range []struct{ raw, wire string }{
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..\r\n", "...\r\n.\r\n"},
		{"a\r\n.b\r\n", "a\r\n..b\r\n.\r\n"},
		{"a\r\n.\r\n.\r\nb\r\n", "a\r\n..\r\n..\r\nb\r\n.\r\n"},
		{"a.b\r\nc. .\r\n", "a.b\r\nc. .\r\n.\r\n"},
		// Only CRLF ends a line.
		{"a\n.b\r\n", "a\n.b\r\n.\r\n"},
		{"a\r.b\r\n", "a\r.b\r\n.\r\n"},
		{"a\r\r\n.b\r\n", "a\r\r\n..b\r\n.\r\n"},
		// What lacks its last line end gets one.
		{"a\r\n.", "a\r\n..\r\n.\r\n"},
		{"a\r", "a\r\r\n.\r\n"},
	} {
		if got := string(stuffed([]byte(c.raw))); got != c.wire {
			t.Errorf("stuffed(%q) = %q, want %q", c.raw, got, c.wire)
		}
	}
}

func TestTemplate(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"no stamp", "no stamp"},
		{stamp, "000000000007"},
		{"a" + stamp + "b" + stamp, "a000000000007b000000000007"},
		{turnStamp, "000000000003"},
		{"a" + stamp + turnStamp + "b" + stamp + turnStamp + "c", "a000000000007000000000003b000000000007000000000003c"},
	} {
		out := newTemplate([]byte(c.text)).appendTo(nil, []byte(token(7)), []byte(token(3)))
		if got := string(bytes.Join(out, nil)); got != c.want {
			t.Errorf("template of %q gives %q, want %q", c.text, got, c.want)
		}
	}
}
