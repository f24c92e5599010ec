package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Grüße, 世界 👋", "Grüße, 世界 👋"},
		{"colours", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"title", "\x1b]0;owned\a", `\x1b]0;owned\x07`},
		{"one-byte CSI", "\u009b31m", `\x9b31m`},
		{"line ends", "a\r\nb\nc\td", "a  b c d"},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"text turned round", "\u202egnp.exe\u2066", `\u202egnp.exe\u2066`},
		{"separators", "a\u2028b\u00a0c\u3000d", "a b c d"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"private use", "\ue000", `\ue000`},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("clean(%q) = %q", s, got)
		}
		if short := cut(got, 10); cells(short) > 10 {
			t.Errorf("cut(%q) = %q takes %d cells", got, short, cells(short))
		}
		text, err := json.Marshal(s)
		var back string
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back != valid(s) {
			t.Errorf("JSON makes %q of %q, valid %q: %v", back, s, valid(s), err)
		}
	})
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"世界世界", 5, "世界…"},
		{"世界世界", 4, "世…"},
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
	} {
		if got := cut(tt.in, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestReadableSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1 << 60: "1048576.0 TiB"} {
		if got := readableSize(n); got != want {
			t.Errorf("readableSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table := newTable(&b, ">ID", "NAME", "LAST")
	for _, row := range [][]string{{"1", "a", "x"}, {"22", "世界", "y\x1b"}, {"3", "abcde", ""}} {
		if err := table.row(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	want := "ID  NAME   LAST\n 1  a      x\n22  世界   y\\x1b\n 3  abcde  \n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 999999: "999,999", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"skip", "release", "keep", "policy"}
	for in, want := range map[string]string{
		"skp": "skip", "skips": "skip", "relase": "release", "Keep": "keep", "plicyy": "policy", "keeeeep": "", "x": "", "": "",
		strings.Repeat("skip", 1000): "",
	} {
		if got := nearest(in, names); got != want {
			t.Errorf("nearest(%.20q) = %q, want %q", in, got, want)
		}
	}
}
