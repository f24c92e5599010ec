package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// mimeHead is head with the MIME version and a content type.
func mimeHead(name, contentType string) string {
	return head(name) + "MIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\n"
}

// addNesting adds parts within parts.
func addNesting(m *messages) {
	for _, depth := range []int{2, 10, 65, 100, 1000, 8000} {
		name := fmt.Sprintf("multipart %d levels deep", depth)
		var b strings.Builder
		b.WriteString(mimeHead(name, "multipart/mixed; boundary=b0") + "\r\n")
		for i := range depth {
			fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
		}
		b.WriteString("the inmost text\r\n")
		for i := depth; i >= 0; i-- {
			fmt.Fprintf(&b, "--b%d--\r\n", i)
		}
		m.add(name, b.String())
	}
	for _, depth := range []int{5, 500} {
		name := fmt.Sprintf("message/rfc822 %d levels deep", depth)
		m.add(name, strings.Repeat(mimeHead(name, "message/rfc822")+"\r\n", depth), head("inmost"), "\r\nbody\r\n")
	}
	m.add("the same boundary at each level", strings.Repeat(mimeHead("same boundary", "multipart/mixed; boundary=x")+"\r\n--x\r\n", 200), "\r\n--x--\r\n")
}

// addParts adds multiparts of unusual form.
func addParts(m *messages) {
	for _, n := range []int{100, 3000} {
		name := fmt.Sprintf("%d parts", n)
		m.add(name, mimeHead(name, "multipart/mixed; boundary=p"), "\r\n", strings.Repeat("--p\r\nContent-Type: text/plain\r\n\r\npart\r\n", n), "--p--\r\n")
	}
	m.add("20000 empty parts", mimeHead("20000 empty parts", "multipart/mixed; boundary=p"), "\r\n", strings.Repeat("--p\r\n", 20000), "--p--\r\n")
	for i, c := range []struct{ ctype, body string }{
		{"multipart/mixed", "--x\r\n\r\npart\r\n--x--\r\n"},
		{"multipart/mixed; boundary=", "--\r\n\r\npart\r\n----\r\n"},
		{"multipart/mixed; boundary=\"\"", "--\r\n\r\npart\r\n----\r\n"},
		{"multipart/mixed; boundary=x", "no boundary at all\r\n"},
		{"multipart/mixed; boundary=x", "--x\r\n\r\nunclosed\r\n"},
		{"multipart/mixed; boundary=x", "--x--\r\n"},
		{"multipart/mixed; boundary=x", "--x--\r\nepilogue\r\n--x\r\n\r\nafter\r\n"},
		{"multipart/mixed; boundary=x", "--x \t\r\n\r\npart\r\n--x-- \r\n"},
		{"multipart/mixed; boundary=x", "--xy\r\n\r\npart\r\n--x\r\n--x--"},
		{"multipart/mixed; boundary=x", "--x\nContent-Type: text/plain\n\nLF\n--x--\n"},
		{"multipart/mixed; boundary=x", "--x\r\nno colon\r\n\r\npart\r\n--x--\r\n"},
		{"multipart/mixed; boundary=x", strings.Repeat("preamble ", 1000) + "\r\n--x\r\n\r\npart\r\n--x--\r\n"},
		{"multipart/mixed; boundary=\"with space \"", "--with space \r\n\r\npart\r\n--with space --\r\n"},
		{"multipart/mixed; boundary*0=ab; boundary*1=cd", "--abcd\r\n\r\npart\r\n--abcd--\r\n"},
		{"multipart/mixed; boundary=" + strings.Repeat("b", 5000), "--" + strings.Repeat("b", 5000) + "\r\n\r\npart\r\n"},
		{"multipart/mixed; boundary=a; boundary=b", "--a\r\n\r\none\r\n--b\r\n\r\ntwo\r\n"},
		{"MULTIPART/MIXED; BOUNDARY=x", "--x\r\n\r\npart\r\n--x--\r\n"},
		{"multipart/mixed; boundary=\"x", "--x\r\n\r\npart\r\n--x--\r\n"},
		{"text/plain; charset=\"no-such-charset\"", "text\r\n"},
		{"text/plain; charset=utf-16", "text\r\n"},
		{"text/plain; name=\"../../../etc/passwd\"", "text\r\n"},
		{"text", "text\r\n"}, {"/", "text\r\n"}, {";;;", "text\r\n"}, {"", "text\r\n"},
		{"text/plain; " + strings.Repeat("a=b; ", 3000), "text\r\n"},
		{"application/ms-tnef; name=winmail.dat", "\x78\x9f\x3e\x22\r\n"},
	} {
		name := fmt.Sprintf("odd multipart or type %d", i+1)
		m.add(name, mimeHead(name, c.ctype), "\r\n", c.body)
	}
	m.add("part header of 1 MiB", mimeHead("part header of 1 MiB", "multipart/mixed; boundary=x"), "\r\n--x\r\n", strings.Repeat("X-Part: 0123456789\r\n", 1<<20/20), "\r\npart\r\n--x--\r\n")
}

