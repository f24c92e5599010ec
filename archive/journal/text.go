package journal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// text gives the text of a part in UTF-8. A text that was not read to its end ends
// with its last whole line: half an address is a wrong one.
func (p *parser) text(at part) string {
	size := at.body.end - at.body.start
	raw := p.in.read(make([]byte, min(size, maxText)), at.body.start)
	whole := size <= maxText && !at.open
	if size > maxText {
		p.flags[FlagTextTooLong] = true
	}
	switch at.encoding {
	case "quoted-printable":
		raw = unquote(raw)
	case "base64":
		var ok bool
		if raw, ok = unbase(raw); !ok {
			whole = false
			p.flags[FlagTextDamaged] = true
		}
	}
	text := strings.TrimPrefix(p.toUTF8(raw, at.charset), "\uFEFF")
	if !whole {
		text = text[:strings.LastIndexAny(text, "\r\n")+1]
	}
	return text
}

// toUTF8 decodes a text. What has no usable charset is UTF-8 where it can be, else
// Windows-1252, which gives every byte a meaning or a replacement.
func (p *parser) toUTF8(raw []byte, name string) string {
	switch name {
	case "", "us-ascii", "ascii", "utf-8", "utf8":
		if utf8.Valid(raw) {
			return string(raw)
		}
	default:
		if text, err := convert(raw, name); err == nil {
			return text
		}
	}
	p.flags[FlagCharset] = true
	if utf8.Valid(raw) {
		return string(raw)
	}
	text, err := convert(raw, "windows-1252")
	if err != nil {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return text
}

func convert(raw []byte, name string) (string, error) {
	r, err := charset.Reader(name, bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return strings.ToValidUTF8(string(text), "\uFFFD"), err
}

// unquote decodes quoted-printable (RFC 2045 section 6.7), and lets stand what is
// not: an address such as IMCEAEX-_o=ORG in a text that a gateway mislabelled.
func unquote(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '=')
		if i < 0 {
			break
		}
		out = append(out, raw[:i]...)
		raw = raw[i+1:]
		rest := bytes.TrimLeft(raw, " \t")
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			raw = rest[2:]
		case bytes.HasPrefix(rest, []byte("\n")):
			raw = rest[1:]
		case len(raw) >= 2 && isHex(raw[0]) && isHex(raw[1]):
			out, _ = hex.AppendDecode(out, raw[:2])
			raw = raw[2:]
		case len(rest) == 0: // a soft line break at the end, whose line end is the delimiter's
			raw = nil
		default:
			out = append(out, '=')
		}
	}
	return append(out, raw...)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

// unbase decodes base64 up to the first thing that is none, and tells whether it
// reached the end.
func unbase(raw []byte) ([]byte, bool) {
	raw = bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, raw)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Decode(out, raw)
	return out[:n], err == nil
}

// lines gives the lines of a text, which end with CRLF, LF or CR, without their ends.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			line := text
			if i := strings.IndexAny(text, "\r\n"); i >= 0 {
				line = text[:i]
				if strings.HasPrefix(text[i:], "\r\n") {
					i++
				}
				text = text[i+1:]
			} else {
				text = ""
			}
			if !yield(line) {
				return
			}
		}
	}
}

// htmlLines gives the lines of an HTML text, those of its source and those that its
// tags begin, without the space around them. A character that is written as an entity
// never ends a line.
func htmlLines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range lines(withoutTags(text)) {
			line = strings.Map(func(r rune) rune {
				if r == '\u00A0' || r == '\r' || r == '\n' {
					return ' '
				}
				return r
			}, html.UnescapeString(line))
			if !yield(strings.TrimSpace(line)) {
				return
			}
		}
	}
}

// withoutTags takes the tags out of an HTML text, and what is never shown.
func withoutTags(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := ">"
		if strings.HasPrefix(rest, "!--") {
			end = "-->"
		}
		tag, after, found := strings.Cut(rest, end)
		if !found {
			b.WriteString("<" + rest)
			return b.String()
		}
		name := strings.ToLower(tag[:strings.IndexAny(tag+" ", " \t\r\n/>")])
		switch {
		case strings.HasPrefix(tag, "/"):
			name = strings.ToLower(strings.TrimSpace(tag[1:]))
		case name == "style", name == "script", name == "title":
			_, after, _ = strings.Cut(after, "</")
			_, after, _ = strings.Cut(after, ">")
		}
		switch name {
		case "br", "p", "div", "tr", "li", "h1", "h2", "h3":
			b.WriteByte('\n')
		}
		text = after
	}
}
