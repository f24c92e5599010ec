package journal

import (
	"bytes"
	"iter"
	"strings"
)

// maxPadding is how much white space may follow a boundary on its line.
const maxPadding = 256

// delimiter is a delimiter line of a multipart body (RFC 2046 section 5.1.1).
type delimiter struct {
	start   int64 // of the line break before it, which is part of it
	next    int64 // behind its line
	closing bool
}

// delimiters gives the delimiter lines of a body, in order. The body follows an empty
// line, so that a line break stands before its first byte.
func (in *input) delimiters(body span, boundary string) iter.Seq[delimiter] {
	return func(yield func(delimiter) bool) {
		if body.start >= body.end {
			return
		}
		mark := []byte("\n--" + boundary)
		size := max(in.block, 2*(len(mark)+maxPadding))
		for off := body.start - 1; ; {
			window := in.window(off, size, body)
			last := off+int64(len(window)) >= body.end
			pos, more := 0, false
			for !more {
				i := bytes.Index(window[pos:], mark)
				if i < 0 {
					break
				}
				pos += i
				rest := window[pos+len(mark):]
				if more = !last && len(rest) < maxPadding; more {
					break
				}
				n, closing, ok := delimiterEnd(rest)
				if !ok {
					pos++
					continue
				}
				end := pos + len(mark) + n
				d := delimiter{in.lineBreak(off+int64(pos), body), off + int64(end), closing}
				if !yield(d) {
					return
				}
				pos = max(pos+1, end-1) // its own line break can belong to the next one too
			}
			switch {
			case last || in.err != nil:
				return
			case more:
				off += int64(pos)
			default:
				off += int64(max(pos, len(window)-len(mark)+1))
			}
		}
	}
}

// lineBreak gives where the line break begins whose LF is at off.
func (in *input) lineBreak(off int64, body span) int64 {
	var before [1]byte
	if off-1 >= body.start && len(in.read(before[:], off-1)) == 1 && before[0] == '\r' {
		return off - 1
	}
	return off
}

// delimiterEnd reads what follows a boundary: nothing but the hyphens of the closing
// delimiter and white space may, up to the end of the line or of the body. It gives
// how long that is.
func delimiterEnd(rest []byte) (n int, closing, ok bool) {
	if closing = bytes.HasPrefix(rest, []byte("--")); closing {
		n = 2
	}
	for n < len(rest) && n < maxPadding-2 && (rest[n] == ' ' || rest[n] == '\t') {
		n++
	}
	switch rest = rest[n:]; {
	case len(rest) == 0:
		return n, closing, true
	case rest[0] == '\n':
		return n + 1, closing, true
	case rest[0] == '\r' && len(rest) == 1:
		return n + 1, closing, true
	case rest[0] == '\r' && rest[1] == '\n':
		return n + 2, closing, true
	}
	return 0, false, false
}

// multipart is a multipart body.
type multipart struct {
	before span // what precedes the first delimiter
	parts  []span
	after  span // what follows the closing delimiter
	open   bool // nothing ends the last part
}

// split finds the parts of a multipart body.
func (p *parser) split(body span, boundary string) multipart {
	m := multipart{after: span{body.end, body.end}}
	start := int64(-1) // of the part under way
	for d := range p.in.delimiters(body, boundary) {
		if m.before.end == 0 {
			m.before = span{body.start, d.start}
		}
		if start >= 0 {
			m.parts = append(m.parts, span{start, max(start, d.start)})
		}
		if d.closing {
			m.after.start = d.next
			return m
		}
		if start = d.next; len(m.parts) == maxParts {
			p.flags[FlagTooManyParts] = true
			return m
		}
	}
	if start < 0 {
		p.flags[FlagUnclosed] = true
		return m
	}
	last := span{start, body.end}
	if last.end, m.open = p.in.unclosed(last, boundary); m.open {
		p.flags[FlagUnclosed] = true
	} else {
		p.flags[FlagMidLineDelimiter] = true
	}
	m.parts = append(m.parts, last)
	return m
}

