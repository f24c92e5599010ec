package recipe

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// unquoter takes quoted-printable apart. Its slices are used again from piece to piece.
type unquoter struct {
	rule
	stored []byte
	esc    []byte  // a bit for each stored byte: it is escaped
	soft   []int32 // before which stored bytes soft line breaks are
	odd    []byte  // distances of odd bytes
	odds   int
	layout []byte
}

// maxSoft is the most soft line breaks in a piece.
const maxSoft = 1 << 16

// decode takes the quoted-printable that wire begins with apart, as much as fits a
// piece, into stored bytes and a layout; more says that the part goes on behind wire.
// It returns how many bytes of wire that was, 0 if it did not work.
func (u *unquoter) decode(wire []byte, more bool) int {
	u.rule = rule{}
	u.usual()
	u.settle(wire)
	n := u.parse(wire, more)
	if n == 0 || len(u.soft) > maxSoft {
		return 0
	}
	u.choose()
	limit := min(MaxLayout, len(u.stored)/8+minLayout)
	if !u.oddBytes(limit) {
		return 0
	}
	u.chooseBreaks(limit)
	u.layout = u.appendTo(u.layout[:0], u.odd, u.odds)
	if !u.oddLines(len(u.stored), limit) {
		return 0
	}
	return n
}

// settle finds how soft line breaks end and which case digits have.
func (u *unquoter) settle(wire []byte) {
	if i := bytes.Index(wire, []byte("=\n")); i >= 0 {
		if j := bytes.Index(wire, []byte("=\r\n")); j < 0 || i < j {
			u.head |= quotedLF
		}
	}
	for at := 0; ; {
		i := bytes.IndexByte(wire[at:], '=')
		if i < 0 || at+i+2 >= len(wire) {
			return
		}
		at += i + 1
		_, lower := unhex(wire[at:], "0123456789abcdef")
		_, upper := unhex(wire[at:], "0123456789ABCDEF")
		if lower && !upper {
			u.head |= quotedLower
		}
		if lower != upper {
			return
		}
	}
}

// unhex reads two digits.
func unhex(s []byte, digits string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, lo := strings.IndexByte(digits, s[0]), strings.IndexByte(digits, s[1])
	return byte(hi<<4 | lo&15), hi >= 0 && lo >= 0
}

// parse decodes wire. What is no soft break or escape as they are here stands for
// itself. With more it stops where a further byte could tell.
func (u *unquoter) parse(wire []byte, more bool) int {
	u.stored, u.soft = growTo(u.stored[:0], min(len(wire), MaxStored))[:0], u.soft[:0]
	u.esc = growTo(u.esc[:0], len(wire)/8+1)
	clear(u.esc)
	soft, hex := u.softBreak(), u.hex()
	column, at := 0, 0
	for at < len(wire) && len(u.stored) < MaxStored && len(u.soft) <= maxSoft {
		c := wire[at]
		if c == '=' {
			if more && at+3 > len(wire) {
				break
			}
			if b, ok := unhex(wire[at+1:], hex); ok {
				u.esc[len(u.stored)>>3] |= 1 << (len(u.stored) & 7)
				u.stored = append(u.stored, b)
				at, column = at+3, column+3
				continue
			}
			if bytes.HasPrefix(wire[at:], []byte(soft)) {
				u.soft = append(u.soft, int32(len(u.stored)))
				u.most = max(u.most, column)
				at, column = at+len(soft), 0
				continue
			}
		}
		u.stored = append(u.stored, c)
		at++
		if column++; c == '\n' {
			column = 0
		}
	}
	return at
}

func (u *unquoter) escaped(i int) bool { return u.esc[i>>3]>>(i&7)&1 != 0 }

// width is that of a stored byte as it was in the message.
func (u *unquoter) width(i int) int {
	if u.escaped(i) {
		return 3
	}
	return 1
}