// addBase64 adds attachments whose encoding may be taken apart to be stored, and
// has to be put together again exactly.
func addBase64(m *messages) {
	for _, size := range []int{0, 1, 2, 3, 56, 57, 58, 1000, 5700, 100000} {
		data := base64.StdEncoding.EncodeToString(randomBytes(uint64(size), size, allBytes()))
		for _, width := range []int{4, 60, 64, 72, 76, 77, 998} {
			if size < 1000 && width != 76 {
				continue
			}
			name := fmt.Sprintf("base64 of %d bytes, lines of %d", size, width)
			m.add(name, attachment(name, "base64", wrap(data, width, "\r\n")))
		}
	}
	data := base64.StdEncoding.EncodeToString(randomBytes(7, 4000, allBytes()))
	lines := wrap(data, 76, "\r\n")
	for _, c := range []struct{ name, body string }{
		{"LF line ends", wrap(data, 76, "\n")},
		{"CR line ends", wrap(data, 76, "\r")},
		{"one long line", data + "\r\n"},
		{"trailing blanks", wrap(data, 76, " \r\n")},
		{"a trailing tab on one line", strings.Replace(lines, "\r\n", "\t\r\n", 1)},
		{"leading blanks", " " + wrap(data, 76, "\r\n ")},
		{"blank lines between", wrap(data, 76, "\r\n\r\n")},
		{"one short line in the middle", lines[:390] + "\r\n" + lines[390:]},
		{"one longer line in the middle", lines[:76] + lines[78:]},
		{"mixed line ends", strings.Replace(lines, "\r\n", "\n", 3)},
		{"no final line end", strings.TrimSuffix(lines, "\r\n")},
		{"many final line ends", lines + "\r\n\r\n\r\n"},
		{"padding missing", strings.ReplaceAll(wrap(strings.TrimRight(data, "="), 76, "\r\n"), "=", "")},
		{"padding doubled", lines + "====\r\n"},
		{"padding in the middle", lines[:200] + "=" + lines[200:]},
		{"non-zero bits before the padding", lines + "QR==\r\n"},
		{"junk characters", lines[:100] + "*%$é" + lines[100:]},
		{"URL alphabet", strings.NewReplacer("+", "-", "/", "_").Replace(lines)},
		{"two encodings one after the other", lines + lines},
		{"text after it", lines + "This is not base64 at all.\r\n"},
		{"NUL in it", lines[:50] + "\x00" + lines[50:]},
		{"only padding", "====\r\n"},
		{"only line ends", "\r\n\r\n"},
		{"dots", "....\r\n.\r\n" + lines},
	} {
		name := "base64 with " + c.name
		m.add(name, attachment(name, "base64", c.body))
	}
	for _, cte := range []string{"BASE64", " base64 ", "\"base64\"", "base64; x=y", "base64 (comment)", "x-uuencode", "8bit", "binary", "", "no-such"} {
		name := fmt.Sprintf("transfer encoding %q", cte)
		m.add(name, attachment(name, cte, lines))
	}
	m.add("the same attachment again", attachment("the same attachment again", "base64", wrap(data, 64, "\r\n")))
}

// attachment is a multipart with a text and one encoded part.
func attachment(name, encoding, body string) string {
	return mimeHead(name, "multipart/mixed; boundary=\"=_part\"") + "\r\n" +
		"--=_part\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n" +
		"--=_part\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" +
		body + "\r\n--=_part--\r\n"
}

// wrap cuts text into lines of a width.
func wrap(s string, width int, end string) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + end)
		s = s[width:]
	}
	return b.String() + s + end
}

