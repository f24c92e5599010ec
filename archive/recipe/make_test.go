package recipe

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
)

// fileBytes is a file that looks like noise, the same for the same size.
func fileBytes(n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// inLines is base64 in lines of this width, without a line end behind the last.
func inLines(data []byte, width int, end string) []byte {
	s := base64.StdEncoding.EncodeToString(data)
	var b []byte
	for len(s) > width {
		b = append(append(b, s[:width]...), end...)
		s = s[width:]
	}
	return append(b, s...)
}

// leafMail is a message without parts.
func leafMail(mediaType, encoding string, body []byte) []byte {
	return fmt.Appendf(nil, "MIME-Version: 1.0\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s",
		mediaType, encoding, body)
}

// partMail is a message with parts, each of them a header and a body.
func partMail(boundary string, parts ...string) []byte {
	b := fmt.Appendf(nil, "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%q\r\n\r\n", boundary)
	for _, p := range parts {
		b = fmt.Appendf(b, "--%s\r\n%s\r\n", boundary, p)
	}
	return fmt.Appendf(b, "--%s--\r\n", boundary)
}

// encoder is a plain encoder of quoted-printable, made from RFC 2045 and not from the
// code it tests.
type encoder struct {
	most   int    // columns, without the '=' of a soft break
	extra  string // bytes it escapes that need not be
	fit    bool   // it uses the last column when the line ends
	words  bool   // it goes to the next line before a word
	lower  bool
	soft   string // CR LF if empty
	eol    string // of the text, CR LF if empty
	binary bool   // it escapes line ends
	dots   bool
}

// quotedBy encodes text, whose lines end with CR LF.
func quotedBy(text []byte, e encoder) []byte {
	soft, eol := "=\r\n", "\r\n"
	if e.soft != "" {
		soft = "=" + e.soft
	}
	if e.eol != "" {
		eol = e.eol
	}
	lines := bytes.SplitAfter(text, []byte("\r\n"))
	if e.binary {
		lines = [][]byte{text}
	}
	var out []byte
	for _, line := range lines {
		ends := !e.binary && bytes.HasSuffix(line, []byte("\r\n"))
		if ends {
			line = line[:len(line)-2]
		}
		out = e.line(out, line, soft)
		if ends {
			out = append(out, eol...)
		}
	}
	return out
}

func (e encoder) line(out, line []byte, soft string) []byte {
	column := 0
	for i := range line {
		t := e.token(line, i, column == 0)
		limit := e.most
		if e.fit && i == len(line)-1 {
			limit++
		}
		need := len(t)
		if e.words && i > 0 && line[i-1] == ' ' && line[i] != ' ' {
			for j := i + 1; j < len(line); j++ {
				need += len(e.token(line, j, false))
				if line[j] == ' ' || need > limit {
					break
				}
			}
		}
		if column > 0 && column+need > limit {
			out, column = append(out, soft...), 0
			t = e.token(line, i, true)
		}
		out = append(out, t...)
		column += len(t)
	}
	return out
}

func (e encoder) token(line []byte, i int, first bool) string {
	c := line[i]
	blank := (c == ' ' || c == '\t') && i == len(line)-1
	if c < ' ' && c != '\t' || c == '=' || c > '~' || blank || e.dots && first && c == '.' ||
		bytes.IndexByte([]byte(e.extra), c) >= 0 {
		if e.lower {
			return fmt.Sprintf("=%02x", c)
		}
		return fmt.Sprintf("=%02X", c)
	}
	return string(c)
}
