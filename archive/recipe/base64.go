package recipe

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"daybook/archive/message"
)

// fillBase64 fills wire with what the stored bytes are in base64, laid out.
func fillBase64(wire, stored, layout []byte) error {
	var few [4]run
	runs, ends, err := parseLayout64(layout, len(stored), len(wire), few[:0])
	if err != nil {
		return err
	}
	if ends == nil && wholeQuanta(runs) {
		fillLines(wire, stored, runs)
		return nil
	}
	chars := 0
	for _, r := range runs {
		chars += r.chars * r.times
	}
	// The characters are written at the end, and moved to the front line by line.
	from := wire[len(wire)-chars:]
	if ends == nil {
		base64.StdEncoding.Encode(from, stored)
	} else {
		encodeAll(from, stored, ends)
	}
	for _, r := range runs {
		for range r.times {
			copy(wire, from[:r.chars])
			copy(wire[r.chars:], r.end)
			from, wire = from[r.chars:], wire[r.chars+len(r.end):]
		}
	}
	return nil
}

// wholeQuanta tells whether no quantum is parted by a line end.
func wholeQuanta(runs []run) bool {
	for _, r := range runs {
		if r.chars%4 != 0 {
			return false
		}
	}
	return true
}

// minPairs is from how many stored bytes on it is worth to make a table of pairs.
const minPairs = 16 << 10

// pairs are the two digits for twelve bits, the first one in the lower byte.
type pairs [1 << 12]uint16

func (p *pairs) fill() {
	for i := range p {
		p[i] = uint16(digits[i>>6]) | uint16(digits[i&63])<<8
	}
}

// fillLines fills wire with lines of whole quanta that are one encoding.
func fillLines(wire, stored []byte, runs []run) {
	var p pairs
	fast := len(stored) >= minPairs
	if fast {
		p.fill()
	}
	for _, r := range runs {
		for range r.times {
			size := min(r.chars/4*3, len(stored))
			if fast && len(wire) >= r.chars+slack && len(stored) >= size+slack {
				p.encode(wire[:r.chars+slack], stored[:size+slack], r.chars)
			} else {
				//lint:ignore SA1031 wire and stored are different memory
				base64.StdEncoding.Encode(wire[:r.chars], stored[:size])
			}
			copy(wire[r.chars:], r.end)
			wire, stored = wire[r.chars+len(r.end):], stored[size:]
		}
	}
}

// slack is how many bytes encode has more of what it reads and writes than it needs.
const slack = 8

