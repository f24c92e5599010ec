package recipe

import (
	"bytes"
	"encoding/binary"
)

// run is a number of lines that are alike: base64 digits and padding, then blanks and
// line ends.
type run struct {
	chars int    // digits and padding in a line
	end   []byte // what follows them
	times int    // how many such lines there are
}

// ending is a number of encodings, one after the other, that are alike.
type ending struct {
	stored int  // bytes in each
	pads   int  // how many '=' follow its last digit
	bits   byte // the bits of the last digit that are no data
	times  int  // how many such encodings there are
}

// Bits of the first byte of a base64 layout.
const (
	line64CRLF = 0      // lines end with CR LF,
	line64LF   = 1      // with LF,
	line64Own  = 2      // with bytes that follow: length, bytes
	line64List = 3      // lines are listed
	line64Mask = 3      //
	tail64None = 0      // nothing behind the last line,
	tail64Line = 1 << 2 // the line end of the others,
	tail64Own  = 2 << 2 // or bytes that follow: length, bytes
	tail64Mask = 3 << 2 //
	column64   = 1 << 4 // the first line begins at a column, which follows
	endings64  = 1 << 5 // encodings are listed
	unknown64  = 0xc0   //
	maxBlanks  = 64     // the most bytes between two lines
	maxRuns    = MaxLayout / 3
)

// canonical tells whether the encodings are one as RFC 4648 section 4 has it.
func canonical(e []ending) bool {
	return len(e) == 0 || len(e) == 1 && e[0].times == 1 && e[0].bits == 0 && e[0].pads == (3-e[0].stored%3)%3
}

// appendLayout64 writes a base64 layout. It depends on nothing but the lines and
// encodings.
func appendLayout64(b []byte, runs []run, ends []ending) []byte {
	head := len(b)
	b = append(b, 0)
	if !canonical(ends) {
		b[head] |= endings64
		b = appendEndings(b, ends)
	}
	width, column, ok := uniform(runs)
	if !ok {
		b[head] |= line64List
		return appendRuns(b, runs)
	}
	b = binary.AppendUvarint(b, uint64(width))
	if column > 0 {
		b[head] |= column64
		b = binary.AppendUvarint(b, uint64(column))
	}
	end, tail := runs[0].end, runs[len(runs)-1].end
	if len(runs) == 1 && runs[0].times == 1 {
		end = tail // one line: its end is the end of lines
		if len(end) == 0 {
			end = []byte("\r\n")
		}
	}
	switch string(end) {
	case "\r\n":
		b[head] |= line64CRLF
	case "\n":
		b[head] |= line64LF
	default:
		b[head] |= line64Own
		b = appendBytes(b, end)
	}
	switch {
	case len(tail) == 0:
	case bytes.Equal(tail, end):
		b[head] |= tail64Line
	default:
		b[head] |= tail64Own
		b = appendBytes(b, tail)
	}
	return b
}

