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
	most   int        // columns of a line, without the '=' of a soft break
	escape [256]uint8 // 1 for bytes that are escaped wherever they are, 0 for others
}

// usual sets the bytes that must be escaped, and no others.
func (r *rule) usual() {
	clear(r.escape[:])
	for c := range ' ' {
		r.escape[c] = 1
	}
	for c := '~' + 1; c < 256; c++ {
		r.escape[c] = 1
	}
	r.escape['\t'], r.escape['\r'], r.escape['\n'], r.escape['='] = 0, 0, 0, 1
}

// escapes tells whether the byte at i is escaped, which begins a line with first.
func (r *rule) escapes(s []byte, i int, first bool) bool {
	switch c := s[i]; {
	case r.escape[c] != 0:
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
	if i < len(s) && s[i] == '\r' && r.escape['\r'] == 0 {
		i++
	}
	return i >= len(s) || s[i] == '\n' && r.escape['\n'] == 0
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
		n += 1 + 2*int(r.escape[s[i]])
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
	var set []byte
	var usual rule
	usual.usual()
	for c := 0; c < 256 && r.escape != usual.escape; c++ {
		if r.escape[c] != usual.escape[c] {
			set = append(set, byte(c))
			usual.escape[c] ^= 1
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
			to.escape[c] ^= 1
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
