package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// message is one test message with a name that says what is odd about it.
type message struct {
	name string
	data []byte
}

// messages collects test messages in order.
type messages []message

// add appends a message made of parts, each a string or bytes.
func (m *messages) add(name string, parts ...any) {
	var b bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case []byte:
			b.Write(p)
		default:
			panic(fmt.Sprintf("message %q: part of type %T", name, p))
		}
	}
	*m = append(*m, message{name, b.Bytes()})
}

// oddMessages makes the odd messages. They are the same in every run.
func oddMessages() messages {
	var m messages
	addShapes(&m)
	addLineEnds(&m)
	addDots(&m)
	addEndOfData(&m)
	addLongLines(&m)
	addSizes(&m)
	addBytes(&m)
	addRandomBodies(&m)
	addRandomLineNoise(&m)
	addHeaderForms(&m)
	addHeaderSizes(&m)
	addMessageIDs(&m)
	addFolds(&m)
	addAddresses(&m)
	addNesting(&m)
	addParts(&m)
	addBase64(&m)
	addQuotedPrintable(&m)
	addParserBombs(&m)
	addJournalForgeries(&m)
	return m
}

// head is an ordinary header for the message of this name, without the empty
// line that ends it.
func head(name string) string {
	return "From: Ann Example <ann@example.org>\r\n" +
		"To: Bob Example <bob@example.net>\r\n" +
		"Subject: " + name + "\r\n" +
		"Date: Mon, 02 Jan 2023 10:00:00 +0000\r\n" +
		"Message-ID: <" + strings.ReplaceAll(name, " ", ".") + "@odd.example.org>\r\n"
}

// text makes n bytes of ordinary lines, the last one ended by CRLF.
func text(n int) string {
	const line = "The quick brown fox jumps over the lazy dog, 0123456789 times.\r\n"
	if n < 2 {
		return ""
	}
	s := strings.Repeat(line, n/len(line)+1)[:n-2]
	// A cut may leave half a line end.
	return strings.TrimSuffix(s, "\r") + strings.Repeat("x", len(s)-len(strings.TrimSuffix(s, "\r"))) + "\r\n"
}

// randomBytes makes n bytes of an alphabet, the same for the same seed.
func randomBytes(seed uint64, n int, alphabet string) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return b
}

// allBytes is every byte value once.
func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func TestOddMessagesHaveDistinctNames(t *testing.T) {
	seen := map[string]bool{}
	total := 0
	for _, m := range oddMessages() {
		if seen[m.name] {
			t.Errorf("two messages are named %q", m.name)
		}
		seen[m.name] = true
		total += len(m.data)
	}
	if len(seen) < 300 {
		t.Errorf("%d odd messages, want several hundred", len(seen))
	}
	t.Logf("%d odd messages, %d bytes", len(seen), total)
	again := oddMessages()
	for i, m := range oddMessages() {
		if !bytes.Equal(m.data, again[i].data) {
			t.Errorf("message %q differs from run to run", m.name)
		}
	}
}

func TestStuffing(t *testing.T) {
	for _, c := range []struct{ msg, wire string }{
		{"", ".\r\n"},
		{".", "..\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r\n.\r\n", "a\r\n..\r\n.\r\n"},
		{"a\r\n.\r\n.b", "a\r\n..\r\n..b\r\n.\r\n"},
		{"a\n.\nb\r.\rc", "a\n.\nb\r.\rc\r\n.\r\n"},
		{"a\r", "a\r\r\n.\r\n"},
	} {
		if got := string(stuff([]byte(c.msg))); got != c.wire {
			t.Errorf("stuff(%q) = %q, want %q", c.msg, got, c.wire)
		}
	}
}

