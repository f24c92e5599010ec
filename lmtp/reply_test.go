package lmtp

import (
	"strings"
	"testing"
)

func TestReplyLine(t *testing.T) {
	tests := []struct {
		reply Reply
		utf8  bool
		want  string
	}{
		{Reply{250, "2.1.5", "kept"}, false, "250 2.1.5 kept"},
		{Reply{250, "", ""}, false, "250 2.0.0 OK"},
		{Reply{550, "", ""}, false, "550 5.0.0 not taken"},
		{Reply{550, "4.1.1", "class"}, false, "550 5.0.0 class"},
		{Reply{550, "5.1.1234", "long"}, false, "550 5.0.0 long"},
		{Reply{550, "5.1.x", "digits"}, false, "550 5.0.0 digits"},
		{Reply{250, "2.0.0.0", " kept "}, false, "250 2.0.0 kept"},
		{Reply{250, "2.0.0", " a\r\n250 b\t\x7f"}, false, "250 2.0.0 a  250 b"},
		{Reply{250, "2.0.0", "é\xff"}, false, "250 2.0.0 ??"},
		{Reply{250, "2.0.0", "é\xff\u0085"}, true, "250 2.0.0 é??"},
		{Reply{}, false, "451 4.3.0 message not taken, try again later"},
		{Reply{Code: 354}, false, "451 4.3.0 message not taken, try again later"},
		{Reply{Code: -250}, false, "451 4.3.0 message not taken, try again later"},
		{Reply{Code: 600}, false, "451 4.3.0 message not taken, try again later"},
	}
	for _, test := range tests {
		if got := test.reply.line(test.utf8); got != test.want+"\r\n" {
			t.Errorf("%+v: %q, want %q", test.reply, got, test.want)
		}
	}
	if n := len(Reply{250, "2.123.123", strings.Repeat("é", 1000)}.line(true)); n > 512 || n < 500 {
		t.Errorf("a line of %d octets", n)
	}
}

func TestParseChunk(t *testing.T) {
	tests := []struct {
		arg  string
		size int64
		last bool
	}{
		{"0", 0, false}, {"007 last", 7, true}, {"5\tLAST", 5, true}, {"99999999999999999999", 1<<63 - 1, false},
	}
	for _, test := range tests {
		if size, last, ok := parseChunk(test.arg); size != test.size || last != test.last || !ok {
			t.Errorf("%q: %d %v %v", test.arg, size, last, ok)
		}
	}
	for _, arg := range []string{"", "LAST", "-1", "+1", "1x", "0x10", "1 2", "1 LAST LAST"} {
		if size, _, ok := parseChunk(arg); ok {
			t.Errorf("%q: %d", arg, size)
		}
	}
}

func TestCombined(t *testing.T) {
	ok, temp, perm, odd := Reply{Code: 250}, Reply{Code: 450}, Reply{Code: 550}, Reply{Code: 399}
	tests := []struct {
		replies []Reply
		want    int
	}{
		{[]Reply{ok, ok}, 250},
		{[]Reply{ok, perm}, 550},
		{[]Reply{perm, temp, ok}, 450},
		{[]Reply{ok, odd}, 451},
		{[]Reply{odd, perm}, 550},
	}
	for _, test := range tests {
		if got := combined(test.replies); got.Code != test.want {
			t.Errorf("%v: %v, want %d", test.replies, got, test.want)
		}
	}
}

func TestParsePath(t *testing.T) {
	tests := []struct{ arg, address string }{
		{`FROM:<a@b>`, `a@b`},
		{`from:  <a@b> X=1`, `a@b`},
		{`FROM:<>`, ``},
		{`FROM:<"a>b@"@c>`, `"a>b@"@c`},
		{`FROM:<"a\">@">`, `"a\">@"`},
		{`FROM:postmaster X=1`, `postmaster`},
		{`FROM:<""@example.com>`, `""@example.com`},
		{`FROM:<@example.com>`, `@example.com`},
		{`FROM:<a:b,c;d(e)@>`, `a:b,c;d(e)@`},
	}
	for _, test := range tests {
		path, ok := parsePath(test.arg, "FROM:")
		if !ok || path.Address != test.address {
			t.Errorf("%s: %q %v", test.arg, path.Address, ok)
		}
	}
	for _, arg := range []string{"", "FROM", "FROM:", "FROM: ", "TO:<a@b>", "FROM:<a@b", `FROM:<"a@b>`, `FROM:"a`, "FROM:<a@b>X=1", `FROM:<"a\`} {
		if path, ok := parsePath(arg, "FROM:"); ok {
			t.Errorf("%s: %+v", arg, path)
		}
	}
}