// appendEndings writes a list of encodings.
func appendEndings(b []byte, ends []ending) []byte {
	b = binary.AppendUvarint(b, uint64(len(ends)))
	for _, e := range ends {
		b = binary.AppendUvarint(b, uint64(e.stored))
		b = binary.AppendUvarint(b, uint64(e.pads)<<4|uint64(e.bits))
		b = binary.AppendUvarint(b, uint64(e.times))
	}
	return b
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendRuns writes a list of lines. A line end is given by its place among those
// that were there before: none, CR LF and LF at first.
func appendRuns(b []byte, runs []run) []byte {
	ends := [][]byte{nil, []byte("\r\n"), []byte("\n")}
	for _, r := range runs {
		b = binary.AppendUvarint(b, uint64(r.chars))
		b = binary.AppendUvarint(b, uint64(r.times))
		i := 0
		for i < len(ends) && !bytes.Equal(ends[i], r.end) {
			i++
		}
		b = binary.AppendUvarint(b, uint64(i))
		if i == len(ends) {
			b = appendBytes(b, r.end)
			if len(ends) < maxEnds {
				ends = append(ends, r.end)
			}
		}
	}
	return b
}

// maxEnds bounds the line ends that a list of lines refers to.
const maxEnds = 64

// uniform tells whether all lines have one width and end, but for a shorter first
// one, which began at a column in a line, and a last one of any end.
func uniform(runs []run) (width, column int, ok bool) {
	for _, r := range runs {
		width = max(width, r.chars)
	}
	last := len(runs) - 1
	for i, r := range runs {
		switch {
		case r.chars == 0:
			return 0, 0, false
		case i == last && r.times == 1:
		case len(r.end) == 0 || !bytes.Equal(r.end, runs[0].end):
			return 0, 0, false
		case r.chars == width:
		case i == 0 && r.times == 1:
			column = width - r.chars
		default:
			return 0, 0, false
		}
	}
	return width, column, len(runs) > 0
}

// reader reads a layout. What it reads after an error is zero.
type reader struct {
	b   []byte
	bad bool
}

// uint reads a number of at most limit.
func (r *reader) uint(limit int) int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(limit) {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// bytes reads a length of at most limit and as many bytes.
func (r *reader) bytes(limit int) []byte {
	n := r.uint(limit)
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// parseLayout64 reads a base64 layout for stored bytes. The sums of what it returns
// are checked: the lines have as many characters as the encodings, and with their
// ends are wire bytes.
func parseLayout64(layout []byte, stored, wire int, runs []run) ([]run, []ending, error) {
	r := reader{b: layout}
	head := byte(r.uint(0x7f))
	if head&unknown64 != 0 || head&tail64Mask == tail64Mask ||
		head&line64Mask == line64List && head&(tail64Mask|column64) != 0 {
		return nil, nil, errLayout
	}
	var ends []ending
	chars := (stored + 2) / 3 * 4
	if head&endings64 != 0 {
		if ends, chars = r.endings(stored); r.bad {
			return nil, nil, errLayout
		}
	}
	if head&line64Mask == line64List {
		runs = r.runs(runs)
	} else {
		runs = r.uniform(head, chars, runs)
	}
	if r.bad || len(r.b) > 0 {
		return nil, nil, errLayout
	}
	digits, total := 0, 0
	for _, l := range runs { // at most MaxLayout, each of at most wire bytes
		if l.times > wire/max(l.chars+len(l.end), 1) {
			return nil, nil, errWire
		}
		digits += l.chars * l.times
		total += (l.chars + len(l.end)) * l.times
	}
	if digits != chars || total != wire {
		return nil, nil, errWire
	}
	return runs, ends, nil
}

// endings reads the list of encodings, which hold the stored bytes together, and
// tells how many characters they have.
func (r *reader) endings(stored int) (ends []ending, chars int) {
	n := r.uint(maxRuns)
	for range n {
		e := ending{stored: r.uint(MaxStored)}
		tail := r.uint(maxWire)
		e.pads, e.bits = tail>>4, byte(tail&15)
		e.times = r.uint(maxWire)
		each := (e.stored*8+5)/6 + e.pads
		if r.bad || each == 0 || e.times > maxWire/each || e.times*e.stored > stored || e.bits > e.spare() {
			r.bad = true
			return nil, 0
		}
		stored -= e.times * e.stored
		if chars += e.times * each; chars > maxWire {
			r.bad = true
			return nil, 0
		}
		ends = append(ends, e)
	}
	r.bad = r.bad || stored != 0
	return ends, chars
}

// spare is the bits of an encoding's last digit that are no data, all set.
func (e ending) spare() byte {
	return [3]byte{0, 15, 3}[e.stored%3]
}

// runs reads a list of lines.
func (r *reader) runs(to []run) []run {
	ends := [][]byte{nil, []byte("\r\n"), []byte("\n")}
	for len(r.b) > 0 {
		l := run{chars: r.uint(maxWire), times: r.uint(maxWire)}
		if i := r.uint(len(ends)); i < len(ends) {
			l.end = ends[i]
		} else {
			l.end = r.bytes(maxBlanks)
			if len(ends) < maxEnds {
				ends = append(ends, l.end)
			}
		}
		if r.bad || l.chars+len(l.end) == 0 {
			r.bad = true
			return nil
		}
		to = append(to, l)
	}
	return to
}

// uniform reads a layout of lines that are alike, as the lines of that many
// characters.
func (r *reader) uniform(head byte, chars int, to []run) []run {
	width, column := r.uint(maxWire), 0
	if head&column64 != 0 {
		column = r.uint(maxWire)
	}
	end := []byte("\r\n")
	switch head & line64Mask {
	case line64LF:
		end = end[1:]
	case line64Own:
		end = r.bytes(maxBlanks)
	}
	var tail []byte
	switch head & tail64Mask {
	case tail64Line:
		tail = end
	case tail64Own:
		tail = r.bytes(maxBlanks)
	}
	if r.bad || width == 0 || column >= width {
		r.bad = true
		return nil
	}
	if first := width - column; column > 0 && chars > first {
		to = append(to, run{first, end, 1})
		chars -= first
	}
	if whole := (chars - 1) / width; chars > 0 && whole > 0 {
		to = append(to, run{width, end, whole})
		chars -= whole * width
	}
	return append(to, run{chars, tail, 1})
}
