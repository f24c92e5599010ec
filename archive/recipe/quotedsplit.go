package recipe

import "bytes"

// unquoter takes quoted-printable apart. Its slices are used again from piece to piece.
type unquoter struct {
	rule
	stored  []byte
	escaped marks   // stored bytes that are escaped
	differ  marks   // those that are not written by the rule
	soft    []int32 // before which stored bytes soft line breaks are
	odd     []byte  // distances of odd bytes
	odds    int
	layout  []byte
}

// maxSoft is the most soft line breaks in a piece.
const maxSoft = 1 << 16

// decode takes the quoted-printable that wire begins with apart, as much as fits a
// piece, into stored bytes and a layout; more says that the part goes on behind wire.
// It returns how many bytes of wire that was, 0 if it did not work, or if that is not
// at least as many as gain more than the stored bytes.
func (u *unquoter) decode(wire []byte, more bool, gain int) int {
	u.rule = rule{}
	u.usual()
	u.settle(wire)
	n := u.parse(wire, more)
	if n == 0 || len(u.soft) > maxSoft || n-len(u.stored) < gain {
		return 0
	}
	u.choose()
	limit := min(MaxLayout, len(u.stored)/8+minLayout)
	if !u.oddBytes(limit) {
		return 0
	}
	none := u.chooseBreaks(limit)
	u.layout = u.appendTo(u.layout[:0], u.odd, u.odds)
	if !none && !u.oddLines(len(u.stored), limit) || len(u.layout) > limit {
		return 0
	}
	return n
}

// settle finds how soft line breaks end and which case digits have, by the first
// that tell.
func (u *unquoter) settle(wire []byte) {
	upper, lower := digitsOf("0123456789ABCDEF"), digitsOf("0123456789abcdef")
	ends, cases := false, false
	for at := 0; !ends || !cases; at++ {
		i := bytes.IndexByte(wire[at:], '=')
		if i < 0 {
			return
		}
		at += i
		switch s := wire[at+1:]; {
		case ends:
		case len(s) > 0 && s[0] == '\n':
			u.head |= quotedLF
			ends = true
		case len(s) > 1 && s[0] == '\r' && s[1] == '\n':
			ends = true
		}
		if s := wire[at+1:]; !cases && len(s) > 1 {
			isLower, isUpper := lower[s[0]]|lower[s[1]] < 16, upper[s[0]]|upper[s[1]] < 16
			if cases = isLower != isUpper; isLower && !isUpper {
				u.head |= quotedLower
			}
		}
	}
}

// digitsOf gives the values of hexadecimal digits, 16 for what is none.
func digitsOf(digits string) (values [256]uint8) {
	for c := range values {
		values[c] = 16
	}
	for i := range len(digits) {
		values[digits[i]] = uint8(i)
	}
	return values
}

// parse decodes wire. What is no soft break or escape as they are here stands for
// itself. With more it stops where a further byte could tell.
func (u *unquoter) parse(wire []byte, more bool) int {
	stored := growTo(u.stored[:0], min(len(wire), MaxStored))
	u.escaped, u.soft = u.escaped.cleared(len(stored)), u.soft[:0]
	soft, digits := u.softBreak(), digitsOf(u.hex())
	n, at, line := 0, 0, 0
	for at < len(wire) && n < len(stored) && len(u.soft) <= maxSoft {
		if wire[at] == '=' {
			if more && at+3 > len(wire) {
				break
			}
			if at+3 <= len(wire) {
				if hi, lo := digits[wire[at+1]], digits[wire[at+2]]; hi|lo < 16 {
					u.escaped.set(n)
					stored[n] = hi<<4 | lo
					n, at = n+1, at+3
					continue
				}
			}
			if bytes.HasPrefix(wire[at:], []byte(soft)) {
				line += bytes.LastIndexByte(wire[line:at], '\n') + 1
				u.soft, u.most = append(u.soft, int32(n)), max(u.most, at-line)
				at += len(soft)
				line = at
				continue
			}
		}
		// This byte, and what is up to the next '='.
		run := bytes.IndexByte(wire[at+1:], '=') + 1
		if run == 0 {
			run = len(wire) - at
		}
		run = copy(stored[n:], wire[at:at+run])
		n, at = n+run, at+run
	}
	u.stored = stored[:n]
	return at
}

// width is that of a stored byte as it was in the message.
func (u *unquoter) width(i int) int {
	if u.escaped.has(i) {
		return 3
	}
	return 1
}

// choose finds which bytes are escaped as a rule: each votes, those at the edges of
// lines apart from the others.
func (u *unquoter) choose() {
	u.expect()
	differ := u.differ.count(0, len(u.stored)) // bytes that are not as usual
	if differ == 0 {
		return
	}
	var often [256]int
	edge := func(i int) int {
		if u.differ.has(i) {
			differ--
		}
		often[u.stored[i]] -= u.vote(i)
		return u.vote(i)
	}
	var blank, dot, from int
	u.eachBlank(func(i int) { blank += edge(i) })
	u.eachFirst(func(i int) {
		switch c := u.stored[i]; {
		case c == '.':
			dot += edge(i)
		case c == 'F' && bytes.HasPrefix(u.stored[i:], []byte("From ")):
			from += edge(i)
		}
	})
	if blank > 0 {
		u.head |= quotedBlank
	}
	if dot > 0 {
		u.head |= quotedDot
	}
	if from > 0 {
		u.head |= quotedFrom
	}
	if differ > 0 {
		u.elect(&often)
	}
}

// elect adds the votes of all bytes to those given, and sets which bytes are escaped.
// Only bytes that differ somewhere can come to another result than the usual.
func (u *unquoter) elect(often *[256]int) {
	var differ [256]int
	for i := range u.differ.all() {
		differ[u.stored[i]]++
	}
	changed := false
	for c, n := range differ {
		if n == 0 {
			continue
		}
		votes := bytes.Count(u.stored, []byte{byte(c)}) - 2*n // as usual, less those that differ
		if u.escape[c] == 0 {
			votes = -votes
		}
		if votes += often[c]; votes != 0 && (votes > 0) != (u.escape[c] != 0) {
			u.escape[c] ^= 1
			changed = true
		}
	}
	if changed {
		u.expect()
	}
}

// vote is 1 for a byte that is escaped, and -1 for another.
func (u *unquoter) vote(i int) int { return u.width(i) - 2 }

// eachBlank calls visit with every blank before the end of a line. A line ends with
// CR LF, LF, or the end of the piece and a CR before it.
func (u *unquoter) eachBlank(visit func(i int)) {
	s := u.stored
	at := func(end int) {
		if end > 0 && s[end-1] == '\r' {
			end--
		}
		if end > 0 && end < len(s) && (s[end-1] == ' ' || s[end-1] == '\t') && u.endsLine(s, end) {
			visit(end - 1)
		}
	}
	for next := 0; ; next++ {
		i := bytes.IndexByte(s[next:], '\n')
		if i < 0 {
			at(len(s))
			return
		}
		next += i
		at(next)
	}
}

// eachFirst calls visit with every byte that begins a line, not in their order.
func (u *unquoter) eachFirst(visit func(i int)) {
	s := u.stored
	begins := func(i int) bool { return i == 0 || s[i-1] == '\n' && !u.escaped.has(i-1) }
	last := -1
	for _, i := range u.soft {
		if i := int(i); i != last && i < len(s) && !begins(i) {
			last = i
			visit(i)
		}
	}
	for i := 0; i < len(s); i++ {
		if begins(i) {
			visit(i)
		}
		end := bytes.IndexByte(s[i:], '\n')
		if end < 0 {
			return
		}
		i += end
	}
}
