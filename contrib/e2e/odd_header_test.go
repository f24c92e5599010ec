package e2e

import (
	"fmt"
	"strings"
)

// addHeaderForms adds header fields of unusual form.
func addHeaderForms(m *messages) {
	for _, c := range []struct{ name, field string }{
		{"tab after the colon", "X-T:\ttab\r\n"},
		{"no space after the colon", "X-N:nospace\r\n"},
		{"two spaces after the colon", "X-N:  two\r\n"},
		{"many blanks after the colon", "X-N: \t \t  many\r\n"},
		{"empty value", "X-E:\r\n"},
		{"blank value", "X-E: \r\n"},
		{"value of blanks", "X-E:    \t  \r\n"},
		{"space before the colon", "X-Sp : v\r\n"},
		{"tab before the colon", "X-Sp\t: v\r\n"},
		{"space in the name", "X Sp: v\r\n"},
		{"empty name", ": v\r\n"},
		{"colon only", ":\r\n"},
		{"two colons", "X::\r\n"},
		{"odd characters in the name", "X-!#$%&'*+.^_`|~: v\r\n"},
		{"8-bit in the name", "X-\xe9: v\r\n"},
		{"name of one letter", "X: v\r\n"},
		{"lower and upper case", "sUBJECT: other\r\nFROM: x@example.org\r\n"},
		{"line without colon", "nothing here\r\nX-After: 1\r\n"},
		{"quotes and comments", "X-Q: \"a \\\" b\" (c (d) \\) e)\r\n"},
		{"encoded words", "X-W: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?b?w6k=?= =?x?y?z?=\r\n"},
		{"broken encoded words", "X-W: =?utf-8?q?=ZZ?= =?utf-8?b?!!!?= =?utf-8?\r\n"},
		{"percent and dollar", "X-P: %s%n%d $HOME `id` $(id) ; rm -rf\r\n"},
		{"curly braces", "X-P: {client_addr} ${recipient}\r\n"},
		{"Return-Path and Delivered-To", "Return-Path: <old@example.org>\r\nDelivered-To: old@example.net\r\n"},
		{"Bcc", "Bcc: secret@example.net\r\n"},
		{"Content-Length", "Content-Length: 99999\r\n"},
		{"Resent fields", "Resent-From: x@example.org\r\nResent-To: y@example.org\r\nResent-Message-ID: <r@x>\r\n"},
		{"two Subjects", "Subject: first\r\nSubject: second\r\n"},
		{"three Dates", "Date: yesterday\r\nDate:\r\nDate: Thu, 99 Foo 99999 99:99:99 +9999\r\n"},
		{"two Froms", "From: c@example.org\r\nFrom: d@example.org\r\n"},
		{"Status lines", "Status: RO\r\nX-Status: F\r\nX-Mozilla-Status: 0001\r\n"},
		{"control character in the name", "X-\x01: v\r\n"},
		{"DEL in the name", "X-\x7f: v\r\n"},
	} {
		m.add("header: "+c.name, head("header: "+c.name), c.field, "\r\nbody\r\n")
		m.add("header first: "+c.name, c.field, head("header first: "+c.name), "\r\nbody\r\n")
	}
	m.add("no From", "To: bob@example.net\r\nSubject: no From\r\n\r\nbody\r\n")
	m.add("no To", "From: ann@example.org\r\nSubject: no To\r\n\r\nbody\r\n")
	m.add("no Date", "From: ann@example.org\r\nTo: bob@example.net\r\n\r\nbody\r\n")
	m.add("one unknown field only", "X-Only: 1\r\n\r\nbody\r\n")
	m.add("DKIM-Signature first", "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple;\r\n\td=example.org;  s=a;\r\n  h=from:to; bh=abc=; b=def\r\n ghi\r\n", head("DKIM-Signature first"), "\r\nbody\r\n")
}

// addHeaderSizes adds headers that are large in one way or another.
func addHeaderSizes(m *messages) {
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, "X-Many-%d: value %d\r\n", i, i)
	}
	m.add("3000 header fields", head("3000 header fields"), many.String(), "\r\nbody\r\n")
	m.add("3000 Received fields", strings.Repeat("Received: from a by b; Mon, 02 Jan 2023 10:00:00 +0000\r\n", 3000), head("3000 Received fields"), "\r\nbody\r\n")
	m.add("20 Received fields", strings.Repeat("Received: from a by b\r\n\twith ESMTP id 1;\r\n\tMon, 02 Jan 2023 10:00:00 +0000\r\n", 20), head("20 Received fields"), "\r\nbody\r\n")
	for _, kib := range []int{30, 60, 64, 200} {
		name := fmt.Sprintf("a folded header field of %d KiB", kib)
		m.add(name, head(name), "X-Big: start\r\n", strings.Repeat("\tfolded folded folded folded folded folded folded folded folded\r\n", kib*1024/66), "\r\nbody\r\n")
		name = fmt.Sprintf("a header of %d KiB in small fields", kib)
		m.add(name, head(name), strings.Repeat("X-Small: 0123456789 0123456789 0123456789\r\n", kib*1024/42), "\r\nbody\r\n")
		name = fmt.Sprintf("a header line of %d KiB", kib)
		m.add(name, head(name), "X-Line: ", strings.Repeat("z", kib*1024), "\r\n\r\nbody\r\n")
	}
	for d := -2; d <= 2; d++ {
		name := fmt.Sprintf("a header that ends at 65536%+d", d)
		h := head(name) + "X-Pad: "
		m.add(name, h, strings.Repeat("p", 65536+d-len(h)-4), "\r\n\r\nbody\r\n")
	}
	m.add("a header name of 10000 characters", head("a header name of 10000 characters"), strings.Repeat("N", 10000), ": v\r\n\r\nbody\r\n")
}

