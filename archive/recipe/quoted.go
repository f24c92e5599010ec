package recipe

import (
	"bytes"
	"encoding/binary"
)

// Bits of the head of a quoted-printable layout.
const (
	quotedLF    = 1 << iota // soft line breaks end with LF, not with CR LF
	quotedFit               // a literal may take the last column when the line ends behind it,
	quotedFit3              // and so may an escape
	quotedBlank             // a blank at the end of a line is escaped
	quotedSet               // other bytes than usual are escaped: how many, which
	quotedOdd               // some bytes are not written as the others: how many, where
	quotedLower             // hexadecimal digits are in lower case
	quotedAtom              // the bytes of a character in UTF-8 are not parted
	quotedWord              // a word that does not fit goes to the next line
	quotedDot               // a dot at the beginning of a line is escaped,
	quotedFrom              // and so is the F of "From "
	unknownQuoted
)

// rule is what an encoder of quoted-printable does.
type rule struct {
	head   int
	most   int       // columns of a line, without the '=' of a soft break
	escape [256]bool // bytes that are escaped wherever they are
}

// usual sets the bytes that must be escaped, and no others.
func (r *rule) usual() {
	for c := range r.escape {
		r.escape[c] = c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == '=' || c > '~'
	}
}

// escapes tells whether the byte at i is escaped, which begins a line with first.
func (r *rule) escapes(s []byte, i int, first bool) bool {
	switch c := s[i]; {
	case r.escape[c]:
		return true
	case c == ' ' || c == '\t':
		return r.head&quotedBlank != 0 && i+1 < len(s) && r.endsLine(s, i+1)
	case c == '.':
		return first && r.head&quotedDot != 0
	case c == 'F':
		return first && r.head&quotedFrom != 0 && bytes.HasPrefix(s[i:], []byte("From "))
	}
	return false
}

// endsLine tells whether a line ends at i.
func (r *rule) endsLine(s []byte, i int) bool {
	if i < len(s) && s[i] == '\r' && !r.escape['\r'] {
		i++
	}
	return i >= len(s) || s[i] == '\n' && !r.escape['\n']
}

// breaks tells whether there is a soft line break before the byte at i, which would
// stand at this column and be so wide.
func (r *rule) breaks(s []byte, i, column, width int) bool {
	if column == 0 || s[i] == '\n' && width == 1 || s[i] == '\r' && width == 1 && r.endsLine(s, i) {
		return false
	}
	if r.head&quotedWord != 0 && i > 0 && s[i-1] == ' ' && s[i] != ' ' {
		return column+r.word(s, i, r.most-column) > r.most
	}
	last := i + 1
	if c := s[i]; r.head&quotedAtom != 0 && c >= 0xc0 && width == 3 {
		for last < len(s) && s[last]&0xc0 == 0x80 && last-i < 4 {
			last++
		}
		width = 3 * (last - i)
	}
	if column+width <= r.most {
		return false
	}
	fit := quotedFit
	if width > 1 {
		fit = quotedFit3
	}
	return column+width > r.most+1 || r.head&fit == 0 || !r.endsLine(s, last)
}

// word gives the columns that a word needs, with the blank behind it; more than room
// if it needs more.
func (r *rule) word(s []byte, i, room int) int {
	n := 0
	for ; i < len(s) && n <= room && !r.endsLine(s, i); i++ {
		if n++; r.escape[s[i]] {
			n += 2
		}
		if s[i] == ' ' {
			break
		}
	}
	return n
}

// softBreak is how soft line breaks are written.
func (r *rule) softBreak() string {
	if r.head&quotedLF != 0 {
		return "=\n"
	}
	return "=\r\n"
}

// hex is the digits that escapes are written with.
func (r *rule) hex() string {
	if r.head&quotedLower != 0 {
		return "0123456789abcdef"
	}
	return "0123456789ABCDEF"
}

// appendTo writes the rule as the beginning of a layout, with what differs from it:
// odd bytes, by their distances.
func (r *rule) appendTo(b []byte, odd []byte, odds int) []byte {
	var set, usual = []byte(nil), rule{}
	usual.usual()
	for c := range r.escape {
		if r.escape[c] != usual.escape[c] {
			set = append(set, byte(c))
		}
	}
	head := r.head
	if len(set) > 0 {
		head |= quotedSet
	}
	if odds > 0 {
		head |= quotedOdd
	}
	b = binary.AppendUvarint(b, uint64(head))
	b = binary.AppendUvarint(b, uint64(r.most))
	if len(set) > 0 {
		b = appendBytes(b, set)
	}
	if odds > 0 {
		b = append(binary.AppendUvarint(b, uint64(odds)), odd...)
	}
	return b
}

