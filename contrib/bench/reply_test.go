package main

import (
	"bufio"
	"slices"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	for _, c := range []struct {
		text, code string
		lines      []string
	}{
		{"250 ok\r\n", "250", []string{"ok"}},
		{"354\r\n", "354", []string{""}},
		{"250 \r\n", "250", []string{""}},
		{"250-one\r\n250-PIPELINING\r\n250 three\r\n", "250", []string{"one", "PIPELINING", "three"}},
		{"451 4.3.0 later\n", "451", []string{"4.3.0 later"}},
	} {
		code, lines, err := readReply(bufio.NewReader(strings.NewReader(c.text)))
		if err != nil || code != c.code || !slices.Equal(lines, c.lines) {
			t.Errorf("readReply(%q) = %q, %q, %v", c.text, code, lines, err)
		}
	}
}

func TestReadReplyRefuses(t *testing.T) {
	for _, text := range []string{
		"", "250", "250-cut\r\n", "ok\r\n", "\r\n", "25\r\n", "250ok\r\n", "2x0 ok\r\n", "750 ok\r\n", "250-a\r\n251 b\r\n",
		"250 " + strings.Repeat("x", 10_000) + "\r\n",
	} {
		if code, lines, err := readReply(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("readReply(%.20q) = %q, %q", text, code, lines)
		}
	}
}

func TestRepliesAreReadOneByOne(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("250 a\r\n250-b\r\n250 c\r\n354 d\r\n452 4.3.1 full\r\n"))
	for _, class := range []byte{'2', '2', '3'} {
		if _, err := expect(in, class); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := expect(in, '2'); err == nil || !strings.Contains(err.Error(), "452 4.3.1 full") {
		t.Errorf("a refusal gives the error %v", err)
	}
}