// addShapes adds messages whose overall shape is unusual.
func addShapes(m *messages) {
	m.add("ordinary", head("ordinary"), "\r\n", "Hello.\r\n")
	m.add("empty message")
	m.add("one CRLF", "\r\n")
	m.add("two CRLF", "\r\n\r\n")
	m.add("ten CRLF", strings.Repeat("\r\n", 10))
	m.add("one letter", "a\r\n")
	m.add("one letter without line end", "a")
	m.add("one dot", ".\r\n")
	m.add("one space", " \r\n")
	m.add("one NUL", "\x00\r\n")
	m.add("empty body", head("empty body"), "\r\n")
	m.add("empty body of blank lines", head("empty body of blank lines"), strings.Repeat("\r\n", 6))
	m.add("header only, no empty line", head("header only, no empty line"))
	m.add("header only, last line cut", head("header only, last line cut"), "X-Cut: here")
	m.add("body only", "\r\nThere is no header at all.\r\n")
	m.add("no header separator", head("no header separator"), "This line has no colon and ends the header\r\nmore\r\n")
	m.add("text without any header", "This is just text.\r\nNothing else.\r\n")
	m.add("leading blank line then header", "\r\n", head("leading blank line then header"), "\r\nbody\r\n")
	m.add("no final line end", head("no final line end"), "\r\n", "last line")
	m.add("final CR only", head("final CR only"), "\r\n", "last line\r")
	m.add("final LF only", head("final LF only"), "\r\n", "last line\n")
	m.add("final blank lines", head("final blank lines"), "\r\n", "text\r\n", strings.Repeat("\r\n", 50))
	m.add("separator with a space", head("separator with a space"), " \r\n", "body\r\n\r\nmore\r\n")
	m.add("separator with a tab", head("separator with a tab"), "\t\r\n", "body\r\n\r\nmore\r\n")
	m.add("trailing blanks in header and body", head("trailing blanks"), "X-T: value   \t \r\n", "\r\n", "line  \r\n\t\r\n  \r\n")
	m.add("blanks only in body", head("blanks only in body"), "\r\n", strings.Repeat(" \t \r\n", 40))
	m.add("mbox From line first", "From ann@example.org Mon Jan  2 10:00:00 2023\r\n", head("mbox From line first"), "\r\nbody\r\n")
	m.add("mbox From line in the body", head("mbox From line in the body"), "\r\nFrom here on\r\n>From there\r\nFrom \r\n")
	m.add("mbox From line in the header", head("mbox From line in the header"), "From ann@example.org Mon Jan  2 10:00:00 2023\r\nX-After: 1\r\n\r\nbody\r\n")
	m.add("a whole message as the body", head("a whole message as the body"), "\r\n", head("inner"), "\r\ninner\r\n")
	m.add("looks like an SMTP session", head("looks like an SMTP session"), "\r\nQUIT\r\nRSET\r\nDATA\r\nMAIL FROM:<evil@example.org>\r\n250 ok\r\n.QUIT\r\n")
}

// addLineEnds adds every pair of line ends in header and body.
func addLineEnds(m *messages) {
	ends := []struct{ name, end string }{{"CRLF", "\r\n"}, {"LF", "\n"}, {"CR", "\r"}, {"CRCRLF", "\r\r\n"}}
	for _, h := range ends {
		for _, b := range ends {
			name := h.name + " in the header, " + b.name + " in the body"
			header := strings.ReplaceAll(head(name)+"\r\n", "\r\n", h.end)
			body := strings.ReplaceAll("one\r\ntwo\r\n\r\nfour\r\n", "\r\n", b.end)
			m.add(name, header, body)
		}
	}
	for i, body := range []string{
		"a\rb\r\n", "a\nb\r\n", "a\r\rb\r\n", "a\n\nb\r\n", "a\n\rb\r\n", "a\r\n\rb\r\n", "a\r\n\nb\r\n", "a\r\r\rb\r\n",
		"\ra\r\n", "\na\r\n", "a\r\r\r\n", "a\n\r\n", "\r\r\n", "\n\r\n", "a\x00\r\n", "a\r\x00\n\r\n", "a\v\f\x85\r\n", "a\xe2\x80\xa8b\r\n",
	} {
		name := fmt.Sprintf("mixed line ends %d", i+1)
		m.add(name, head(name), "\r\n", body, "end\r\n")
		m.add(name+", many", head(name), "\r\n", strings.Repeat(body, 500), "end\r\n")
	}
	m.add("bare CR in a header value", head("bare CR in a header value"), "X-A: one\rtwo\r\n\r\nbody\r\n")
	m.add("bare LF in a header value", head("bare LF in a header value"), "X-A: one\ntwo\r\n\r\nbody\r\n")
	m.add("CRCRLF at the end of a header line", head("CRCRLF at the end of a header line"), "X-A: one\r\r\nX-B: two\r\n\r\nbody\r\n")
}