// choose finds which bytes are escaped as a rule.
func (u *unquoter) choose() {
	var often [256]int
	var blank, dot, from int
	u.each(func(i int, first bool) {
		vote := 1
		if !u.escaped(i) {
			vote = -1
		}
		switch c := u.stored[i]; {
		case (c == ' ' || c == '\t') && i+1 < len(u.stored) && u.endsLine(u.stored, i+1):
			blank += vote
		case first && c == '.':
			dot += vote
		case first && c == 'F' && bytes.HasPrefix(u.stored[i:], []byte("From ")):
			from += vote
		default:
			often[c] += vote
		}
	})
	for c, n := range often {
		if n != 0 {
			u.escape[c] = n > 0
		}
	}
	if blank > 0 {
		u.head |= quotedBlank
	}
	if dot > 0 {
		u.head |= quotedDot
	}
	if from > 0 {
		u.head |= quotedFrom
	}
}

// each calls visit with every stored byte, and whether it begins a line.
func (u *unquoter) each(visit func(i int, first bool)) {
	next, first := 0, true
	for i := range u.stored {
		for next < len(u.soft) && int(u.soft[next]) == i {
			first = true
			next++
		}
		visit(i, first)
		first = u.stored[i] == '\n' && !u.escaped(i)
	}
}

// oddBytes lists the bytes that are not written by the rule, and tells whether they
// stay within the limit.
func (u *unquoter) oddBytes(limit int) bool {
	u.odd, u.odds = u.odd[:0], 0
	last := 0
	u.each(func(i int, first bool) {
		if len(u.odd) <= limit && u.escapes(u.stored, i, first) != u.escaped(i) {
			u.odd = binary.AppendUvarint(u.odd, uint64(i-last))
			u.odds++
			last = i + 1
		}
	})
	return len(u.odd) <= limit
}

// chooseBreaks finds the rule of soft line breaks that leaves the fewest odd lines in
// the first few thousand bytes.
func (u *unquoter) chooseBreaks(limit int) {
	const sample = 8 << 10
	best, few := u.head, 0
	for try, bits := range [...]int{quotedFit, quotedFit | quotedFit3, 0, quotedAtom, quotedFit | quotedFit3 | quotedAtom,
		quotedWord, quotedFit | quotedFit3 | quotedWord} {
		head := u.head
		u.head |= bits
		u.layout = u.layout[:0]
		u.oddLines(min(len(u.stored), sample), limit)
		if n := len(u.layout); try == 0 || n < few {
			best, few = u.head, n
		}
		u.head = head
		if few == 0 {
			break
		}
	}
	u.head = best
}

// oddLines adds the lines that do not end by the rule to the layout, as far as they
// begin in the first bytes, and tells whether it stays within the limit.
func (u *unquoter) oddLines(first, limit int) bool {
	next, last := 0, 0
	for i, line := 0, 0; len(u.layout) <= limit; line++ {
		stop := -1
		if next < len(u.soft) {
			stop = int(u.soft[next])
		}
		if i >= first && i != stop {
			break
		}
		end, odd := 0, false
		if i, end, odd = u.oddLine(i, stop); odd {
			u.layout = binary.AppendUvarint(binary.AppendUvarint(u.layout, uint64(line-last)), uint64(end))
			last = line + 1
		}
		if end > 0 {
			next++
		}
	}
	return len(u.layout) <= limit
}

// oddLine goes from i to the end of a line, which is a soft break if that comes first
// at stop. It tells the column of the soft break and 1, and whether the rule has
// another end.
func (u *unquoter) oddLine(i, stop int) (next, end int, odd bool) {
	column := 0
	for ; i < len(u.stored); i++ {
		width := u.width(i)
		if i == stop {
			// The rule comes to this byte before it begins a line.
			if u.escapes(u.stored, i, true) != u.escapes(u.stored, i, false) {
				width = 4 - width
			}
			return i, column + 1, odd || !u.breaks(u.stored, i, column, width)
		}
		odd = odd || u.breaks(u.stored, i, column, width)
		column += width
		if u.stored[i] == '\n' && width == 1 {
			return i + 1, 0, odd
		}
	}
	if i == stop {
		return i, column + 1, true
	}
	return i, 0, odd
}