// unclosed gives where a last part ends that no delimiter line closes, and whether
// nothing closes it. Citadel puts the closing delimiter behind a message whose last line
// has no end.
func (in *input) unclosed(s span, boundary string) (end int64, open bool) {
	mark := "--" + boundary + "--"
	from := max(s.start, s.end-int64(len(mark)+maxPadding))
	tail := in.window(from, len(mark)+maxPadding, s)
	trimmed, found := bytes.CutSuffix(bytes.TrimRight(tail, " \t\r\n"), []byte(mark))
	if !found {
		return s.end, true
	}
	return from + int64(len(trimmed)), false
}

// part is a part that holds no further parts.
type part struct {
	media    string // in lower case
	charset  string
	encoding string // in lower case
	boundary string
	body     span
	parent   string // the media type it stands in
	depth    int    // 1 is a direct child of the report
	open     bool   // nothing ends it
}

func newPart(e entity) part {
	contentType, _ := e.header.Value("Content-Type")
	encoding, _ := e.header.Value("Content-Transfer-Encoding")
	media, _, _ := strings.Cut(contentType, ";")
	return part{
		media:    short(strings.ToLower(strings.TrimSpace(media))),
		charset:  short(strings.ToLower(parameter(contentType, "charset"))),
		boundary: strings.Clone(parameter(contentType, "boundary")),
		encoding: short(strings.ToLower(strings.TrimSpace(encoding))),
		body:     e.body,
	}
}

// short is a word of a header that is kept; none that means something is longer.
func short(word string) string { return strings.Clone(word[:min(len(word), 128)]) }

// parameter gives a parameter of a Content-Type, also of one that RFC 2045 section 5.1
// would have quoted, as senders do with boundaries.
func parameter(value, name string) string {
	_, rest, _ := strings.Cut(value, ";")
	for rest != "" {
		eq := strings.IndexAny(rest, "=;")
		if eq < 0 {
			return ""
		}
		key := strings.TrimSpace(rest[:eq])
		if rest[eq] == ';' {
			rest = rest[eq+1:]
			continue
		}
		var text string
		text, rest = parameterValue(strings.TrimLeft(rest[eq+1:], " \t"))
		if strings.EqualFold(key, name) {
			return text
		}
	}
	return ""
}

// parameterValue gives a value, without its quotes, and what follows its semicolon.
func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return strings.TrimRight(value, " \t"), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i:], ";")
			return strings.TrimRight(b.String(), " \t"), rest
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func (p part) isMessage() bool {
	return p.media == "message/rfc822" || p.media == "message/global"
}

// leaves gives the parts of an entity in their order, without looking into messages.
func (p *parser) leaves(e entity) []part {
	var list []part
	p.walk(&list, newPart(e))
	return list
}

func (p *parser) walk(list *[]part, at part) {
	switch {
	case !strings.HasPrefix(at.media, "multipart/"):
	case at.boundary == "" || len(at.boundary) > maxBoundary:
		p.flags[FlagNoBoundary] = true
	case at.depth == maxDepth:
		p.flags[FlagTooDeep] = true
	default:
		p.children(list, at)
		return
	}
	*list = append(*list, at)
}

func (p *parser) children(list *[]part, at part) {
	m := p.split(at.body, at.boundary)
	if !p.in.blank(m.before) && !p.in.usualPreamble(m.before) {
		p.flags[FlagPreamble] = true
	}
	if len(m.parts) == 0 { // its text is nobody's then
		*list = append(*list, at)
	}
	for i, s := range m.parts {
		if p.parts++; p.parts > maxParts {
			p.flags[FlagTooManyParts] = true
			return
		}
		e := p.in.entity(s, maxPartHeader)
		if e.cut {
			p.flags[FlagHeaderTooLong] = true
		}
		child := newPart(e)
		child.parent, child.depth = at.media, at.depth+1
		child.open = m.open && i == len(m.parts)-1
		p.walk(list, child)
	}
	if !p.in.blank(m.after) {
		p.flags[FlagEpilogue] = true
	}
}
