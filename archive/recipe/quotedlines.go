package recipe

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
)

// marks has a bit for each byte of a piece.
type marks []uint64

// cleared gives marks for n bytes, none of them set.
func (m marks) cleared(n int) marks {
	n = (n + 63) / 64
	m = slices.Grow(m[:0], n)[:n]
	clear(m)
	return m
}

func (m marks) has(i int) bool { return m[i>>6]>>(i&63)&1 != 0 }
func (m marks) set(i int)      { m[i>>6] |= 1 << (i & 63) }
func (m marks) flip(i int)     { m[i>>6] ^= 1 << (i & 63) }

// count tells how many are set from start up to end.
func (m marks) count(start, end int) int {
	if start >= end {
		return 0
	}
	first, last := start>>6, (end-1)>>6
	from, to := ^uint64(0)<<(start&63), ^uint64(0)>>(63-(end-1)&63)
	if first == last {
		return bits.OnesCount64(m[first] & from & to)
	}
	n := bits.OnesCount64(m[first]&from) + bits.OnesCount64(m[last]&to)
	for _, w := range m[first+1 : last] {
		n += bits.OnesCount64(w)
	}
	return n
}

// all gives those that are set, in order.
func (m marks) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range m {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// expect marks in u.differ the bytes that are not escaped as it is the rule for them
// wherever they are.
func (u *unquoter) expect() {
	u.differ = slices.Grow(u.differ[:0], len(u.escaped))[:len(u.escaped)]
	for i, w := range u.escaped {
		for at, c := range u.stored[min(i*64, len(u.stored)):min(i*64+64, len(u.stored))] {
			w ^= uint64(u.escape[c]) << at
		}
		u.differ[i] = w
	}
}

// oddBytes marks and lists the bytes that are not written by the rule, and tells
// whether they stay within the limit.
func (u *unquoter) oddBytes(limit int) bool {
	edge := func(i int) {
		if u.escape[u.stored[i]] == 0 {
			u.differ.flip(i)
		}
	}
	if u.head&quotedBlank != 0 {
		u.eachBlank(edge)
	}
	if u.head&(quotedDot|quotedFrom) != 0 {
		u.eachFirst(func(i int) {
			if c := u.stored[i]; (c == '.' || c == 'F') && u.escapes(u.stored, i, true) {
				edge(i)
			}
		})
	}
	u.odd, u.odds = u.odd[:0], 0
	last := 0
	for i := range u.differ.all() {
		u.odd = binary.AppendUvarint(u.odd, uint64(i-last))
		if u.odds++; len(u.odd) > limit {
			return false
		}
		last = i + 1
	}
	return true
}

// chooseBreaks finds the rule of soft line breaks that leaves the fewest odd lines in
// the first few thousand bytes, and tells whether it surely leaves none. Of rules that
// leave as many, it is the first.
func (u *unquoter) chooseBreaks(limit int) bool {
	const sample = 8 << 10
	rules := [...]int{quotedFit, quotedFit | quotedFit3, 0, quotedAtom, quotedFit | quotedFit3 | quotedAtom,
		quotedWord, quotedFit | quotedFit3 | quotedWord}
	head, best, few := u.head, 0, 0
	// Words come early: where they are kept together, the other rules then end soon.
	for n, try := range [...]int{0, 5, 1, 2, 3, 4, 6} {
		if rules[try]&quotedWord != 0 && u.escape[' '] != 0 {
			continue // a writer does not see where words begin, see quotedWriter.run
		}
		u.head = head | rules[try]
		u.layout = u.layout[:0]
		u.oddLines(min(len(u.stored), sample), limit)
		if odd := len(u.layout); n == 0 || odd < few || odd == few && try < best {
			best, few = try, odd
			limit = min(limit, few) // with more it is not the best
		}
		if best == 0 && few == 0 {
			break
		}
	}
	u.head = head | rules[best]
	return few == 0 && len(u.stored) <= sample
}

// oddLines adds the lines that do not end by the rule to the layout, as far as they
// begin in the first bytes, and tells whether it stays within the limit.
func (u *unquoter) oddLines(first, limit int) bool {
	next, last := 0, 0
	for i, number := 0, 0; len(u.layout) <= limit; number++ {
		stop := -1
		if next < len(u.soft) {
			stop = int(u.soft[next])
		}
		if i >= first && i != stop {
			break
		}
		l := u.line(i, stop)
		end := 0
		if l.soft {
			end = l.columns + 1
			next++
		}
		if u.isOdd(l) {
			u.layout = binary.AppendUvarint(binary.AppendUvarint(u.layout, uint64(number-last)), uint64(end))
			last = number + 1
		}
		i = l.end
	}
	return len(u.layout) <= limit
}

// line is a line of the message.
type line struct {
	start, end int  // its stored bytes
	columns    int  // how wide they are, line end included
	soft       bool // a soft break ends it
}

// line gives the line that begins at i. It ends with a soft break if that comes first
// at stop.
func (u *unquoter) line(i, stop int) line {
	l := line{start: i, end: len(u.stored), soft: stop >= 0}
	if l.soft {
		l.end = stop
	}
	for at := i; at < l.end; at++ {
		lf := bytes.IndexByte(u.stored[at:l.end], '\n')
		if lf < 0 {
			break
		}
		if at += lf; !u.escaped.has(at) {
			l.end, l.soft = at+1, false
		}
	}
	l.columns = l.end - i + 2*u.escaped.count(i, l.end)
	return l
}

// isOdd tells whether a line has not the soft break that it has by the rule.
func (u *unquoter) isOdd(l line) bool {
	if !l.soft {
		return u.parts(l)
	}
	i := l.end
	if i == len(u.stored) {
		return true
	}
	// The rule comes to this byte before it begins a line.
	width := u.width(i)
	if u.escapes(u.stored, i, true) != u.escapes(u.stored, i, false) {
		width = 4 - width
	}
	return !u.breaks(u.stored, i, l.columns, width) || u.parts(l)
}

// maxChar is the most columns of a character that is not parted.
const maxChar = 4 * 3

// parts tells whether the rule has a soft break within a line. Only the last bytes of
// a line can have one before them: what is within the columns has none.
func (u *unquoter) parts(l line) bool {
	free := u.most
	switch {
	case u.head&quotedAtom != 0:
		free -= maxChar
	case u.head&quotedWord == 0:
	case !l.soft && l.columns > u.most || u.differ.count(l.start, l.end) > 0:
		free = 0 // words may be wider by the rule than they are
	case l.soft && u.partsWord(l):
		return true
	}
	column := l.columns
	for i := l.end; i > l.start && column > free; {
		i--
		width := u.width(i)
		column -= width
		if u.breaks(u.stored, i, column, width) {
			return true
		}
	}
	return false
}

// partsWord tells whether the rule has a soft break before the last word of a line,
// which may go on in the next. The others end within the columns.
func (u *unquoter) partsWord(l line) bool {
	i := l.start + bytes.LastIndexByte(u.stored[l.start:l.end], ' ') + 1
	if i == l.start || i == l.end {
		return false
	}
	column := l.columns - (l.end - i) - 2*u.escaped.count(i, l.end)
	return u.breaks(u.stored, i, column, u.width(i))
}
