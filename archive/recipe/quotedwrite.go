package recipe

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
	w.assort()
	if !w.fill(stored) {
		return errWire
	}
	if w.odd.bad || w.lines.bad || w.odds > 0 || w.nextOdd >= 0 || len(w.lines.b) > 0 || w.oddLine > w.line {
		return errLayout
	}
	if len(w.to) > 0 {
		return errWire
	}
	return nil
}

// kind is how a byte is written in the midst of a line.
type kind uint8

const (
	kindPlain  kind = iota // as it is
	kindEscape             // escaped
	kindBlank              // as it is, unless a line ends behind it or a word goes to the next
	kindOther              // it depends on more
)

// quotedWriter writes quoted-printable.
type quotedWriter struct {
	rule
	kinds   [256]kind
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

// assort finds the kinds of bytes.
func (w *quotedWriter) assort() {
	other := func(c byte, when bool, k kind) {
		if when && w.escape[c] == 0 {
			w.kinds[c] = k
		}
	}
	for c, escape := range w.escape {
		w.kinds[c] = kind(escape) // kindPlain or kindEscape
	}
	other('\t', w.head&quotedBlank != 0, kindBlank)
	other(' ', w.head&(quotedBlank|quotedWord) != 0, kindBlank)
	other('.', w.head&quotedDot != 0, kindOther)
	other('F', w.head&quotedFrom != 0, kindOther)
	other('\n', true, kindOther)
}

// fill writes the stored bytes, and tells whether there was room for them.
func (w *quotedWriter) fill(stored []byte) bool {
	for i := 0; !w.full; {
		i = w.run(stored, i)
		escaped := i < len(stored) && w.escapes(stored, i, w.at == 0) != (i == w.nextOdd)
		if w.breaks(stored, i, escaped) {
			w.text(w.softBreak())
			w.newLine()
		} else if i < len(stored) {
			w.put(stored[i], i, escaped)
			i++
		} else {
			return true
		}
	}
	return false
}

// free gives how many columns from here on are surely before the end of the line, and
// how many bytes there is room for.
func (w *quotedWriter) free() int {
	room := len(w.to)
	switch {
	case w.line != w.oddLine && w.head&quotedAtom != 0:
		return min(room, w.most-w.at-maxChar+3) // run leaves three columns, a character may need more
	case w.line != w.oddLine:
		return min(room, w.most-w.at)
	case w.at < w.end:
		return min(room, w.end-1-w.at)
	}
	return room
}

// run writes the bytes from i on that need no second look, and gives the place of the
// first that does. Of words that are not parted, it writes those that end in time. It
// does not stop behind a blank that is always escaped, where a word may have to go to the
// next line. That stays so, for what is written must come back: chooseBreaks has no such
// rule.
func (w *quotedWriter) run(s []byte, i int) int {
	words := w.head&quotedWord != 0
	if words && i > 0 && s[i-1] == ' ' {
		return i
	}
	if w.nextOdd >= 0 && w.nextOdd < len(s) {
		s = s[:w.nextOdd]
	}
	hex, to, n := w.hex(), w.to[:max(w.free(), 0)], 0
	word, column := -1, 0 // the last word, and the first column of it
loop:
	for ; i < len(s) && n+3 <= len(to); i++ {
		c := s[i]
		switch w.kinds[c] {
		case kindEscape:
			b := to[n : n+3 : n+3]
			b[0], b[1], b[2] = '=', hex[c>>4], hex[c&15]
			n += 3
			continue
		case kindBlank:
			if i+1 == len(s) || s[i+1] == '\r' || s[i+1] == '\n' {
				break loop
			}
			if words && c == ' ' {
				word, column = i+1, n+1
			}
		case kindOther:
			break loop
		}
		to[n] = c
		n++
	}
	if word >= 0 {
		i, n = word, column
	}
	w.to, w.at = w.to[n:], w.at+n
	return i
}

// nextLine reads which line at or behind this one is odd.
func (w *quotedWriter) nextLine(line int) {
	if w.oddLine = -1; len(w.lines.b) > 0 {
		w.oddLine, w.end = line+w.lines.uint(maxWire), w.lines.uint(maxWire)
	}
}

// breaks tells whether a soft line break comes before the byte at i, or at the end.
func (w *quotedWriter) breaks(s []byte, i int, escaped bool) bool {
	if w.line == w.oddLine {
		return w.end == w.at+1
	}
	if i == len(s) {
		return false
	}
	width := 1
	if escaped {
		width = 3
	}
	return w.rule.breaks(s, i, w.at, width)
}

// put writes a byte, which is at i.
func (w *quotedWriter) put(c byte, i int, escaped bool) {
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