// addDots adds messages with dots where dot-stuffing matters.
func addDots(m *messages) {
	for i, body := range []string{
		".\r\n", "..\r\n", "...\r\n", ".\r\n.\r\n", "..\r\n.\r\n", ".a\r\n", "..a\r\n", "a.\r\n", "a\r\n.\r\n", "a\r\n..\r\n.\r\nb\r\n",
		". \r\n", " .\r\n", ".\t\r\n", "\r\n.\r\n\r\n", ".", "..", "a\r\n.", "a\r\n..", strings.Repeat(".\r\n", 2000), strings.Repeat("..\r\n", 2000),
	} {
		name := fmt.Sprintf("dots %d", i+1)
		m.add(name, head(name), "\r\n", body)
	}
	m.add("a dot begins the message", ".", head("a dot begins the message"), "\r\nbody\r\n")
	m.add("a dot begins a header line", head("a dot begins a header line"), ".X-Dot: 1\r\n\r\nbody\r\n")
	m.add("a long line of dots", head("a long line of dots"), "\r\n", strings.Repeat(".", 70000), "\r\n")
	// A dot on each side of a power of two of the stream, where buffers end.
	for _, n := range []int{1024, 4096, 8192, 32768, 65535, 65536} {
		for d := -2; d <= 2; d++ {
			name := fmt.Sprintf("dot line at %d%+d", n, d)
			h := head(name) + "\r\n"
			m.add(name, h, text(n+d-len(h)), ".\r\n..\r\nend\r\n")
		}
	}
}

// addEndOfData adds what careless servers take for the end of a message.
func addEndOfData(m *messages) {
	for _, seq := range []string{
		"\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\n", "\r\n.\r\r\n", "\r\n\r.\r\n", "\n\r.\r\n", "\r\n.\x00\r\n",
		"\r\n\x00.\r\n", "\r\n.\r\x00\n", "\n.\r", "\r.\n", "\r\n.\n.\r\n", "\r\n.\r\n.\r\n",
	} {
		name := fmt.Sprintf("end of data trick %q", seq)
		m.add(name, head(name), "\r\n", "before", seq, "MAIL FROM:<smuggled@example.org>\r\nafter\r\n")
		m.add(name+" at the end", head(name), "\r\n", "before", seq)
	}
}

// addLongLines adds lines around the limits of RFC 5321 and of common servers.
func addLongLines(m *messages) {
	for _, n := range []int{76, 77, 78, 79, 510, 511, 512, 513, 990, 997, 998, 999, 1000, 1001, 2047, 2048, 2049, 4095, 4096, 4097, 5000, 16384, 65534, 65535, 65536, 65537, 1 << 20} {
		name := fmt.Sprintf("a line of %d characters", n)
		m.add(name, head(name), "\r\nshort\r\n", strings.Repeat("0123456789", n/10+1)[:n], "\r\nshort\r\n")
	}
	for _, n := range []int{998, 999, 2048, 5000} {
		name := fmt.Sprintf("a header line of %d characters", n)
		m.add(name, head(name), "X-Long: ", strings.Repeat("x", n-8), "\r\n\r\nbody\r\n")
		name = fmt.Sprintf("8-bit lines of %d bytes", n)
		m.add(name, head(name), "\r\n", strings.Repeat(strings.Repeat("é", n/2)+"\r\n", 3))
	}
}

