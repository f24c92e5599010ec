package main

import "testing"

func TestParseSource(t *testing.T) {
	for _, c := range []struct {
		out     string
		sent    int
		problem string
	}{
		{"", 0, ""},
		{"\r1\r2\r3", 3, ""},
		{"1\r2\r300\n", 300, ""},
		{"\r1\r2smtp-source: fatal: x", 1, "2smtp-source: fatal: x"},
		{"\r41\nsmtp-source: fatal: bad startup: 421 4.3.2 full\n", 41, "smtp-source: fatal: bad startup: 421 4.3.2 full"},
		{"smtp-source: fatal: connect to 127.0.0.1:1: Connection refused\n", 0, "smtp-source: fatal: connect to 127.0.0.1:1: Connection refused"},
		{"a\nb\n", 0, "a"},
	} {
		if sent, problem := parseSource([]byte(c.out)); sent != c.sent || problem != c.problem {
			t.Errorf("%q: %d, %q, want %d, %q", c.out, sent, problem, c.sent, c.problem)
		}
	}
}

func FuzzParseSource(f *testing.F) {
	f.Add([]byte("\r1\r2\nsmtp-source: fatal: x\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		if _, problem := parseSource(out); len(problem) > len(out) {
			t.Errorf("%q: the problem is %q", out, problem)
		}
	})
}