// encode writes the first n digits, and at most seven more.
func (p *pairs) encode(to, from []byte, n int) {
	for ; n > 0 && len(to) >= 8 && len(from) >= 8; n -= 8 {
		v := binary.BigEndian.Uint64(from)
		binary.LittleEndian.PutUint64(to, uint64(p[v>>52])|uint64(p[v>>40&0xfff])<<16|uint64(p[v>>28&0xfff])<<32|uint64(p[v>>16&0xfff])<<48)
		to, from = to[8:], from[6:]
	}
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// encodeAll writes encodings one after the other.
func encodeAll(to, stored []byte, ends []ending) {
	for _, e := range ends {
		n := base64.RawStdEncoding.EncodedLen(e.stored)
		for range e.times {
			base64.RawStdEncoding.Encode(to, stored[:e.stored])
			if e.bits != 0 {
				last := strings.IndexByte(digits, to[n-1])
				to[n-1] = digits[byte(last)|e.bits]
			}
			for i := range e.pads {
				to[n+i] = '='
			}
			to, stored = to[n+e.pads:], stored[e.stored:]
		}
	}
}

// decoder takes base64 apart. Its slices are used again from piece to piece.
type decoder struct {
	chars  []byte // digits and padding, without line ends
	lines  []run
	stored []byte
	ends   []ending
	layout []byte
	quanta message.Quanta
	// ahead is how many characters are in lines that are alike, at the beginning, which
	// were decoded at once. They are not among chars.
	ahead int

	seen, before int // lines, and the characters in them, that lineAt has passed
}

// forget drops the line ends, which are of the message.
func (d *decoder) forget() {
	clear(d.lines[:cap(d.lines)])
}

// decode takes the base64 that wire begins with apart, as much as fits a piece, into
// stored bytes and a layout; more says that the part goes on behind wire. It
// returns how many bytes of wire that was, 0 if they are no base64, and whether more
// base64 may follow.
func (d *decoder) decode(wire []byte, more bool) (int, bool) {
	read, whole := d.gather(wire)
	more = whole && (more || read < len(wire))
	chars, ok := d.data(len(d.chars), more)
	if ok && chars < len(d.chars) && strings.IndexByte(digits, d.chars[chars]) < 0 {
		more = false
		chars, ok = d.data(d.cut(chars), false)
	}
	if !ok || len(d.stored) == 0 {
		return 0, false
	}
	if chars < len(d.chars) {
		read = d.trim(d.ahead + chars)
	}
	d.layout = appendLayout64(d.layout[:0], d.lines, d.ends)
	if len(d.layout) > min(MaxLayout, len(d.stored)/8+minLayout) {
		return 0, false
	}
	return read, more && chars+3 >= len(d.chars)
}

// mostChars is the most characters of a piece.
const mostChars = MaxStored / 3 * 4

// gather reads lines until there are as many characters as a piece can have, and
// tells how much of wire they are, and whether that was all there was room for.
func (d *decoder) gather(wire []byte) (int, bool) {
	d.lines = d.lines[:0]
	at := d.alike(wire)
	most := mostChars - d.ahead
	d.chars = growTo(d.chars[:0], min(len(wire)-at, most))[:0]
	for at < len(wire) && len(d.chars) < most {
		stop := len(wire)
		if i := bytes.IndexByte(wire[at:], '\n'); i >= 0 {
			stop = at + i + 1
		}
		end := stop
		for end > at && stop-end <= maxBlanks && isBlank(wire[end-1]) {
			end--
		}
		room := most - len(d.chars)
		if stop-end > maxBlanks || len(d.lines) > maxRuns {
			return at, false
		}
		if end-at > room {
			d.chars = append(d.chars, wire[at:at+room]...)
			d.line(room, nil)
			return at + room, true
		}
		stop = blankLines(wire, end, stop)
		d.chars = append(d.chars, wire[at:end]...)
		d.line(end-at, wire[end:stop])
		at = stop
	}
	return at, true
}

// alike decodes the lines of whole quanta that wire begins with, as far as they are as
// the first one is: those of nearly all base64. It tells how much of wire they are. The
// line that blanks follow is none of them.
func (d *decoder) alike(wire []byte) int {
	d.ahead, d.stored = 0, d.stored[:0]
	width, end := message.QuantaLine(wire[:min(len(wire), mostChars)])
	if width == 0 {
		return 0
	}
	size, line := width/4*3, width+len(end)
	most := min(mostChars/width, len(wire)/line)
	d.stored = growTo(d.stored, most*size)
	n := d.quanta.Lines(d.stored, wire[:most*line], width, end)
	if at := n * line; n > 0 && at < len(wire) && isBlank(wire[at]) {
		n--
	}
	d.ahead, d.stored = n*width, d.stored[:n*size]
	if n > 0 {
		d.lines = append(d.lines, run{width, wire[width:line], n})
	}
	return n * line
}

func isBlank(c byte) bool { return c == '\n' || c == '\r' || c == ' ' || c == '\t' }

// blankLines gives the end of the empty lines that follow a line which ends at stop,
// as far as they go into one line end that begins at end.
func blankLines(wire []byte, end, stop int) int {
	for i := stop; i < len(wire) && i-end < maxBlanks && isBlank(wire[i]); i++ {
		if wire[i] == '\n' {
			stop = i + 1
		}
	}
	return stop
}

// line notes a line.
func (d *decoder) line(chars int, end []byte) {
	if n := len(d.lines); n > 0 && d.lines[n-1].chars == chars && bytes.Equal(d.lines[n-1].end, end) {
		d.lines[n-1].times++
		return
	}
	d.lines = append(d.lines, run{chars, end, 1})
}

// data decodes the first n characters, up to the first that cannot be, whose place it
// returns; of a quantum that is not whole but goes on, with more, nothing. What was
// decoded ahead of them belongs to the first encoding.
func (d *decoder) data(n int, more bool) (int, bool) {
	ahead := d.ahead / 4 * 3
	d.stored, d.ends = growTo(d.stored[:ahead], ahead+n/4*3+3)[:ahead], d.ends[:0]
	d.seen, d.before = 0, -d.ahead
	at := 0
	if n == 0 && ahead > 0 {
		d.ends = append(d.ends, ending{stored: ahead, times: 1})
	}
	for at < n {
		stop := n
		if i := bytes.IndexByte(d.chars[at:n], '='); i >= 0 {
			stop = at + i
		}
		used, e := d.encoding(d.chars[at:stop], more && stop == n)
		at += used
		e.stored += ahead
		ahead = 0
		if at == stop {
			for e.pads = 0; at < n && d.chars[at] == '='; at++ {
				e.pads++
			}
		}
		if e.stored+e.pads > 0 && !d.ending(e) {
			return 0, false
		}
		if at < stop || at < n && !d.another(at) {
			return at, true
		}
	}
	return at, true
}

// encoding decodes digits up to the first byte that is none, and tells how many it
// has used.
func (d *decoder) encoding(s []byte, more bool) (int, ending) {
	to := d.stored[len(d.stored):cap(d.stored)]
	whole := d.quanta.Decode(to, s[:len(s)/4*4])
	n := whole / 4 * 3
	d.stored = d.stored[:len(d.stored)+n]
	e := ending{stored: n, times: 1}
	rest := s[whole:]
	if len(rest) >= 4 {
		return whole + d.quanta.Digits(rest), e
	}
	if more || len(rest) < 2 || d.quanta.Digits(rest) < len(rest) {
		return whole, e
	}
	n, err := base64.RawStdEncoding.Decode(to[n:], rest)
	if err != nil {
		return whole, e
	}
	d.stored = d.stored[:len(d.stored)+n]
	e.stored += n
	e.bits = byte(strings.IndexByte(digits, rest[len(rest)-1])) & e.spare()
	return len(s), e
}

// ending notes an encoding, and tells whether there is room for it.
func (d *decoder) ending(e ending) bool {
	if n := len(d.ends); n > 0 {
		last := &d.ends[n-1]
		if last.stored == e.stored && last.pads == e.pads && last.bits == e.bits {
			last.times++
			return true
		}
	}
	d.ends = append(d.ends, e)
	return len(d.ends) <= maxRuns
}

// another tells whether what follows padding is one more encoding. At the beginning
// of a line it may as well be a footer in clear text.
func (d *decoder) another(at int) bool {
	chars, column := d.lineAt(at)
	return column > 0 || chars%4 == 0
}

// lineAt gives the length of the line that a character is in, and its column. Calls
// must not go back.
func (d *decoder) lineAt(at int) (chars, column int) {
	for d.seen < len(d.lines) {
		r := d.lines[d.seen]
		if at-d.before < r.chars*r.times {
			return r.chars, (at - d.before) % r.chars
		}
		d.before += r.chars * r.times
		d.seen++
	}
	return 0, 0
}

// cut gives the place at which the base64 ends that goes wrong at some place: before
// that line, or behind padding in it. Only where nothing is left so it is that place.
func (d *decoder) cut(at int) int {
	_, column := d.lineAt(at)
	end := max(at-column, bytes.LastIndexByte(d.chars[:at], '=')+1)
	if d.ahead+end == 0 {
		return at
	}
	return end
}

// trim forgets the lines behind the first characters, and tells how many bytes of wire
// are left.
func (d *decoder) trim(chars int) int {
	wire := 0
	for i, r := range d.lines {
		if r.chars*r.times < chars {
			chars -= r.chars * r.times
			wire += (r.chars + len(r.end)) * r.times
			continue
		}
		d.lines = d.lines[:i]
		whole, rest := chars/r.chars, chars%r.chars
		if whole > 0 {
			d.lines = append(d.lines, run{r.chars, r.end, whole})
		}
		if rest > 0 {
			d.lines = append(d.lines, run{rest, nil, 1})
		}
		return wire + (r.chars+len(r.end))*whole + rest
	}
	return wire
}