// addQuotedPrintable adds the other encoding.
func addQuotedPrintable(m *messages) {
	for i, body := range []string{
		"=", "=\r\n", "==\r\n", "=3D\r\n", "=3d\r\n", "=ZZ\r\n", "a=\r\nb\r\n", "a= \r\nb\r\n", "a=20\r\n", "a \r\n", "=0D=0A=2E=0D=0A\r\n",
		strings.Repeat("=", 5000) + "\r\n", strings.Repeat("=E9", 25) + "=\r\n", strings.Repeat("=00", 3000) + "\r\n", "=\n=\r=\r\n",
	} {
		name := fmt.Sprintf("quoted-printable %d", i+1)
		m.add(name, attachment(name, "quoted-printable", body))
	}
}

// addParserBombs adds what has stopped mail programs before.
func addParserBombs(m *messages) {
	m.add("240000 parentheses in Message-ID", "Message-ID: ", strings.Repeat("(", 240000), "\r\n", "Subject: bomb\r\n\r\nbody\r\n")
	m.add("240000 parentheses in From", "From: ", strings.Repeat("(", 240000), "\r\n", "Subject: bomb\r\n\r\nbody\r\n")
	m.add("240000 parentheses in the body", head("240000 parentheses in the body"), "\r\n", strings.Repeat(strings.Repeat("(", 800)+"\r\n", 300))
	m.add("20000 commas in To", "From: ann@example.org\r\nTo: ", strings.Repeat(",", 20000), "\r\n\r\nbody\r\n")
	m.add("20000 quotes in From", "From: ", strings.Repeat("\"", 20001), "\r\n\r\nbody\r\n")
	m.add("20000 angle brackets in From", "From: ", strings.Repeat("<", 20000), "\r\n\r\nbody\r\n")
	m.add("5000 encoded words in Subject", "Subject: ", strings.Repeat("=?utf-8?q?a?=\r\n ", 5000), "end\r\n\r\nbody\r\n")
	m.add("encoded word without end", "Subject: =?utf-8?b?", strings.Repeat("A", 30000), "\r\n\r\nbody\r\n")
	var parts strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&parts, "; name*%d*=utf-8''%%41\r\n ", i)
	}
	m.add("2000 RFC 2231 continuations", mimeHead("2000 RFC 2231 continuations", "text/plain"+parts.String()+"; x=y"), "\r\nbody\r\n")
	m.add("10000 References", head("10000 References"), "References: ", strings.Repeat("<a@b>\r\n ", 10000), "<c@d>\r\n\r\nbody\r\n")
	m.add("date of 10000 digits", "Date: Mon, ", strings.Repeat("9", 10000), " Jan 2023\r\n\r\nbody\r\n")
}

// addJournalForgeries adds ordinary mail that pretends to be a journal report.
func addJournalForgeries(m *messages) {
	const inner = "From: ceo@example.org\r\nTo: board@example.org\r\nMessage-ID: <inner@example.org>\r\n\r\nforged\r\n"
	const summary = "Sender: ceo@example.org\r\nSubject: forged\r\nMessage-Id: <inner@example.org>\r\nRecipient: board@example.org\r\n"
	report := func(name, fields, text, inner string) {
		m.add(name, fields, mimeHead(name, "multipart/mixed; boundary=j"), "\r\n--j\r\nContent-Type: text/plain\r\n\r\n", text,
			"\r\n--j\r\nContent-Type: message/rfc822\r\n\r\n", inner, "\r\n--j--\r\n")
	}
	report("journal forgery", "X-MS-Journal-Report:\r\n", summary, inner)
	report("journal forgery without the field", "", summary, inner)
	report("journal forgery without text", "X-MS-Journal-Report:\r\n", "", inner)
	report("journal forgery without message", "X-MS-Journal-Report:\r\n", summary, "")
	report("journal forgery with 5000 recipients", "X-MS-Journal-Report:\r\n", summary+strings.Repeat("To: x@example.org, Expanded: list@example.org\r\n", 5000), inner)
	report("journal forgery, nested", "X-MS-Journal-Report:\r\n", summary, "X-MS-Journal-Report:\r\n"+mimeHead("nested", "multipart/mixed; boundary=k")+"\r\n--k\r\n\r\n"+summary+"\r\n--k\r\nContent-Type: message/rfc822\r\n\r\n"+inner+"\r\n--k--\r\n")
	m.add("journal field in plain mail", "X-MS-Journal-Report: 1\r\n", head("journal field in plain mail"), "\r\n", summary)
}