// addSizes adds whole messages around the sizes at which buffers end.
func addSizes(m *messages) {
	for _, n := range []int{512, 1024, 4096, 8192, 16384, 32768, 65535, 131072, 1 << 20} {
		for d := -1; d <= 1; d++ {
			name := fmt.Sprintf("a message of %d%+d bytes", n, d)
			h := head(name) + "\r\n"
			m.add(name, h, text(n+d-len(h)))
		}
	}
	m.add("a message of 4 MiB", head("a message of 4 MiB"), "\r\n", text(4<<20))
}

// addBytes adds bytes that ought not to be in a message.
func addBytes(m *messages) {
	m.add("NUL in the body", head("NUL in the body"), "\r\na\x00b\x00\x00c\r\n\x00\r\n")
	m.add("NUL in a header", head("NUL in a header"), "X-Nul: a\x00b\r\n\r\nbody\r\n")
	m.add("NUL begins the message", "\x00", head("NUL begins the message"), "\r\nbody\r\n")
	m.add("a megabyte of NUL", head("a megabyte of NUL"), "\r\n", strings.Repeat("\x00", 1<<20), "\r\n")
	m.add("8-bit body, Latin-1", head("8-bit body, Latin-1"), "\r\nGr\xfc\xdfe aus K\xf6ln\r\n")
	m.add("8-bit header, Latin-1", "X-Town: K\xf6ln\r\n", head("8-bit header, Latin-1"), "\r\nbody\r\n")
	m.add("UTF-8 headers", "Subject: Grüße aus Köln 🏰\r\nFrom: Jürgen <ann@example.org>\r\nTo: 山田 <bob@example.net>\r\n\r\nbody\r\n")
	m.add("UTF-8 body", head("UTF-8 body"), "\r\nκόσμε 世界 🙂\r\n")
	m.add("UTF-8 byte order mark first", "\ufeff", head("UTF-8 byte order mark first"), "\r\nbody\r\n")
	m.add("broken UTF-8", head("broken UTF-8"), "X-Bad: \xc3\x28 \xed\xa0\x80 \xff\xfe\r\n\r\n\xc3\x28 \xf0\x90\x28\xbc\r\n")
	m.add("UTF-16 body", head("UTF-16 body"), "\r\n\xff\xfea\x00\r\x00\n\x00b\x00\r\n")
	m.add("every byte value in the body", head("every byte value in the body"), "\r\n", allBytes(), "\r\n")
	m.add("control characters in a header", head("control characters in a header"), "X-C: \x01\x02\x07\x08\x1b[31m\x7f\r\n\r\nbody\r\n")
	for _, c := range []byte{0x00, 0x01, 0x08, 0x0b, 0x0c, 0x1a, 0x1b, 0x7f, 0x80, 0x85, 0xa0, 0xff} {
		name := fmt.Sprintf("byte %#02x everywhere", c)
		m.add(name, head(name), "\r\n", strings.Repeat(string([]byte{c, 'a', c, '\r', '\n', c, '.', c, '\r', '\n'}), 20))
	}
}

// addRandomBodies adds binary noise of several sizes.
func addRandomBodies(m *messages) {
	for i := range 24 {
		n := []int{1, 10, 100, 1000, 5000, 20000, 65536, 200000}[i%8]
		name := fmt.Sprintf("random bytes %d", i+1)
		m.add(name, head(name), "\r\n", randomBytes(uint64(i), n, allBytes()))
	}
}

// addRandomLineNoise adds short bodies and whole messages made of the
// characters that matter to line and header parsers.
func addRandomLineNoise(m *messages) {
	for i := range 30 {
		name := fmt.Sprintf("line noise %d", i+1)
		m.add(name, head(name), "\r\n", randomBytes(uint64(100+i), 3+i*i, "\r\n\r\n.a"))
	}
	for i := range 20 {
		name := fmt.Sprintf("message noise %d", i+1)
		m.add(name, randomBytes(uint64(200+i), 5+i*i*2, "\r\n \t:.aB<>\"\\(;=-\x00\xe9"))
	}
}