// rule reads a rule, and how many odd bytes are listed behind it.
func (r *reader) rule() (to rule, odds int) {
	to.usual()
	to.head = r.uint(unknownQuoted - 1)
	to.most = r.uint(maxWire)
	if to.head&quotedSet != 0 {
		for _, c := range r.bytes(256) {
			to.escape[c] = !to.escape[c]
		}
	}
	if to.head&quotedOdd != 0 {
		odds = r.uint(MaxLayout)
	}
	return to, odds
}

// next reads a list of distances and gives the place that follows at, or -1.
func (r *reader) next(at int, left *int) int {
	if *left == 0 {
		return -1
	}
	*left--
	return at + r.uint(maxWire)
}

// fillQuoted fills wire with what the stored bytes are in quoted-printable.
func fillQuoted(wire, stored, layout []byte) error {
	odd := reader{b: layout}
	r, odds := odd.rule()
	// Behind the list of odd bytes stands that of odd lines.
	lines := odd
	for range odds {
		lines.uint(maxWire)
	}
	w := quotedWriter{rule: r, to: wire, odd: odd, odds: odds, lines: lines}
	w.nextOdd = w.odd.next(0, &w.odds)
	if w.nextLine(0); w.odd.bad || w.lines.bad {
		return errLayout
	}
	for i := 0; ; {
		if w.breaks(stored, i) {
			w.text(r.softBreak())
			w.newLine()
		} else if i < len(stored) {
			w.put(stored, i)
			i++
		} else {
			break
		}
		if w.full {
			return errWire
		}
	}
	if w.odd.bad || w.lines.bad || w.odds > 0 || w.nextOdd >= 0 || len(w.lines.b) > 0 || w.oddLine > w.line {
		return errLayout
	}
	if len(w.to) > 0 {
		return errWire
	}
	return nil
}

// quotedWriter writes quoted-printable.
type quotedWriter struct {
	rule
	to      []byte // what is still to be filled
	full    bool
	at      int // the column
	line    int
	odd     reader // where bytes are that are not written by the rule
	odds    int
	nextOdd int
	lines   reader // which lines do not end by the rule, and where
	oddLine int    // the next of them, -1 if there are no more
	end     int    // its column before the soft break and 1, or 0 if it has none
}

// nextLine reads which line at or behind this one is odd.
func (w *quotedWriter) nextLine(line int) {
	if w.oddLine = -1; len(w.lines.b) > 0 {
		w.oddLine, w.end = line+w.lines.uint(maxWire), w.lines.uint(maxWire)
	}
}

// breaks tells whether a soft line break comes before the byte at i, or at the end.
func (w *quotedWriter) breaks(s []byte, i int) bool {
	if w.line == w.oddLine {
		return w.end == w.at+1
	}
	if i == len(s) {
		return false
	}
	width := 1
	if w.isEscaped(s, i) {
		width = 3
	}
	return w.rule.breaks(s, i, w.at, width)
}

func (w *quotedWriter) isEscaped(s []byte, i int) bool {
	return w.escapes(s, i, w.at == 0) != (i == w.nextOdd)
}

// put writes the byte at i.
func (w *quotedWriter) put(s []byte, i int) {
	c := s[i]
	escaped := w.isEscaped(s, i)
	if i == w.nextOdd {
		w.nextOdd = w.odd.next(i+1, &w.odds)
	}
	if escaped {
		hex := w.hex()
		w.text(string([]byte{'=', hex[c>>4], hex[c&15]}))
		w.at += 3
		return
	}
	if len(w.to) == 0 {
		w.full = true
		return
	}
	w.to[0] = c
	w.to = w.to[1:]
	if w.at++; c == '\n' {
		w.newLine()
	}
}

func (w *quotedWriter) text(s string) {
	if n := copy(w.to, s); n < len(s) {
		w.full = true
	} else {
		w.to = w.to[n:]
	}
}

// newLine goes to the next line.
func (w *quotedWriter) newLine() {
	w.at = 0
	if w.line == w.oddLine {
		w.nextLine(w.line + 1)
	}
	w.line++
}
