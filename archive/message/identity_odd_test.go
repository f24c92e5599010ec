package message

import (
	"strings"
	"testing"
)

// What one reader shows and another does not parts two mails.
func TestIdentityOddities(t *testing.T) {
	const head = "Message-ID: <a@b>\r\nFrom: a@x.example\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
	pad := strings.Repeat(" ", 17000)
	lb := func(c string) string { return strings.Repeat(c, 1100) }
	two := func(x, y string) string {
		return "\r\n--" + x + "\r\n\r\nMeeting at noon\r\n--" + x + "--\r\n" + "--" + y + "\r\n\r\nPay account 666\r\n--" + y + "--\r\n"
	}
	deep := func(b string) string {
		s := head
		for i := 0; i < 64; i++ {
			n := "b" + strings.Repeat("i", i+1)
			s += "Content-Type: multipart/mixed; boundary=" + n + "\r\n\r\n--" + n + "\r\n"
		}
		return s + "Content-Type: multipart/mixed; boundary=" + b + "\r\n" + two("X", "Y")
	}
	many := func(b string) string {
		s := head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n" + strings.Repeat("--o\r\n\r\na\r\n", 9998)
		return s + "--o\r\nContent-Type: multipart/mixed; boundary=" + b + "\r\n" + two("X", "Y") + "\r\n--o--\r\n"
	}
	mp := func(b, d string) string {
		return head + "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + d + "\r\n\r\nHello\r\n--bX\r\nContent-Type: text/html\r\n\r\n<p>evil\r\n--" + d + "--\r\n"
	}
	nested := func(b string) string {
		return head + "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\nContent-Type: multipart/alternative; boundary=i2\r\n\r\n--i2\r\n\r\nb\r\n--i2--\r\n--" + b + "--\r\n"
	}
	long := func(end string) string {
		return head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + strings.Repeat("X: y\r\n", MaxHeader/6+1) + "X: y" + end + "\r\nb\r\n--o--\r\n"
	}
	for _, c := range []struct{ name, a, b string }{
		{"CRCRLF line ends header for some readers", head + "\r\nbody\r\n", head + "\r\r\nNote: pay account 666\r\n\r\nbody\r\n"},
		{"CRCRLF after field", head + "\r\nbody\r\n", strings.TrimSuffix(head, "\r\n") + "\r\r\nNote: pay account 666\r\n\r\nbody\r\n"},
		{"blank line at top", head + "\r\nbody\r\n", " \r\n" + head + "\r\nbody\r\n"},
		{"blank before colon", head + "\r\nbody\r\n", head + "Note : pay account 666\r\n\r\nbody\r\n"},
		{"8bit field name", head + "\r\nbody\r\n", head + "\xc3\x9cber: pay account 666\r\n\r\nbody\r\n"},
		{"CTE behind 17K blanks", head + "\r\nRXZpbA==\r\n", head + "Content-Transfer-Encoding:" + pad + "base64\r\n\r\nRXZpbA==\r\n"},
		{"CTE folded with blanks", head + "\r\nRXZpbA==\r\n", head + "Content-Transfer-Encoding:" + pad + "\r\n base64\r\n\r\nRXZpbA==\r\n"},
		{"CT behind many semicolons", head + "Content-Type: multipart/mixed\r\n" + two("b", "c"), head + "Content-Type: multipart/mixed;" + strings.Repeat("\r\n ;", 5000) + "boundary=b\r\n" + two("b", "c")},
		{"long boundary", head + "Content-Type: multipart/mixed; boundary=" + lb("x") + "\r\n" + two(lb("x"), lb("y")), head + "Content-Type: multipart/mixed; boundary=" + lb("y") + "\r\n" + two(lb("x"), lb("y"))},
		{"too deep", deep("X"), deep("Y")},
		{"too many", many("X"), many("Y")},
		{"padded delimiters", head + "Content-Type: multipart/mixed; boundary=X\r\n" + two("X"+pad, "Y"+pad), head + "Content-Type: multipart/mixed; boundary=Y\r\n" + two("X"+pad, "Y"+pad)},
		{"RFC 2046 prefix delimiters no parts", head + "Content-Type: multipart/mixed; boundary=X\r\n" + two("X1", "Y1"), head + "Content-Type: multipart/mixed; boundary=Y\r\n" + two("X1", "Y1")},
		{"RFC 2046 prefix in text", mp("c", "c"), mp("b", "b")},
		{"empty boundary", head + "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nHello\r\n----\r\n", head + "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nHello\r\n----\r\n"},
		{"meta charset", head + "Content-Type: text/html\r\n\r\n<meta charset=iso-2022-jp>\x1b$BPay!\x1b(B\r\n", head + "Content-Type: text/html; charset=utf-8\r\n\r\n<meta charset=iso-2022-jp>\x1b$BPay!\x1b(B\r\n"},
		{"charset*", head + "Content-Type: text/html; charset=utf-16\r\n\r\nabcd\r\n", head + "Content-Type: text/html; charset*=us-ascii''utf-16\r\n\r\nabcd\r\n"},
		{"boundary*", head + "Content-Type: multipart/mixed; boundary=X\r\n" + two("X", "Y"), head + "Content-Type: multipart/mixed; boundary*=us-ascii''X\r\n" + two("X", "Y")},
		{"undecodable word", strings.Replace(head, ": s", ": =?utf-8?b?YWI?=", 1) + "\r\nb\r\n", strings.Replace(head, ": s", ": =?utf-8?q?=3D=3Futf-8=3Fb=3FYWI=3F=3D?=", 1) + "\r\nb\r\n"},
		{"word inside text", strings.Replace(head, ": s", ": abcdef", 1) + "\r\nb\r\n", strings.Replace(head, ": s", ": abc=?utf-8?q?def?=", 1) + "\r\nb\r\n"},
		{"param name bytes", head + "Content-Type: text/plain; x\xff=a\r\n\r\nb\r\n", head + "Content-Type: text/plain; x\xfe=a\r\n\r\nb\r\n"},
		{"charset value bytes", head + "Content-Type: text/plain; charset=\xff\r\n\r\nb\r\n", head + "Content-Type: text/plain; charset=\xfe\r\n\r\nb\r\n"},
		{"dup content type blanks", head + "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=\"x y\"\r\n" + two("x y", "x  y"), head + "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=\"x  y\"\r\n" + two("x y", "x  y")},
		{"content-type CR", head + "Content-Type: text/html\r\n\r\nb\r\n", head + "Content-Type: text/html\r\r\n\r\nb\r\n"},
		{"fields: CRCRLF From", head + "\r\nb\r\n", head + "\r\r\nFrom: other@x\r\n\r\nb\r\n"},
		{"second From behind blank colon", head + "\r\nb\r\n", head + "From : other@x\r\n\r\nb\r\n"},
		{"part header CRCRLF", head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\nb\r\n--o--\r\n", head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\r\nX-Note: evil\r\n\r\nb\r\n--o--\r\n"},
		{"part header any field", head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\nb\r\n--o--\r\n", head + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\nNote : evil\r\n\r\nb\r\n--o--\r\n"},
		{"html no charset vs iso-8859-15", head + "Content-Type: text/html\r\n\r\n<meta charset=utf-7>+AGE-\r\n", head + "Content-Type: text/html; charset=iso-8859-15\r\n\r\n<meta charset=utf-7>+AGE-\r\n"},
		{"quoted boundary escapes: other set", head + "Content-Type: multipart/mixed; boundary=\"ab\"\r\n\r\n--a\\b\r\n\r\nevil\r\n--a\\b--\r\n--ab\r\n\r\nb\r\n--ab--\r\n", head + "Content-Type: multipart/mixed; boundary=\"a\\b\"\r\n\r\n--a\\b\r\n\r\nevil\r\n--a\\b--\r\n--ab\r\n\r\nb\r\n--ab--\r\n"},
		{"boundary* other set", head + "Content-Type: multipart/mixed; boundary=\"ab\"\r\n\r\n--a%62\r\n\r\nevil\r\n--a%62--\r\n--ab\r\n\r\nb\r\n--ab--\r\n", head + "Content-Type: multipart/mixed; boundary*=us-ascii''a%62\r\n\r\n--a%62\r\n\r\nevil\r\n--a%62--\r\n--ab\r\n\r\nb\r\n--ab--\r\n"},
		{"blank CTE", head + "\r\nb\r\n", head + "Content-Transfer-Encoding : base64\r\n\r\nb\r\n"},
		{"a backslash in a file name", head + "Content-Disposition: attachment; filename=\"C:new.exe\"\r\n\r\nb\r\n", head + "Content-Disposition: attachment; filename=\"C:\\new.exe\"\r\n\r\nb\r\n"},
		{"a part without a header", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nPay\r\n\r\nMeeting\r\n--b--\r\n", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nPay\r\n\r\nMeeting\r\n--b--\r\n"},
		{"SO and SI", head + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\x0eab\x0f\r\n", head + "Content-Type: text/plain; charset=utf-8\r\n\r\n\x0eab\x0f\r\n"},
		{"a line like a delimiter behind the last one", head + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nb\r\n--c--\r\n--b\r\n", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nb\r\n--b--\r\n--b\r\n"},
		{"a line like a delimiter in a header", head + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n--bX: y\r\n\r\nb\r\n--c--\r\n", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--bX: y\r\n\r\nb\r\n--b--\r\n"},
		{"an inner delimiter like an outer one", nested("o"), nested("i")},
		{"a CR in a long header of a part", long("\r\n"), long("\r\r\n")},
	} {
		a, _ := identityOf(t, []byte(c.a), 1000)
		b, form := identityOf(t, []byte(c.b), 1000)
		if a.Canonical == b.Canonical || a.Canonical == [32]byte{} || b.Canonical == [32]byte{} {
			t.Errorf("%s: the two are the same mail:\n%.2000s", c.name, form)
		}
	}
}

// Comments before values are looked behind once, however many do not end there: the
// values are those of a field with one of them.
func TestParametersWithOpenComments(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{"x=(a)\"b\"; boundary=(c)\"d\"", "d"},
		{"x=(a; boundary=b", "b"},
		{strings.Repeat("x=( ", 4000) + "; boundary=b", "b"},
		{strings.Repeat("x=( ", 4000) + strings.Repeat(")", 4000) + "; boundary=b", "b"},
	} {
		if got, _ := parameter(c.field, "boundary"); got != c.want {
			t.Errorf("%.40q: the boundary is %q, want %q", c.field, got, c.want)
		}
	}
}