// addMessageIDs adds missing, repeated and malformed Message-IDs. None may make
// a message disappear.
func addMessageIDs(m *messages) {
	const rest = "From: ann@example.org\r\nTo: bob@example.net\r\nDate: Mon, 02 Jan 2023 10:00:00 +0000\r\n"
	for i := range 3 {
		name := fmt.Sprintf("no Message-ID %d", i+1)
		m.add(name, rest, "Subject: ", name, "\r\n\r\nbody\r\n")
	}
	for i := range 8 {
		name := fmt.Sprintf("the same Message-ID, content %d", i+1)
		m.add(name, rest, "Message-ID: <same@odd.example.org>\r\nSubject: same\r\n\r\n", fmt.Sprintf("content %d\r\n", i+1))
	}
	m.add("the same bytes, first copy", rest, "Message-ID: <twin@odd.example.org>\r\n\r\ntwin\r\n")
	m.add("the same bytes, second copy", rest, "Message-ID: <twin@odd.example.org>\r\n\r\ntwin\r\n")
	for i, id := range []string{
		"", " ", " <>", " < >", " null", " <a", " a>", " <a@b", " a@b", " <a@b> <c@d>", " <a b@c>", " <\"a\\\"b\"@c>", " (comment) <a@b>",
		"\r\n\t<folded@b>", " <a@[127.0.0.1]>", " <ä@ö>", " <a\x00b@c>", " <../../etc/passwd@x>", " <'; DROP TABLE mail; --@x>", " <a@b>\r\nMessage-ID: <c@d>",
		" " + strings.Repeat("<a@b>", 50), " =?utf-8?q?=3Ca=40b=3E?=",
	} {
		name := fmt.Sprintf("odd Message-ID %d", i+1)
		m.add(name, rest, "Subject: ", name, "\r\nMessage-ID:", id, "\r\n\r\n", name, "\r\n")
	}
	m.add("a Message-ID of 64 KiB", rest, "Message-ID: <", strings.Repeat("i", 64<<10), "@x>\r\n\r\nbody\r\n")
	m.add("a Message-ID of 900 characters", rest, "Message-ID: <", strings.Repeat("i", 900), "@x>\r\n\r\nbody\r\n")
}

// addFolds adds folded fields of all kinds.
func addFolds(m *messages) {
	for i, field := range []string{
		"X-F: a\r\n b\r\n", "X-F: a\r\n\tb\r\n", "X-F:\r\n a\r\n", "X-F:\r\n\ta\r\n", "X-F: a\r\n  \t b\r\n", "X-F: a \r\n b\r\n",
		"X-F: a\r\n \r\n b\r\n", "X-F: a\r\n\t\r\n", "X-F: a\r\n \r\n", "X-F:\r\n \r\n", "X-F: a\r\n b\r\n c\r\n d\r\n", "X-F: \"a\r\n b\"\r\n",
		"X-F: (a\r\n b)\r\n", "X-F: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\n", "X-F: a\n b\r\n", "X-F: a\r b\r\n", "X-F: a\r\r\n b\r\n",
		"X-F\r\n : a\r\n", "X-F: a\r\n:b\r\n", "X-F: a\r\n\vb\r\n", "X-F: a\r\n\x00b\r\n", "X-F: a\r\n\xa0b\r\n",
	} {
		name := fmt.Sprintf("fold %d", i+1)
		m.add(name, head(name), field, "X-Next: 1\r\n\r\nbody\r\n")
	}
	m.add("a fold begins the message", " folded\r\n", head("a fold begins the message"), "\r\nbody\r\n")
	m.add("1000 folds", head("1000 folds"), "X-F: a\r\n", strings.Repeat(" b\r\n", 1000), "\r\nbody\r\n")
	m.add("1000 empty folds", head("1000 empty folds"), "X-F: a\r\n", strings.Repeat(" \r\n", 1000), "\r\nbody\r\n")
	m.add("folded Subject, From and To", "Subject: a\r\n b\r\nFrom: Ann\r\n <ann@example.org>\r\nTo: bob@example.net,\r\n\tcleo@example.net\r\n\r\nbody\r\n")
}

// addAddresses adds address fields that parsers stumble over.
func addAddresses(m *messages) {
	for i, a := range []string{
		"undisclosed-recipients:;", "group: a@example.net, b@example.net;", "\"Last, First\" <a@example.net>", "a@example.net, , b@example.net,",
		"<>", "@", "a", "a@", "@b", "a@@b", "<a@example.net", "a@example.net>", "a b c", "<@route,@other:a@example.net>", "\"\"@example.net",
		"a@[IPv6:::1]", "=?utf-8?q?J=C3=BC?= <a@example.net>", "Ann (a (nested) comment) <a@example.net>", "a@exa mple.net", "a@EXAMPLE.NET",
		"bob@example.net " + strings.Repeat("(", 2000), "\"unclosed <a@example.net>", "a@example.net;b@example.net", "postmaster",
	} {
		name := fmt.Sprintf("address %d", i+1)
		m.add(name, "From: ", a, "\r\nTo: ", a, "\r\nCc: ", a, "\r\nSubject: ", name, "\r\n\r\nbody\r\n")
	}
	m.add("2000 recipients in To", "From: ann@example.org\r\nTo: ", strings.Repeat("someone.else@example.net,\r\n ", 2000), "last@example.net\r\n\r\nbody\r\n")
	m.add("2000 To fields", "From: ann@example.org\r\n", strings.Repeat("To: a@example.net\r\n", 2000), "\r\nbody\r\n")
}
