package message

import (
	"bytes"
	"iter"
)

// fieldList is what the header of a part says. Its lists are used again for the next one.
type fieldList struct {
	fields []field
	known  []knownField
	// strange are the lines that are no fields, and fields that not every reader takes
	// for one: they can be seen as text.
	strange []byte
	// tooLong tells that the header is above MaxHeader: then none of its fields is read,
	// and it counts as it stands.
	tooLong bool
	left    *allowance
	raw     []byte // the header, where the message is not in memory
	lines   []line // what is made of the fields
	// boundary is that of the Content-Type, when it is of the strict form.
	boundary string
}

// knownField is a field that counts by rules of its own.
type knownField struct {
	name  string // in lower case
	value []byte
}

// maxSpareFields is how many fields a list is kept for.
const maxSpareFields = 1000

// reset lets go of the message that the fields stand in.
func (h *fieldList) reset() {
	kept := fieldList{fields: h.fields[:0], known: h.known[:0], strange: h.strange[:0], raw: h.raw[:0], lines: h.lines[:0]}
	if cap(kept.fields)+cap(kept.known)+cap(kept.lines) > maxSpareFields || cap(kept.strange)+cap(kept.raw) > maxSpare {
		kept = fieldList{}
	}
	clear(kept.fields[:cap(kept.fields)])
	clear(kept.known[:cap(kept.known)])
	clear(kept.lines[:cap(kept.lines)])
	*h = kept
}

// header reads a header. It lasts until the next one is read.
func (d *identification) header(r Range) *fieldList {
	h := &d.head
	h.fields, h.known, h.strange, h.lines = h.fields[:0], h.known[:0], h.strange[:0], h.lines[:0]
	h.left, h.boundary = &d.left, ""
	if h.tooLong = r.End-r.Start > MaxHeader; h.tooLong {
		return h
	}
	raw := d.headerBytes(r)
	d.fences.text(raw)
	for len(raw) > 0 {
		text := fieldLines(raw)
		raw = raw[len(text):]
		h.add(text)
	}
	return h
}

// headerBytes gives the bytes of a header: those of the message when it is in memory.
func (d *identification) headerBytes(r Range) []byte {
	if d.in.whole && r.Start >= 0 && r.Start <= r.End && r.End <= d.in.size {
		if d.err == nil {
			d.err = d.ctx.Err()
		}
		return d.in.held[r.Start:r.End]
	}
	h := &d.head
	h.raw = h.raw[:0]
	for p := range d.pieces(r) {
		h.raw = append(h.raw, p...)
	}
	return h.raw
}

// pieces gives a range of the message piece by piece. Each lasts until the next one.
func (d *identification) pieces(r Range) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		to := min(r.End, d.in.size)
		for from := max(r.Start, 0); from < to && d.err == nil; {
			w := d.in.from(from, 1)
			if d.in.err != nil {
				d.err = d.in.err
				return
			}
			w = w[:min(int64(len(w)), to-from, windowSize)]
			if !yield(w) {
				return
			}
			from += int64(len(w))
			d.err = d.ctx.Err()
		}
	}
}

// add adds a field, with the lines that continue it.
func (h *fieldList) add(text []byte) {
	content := trimLineEnd(text)
	if len(content) == 0 {
		return
	}
	name, value, found := bytes.Cut(content, []byte(":"))
	plain := trimRightBlanks(name)
	isField := found && isFieldName(plain)
	if isField {
		h.fields = append(h.fields, field{plain, value})
		if known := knownName(plain); known != "" {
			h.known = append(h.known, knownField{known, value})
		}
	}
	if !isField || len(plain) < len(name) || hasHigh(plain) || isStrange(text) {
		h.strange = append(h.strange, text...)
	}
}

func trimRightBlanks(name []byte) []byte {
	for len(name) > 0 && (name[len(name)-1] == ' ' || name[len(name)-1] == '\t') {
		name = name[:len(name)-1]
	}
	return name
}

// knownName gives the name of a field that counts by rules of its own in lower case, and
// nothing for any other.
func knownName(name []byte) string {
	one := func(names ...string) string {
		for _, n := range names {
			if is(name, n) {
				return n
			}
		}
		return ""
	}
	switch len(name) {
	case 4:
		return one("from", "date")
	case 7:
		return one("subject")
	case 10:
		return one("message-id", "content-id")
	case 12:
		return one("content-type", "content-base")
	case 16:
		return one("content-location")
	case 19:
		return one("content-disposition", "content-description")
	case 25:
		return one("content-transfer-encoding")
	}
	return ""
}

// isStrange tells whether a field has what some readers take for the end of its line or
// of the header: a CR that is not the one of its line end, a NUL or a line of blanks.
func isStrange(text []byte) bool {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if bytes.IndexByte(text, 0) >= 0 {
		return true
	}
	for first := true; len(text) > 0; first = false {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if line = bytes.TrimSuffix(line, []byte("\r")); bytes.IndexByte(line, '\r') >= 0 || !first && len(bytes.TrimSpace(line)) == 0 {
			return true
		}
		text = rest
	}
	return false
}

// named gives the values of all fields of a known name, in their order.
func (h *fieldList) named(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, f := range h.known {
			if f.name == name && !yield(f.value) {
				return
			}
		}
	}
}

// only gives the value of the first field of a known name, and how many there are.
func (h *fieldList) only(name string) (value []byte, n int) {
	for v := range h.named(name) {
		if n++; n == 1 {
			value = v
		}
	}
	return value, n
}

// author gives the lines for the four fields of a header by which mail is known.
func (h *fieldList) author() (ids, from, date, subject []line) {
	h.lines = h.lines[:0]
	for v := range h.named("message-id") {
		h.lines = append(h.lines, idLine(canonicalID(v)))
	}
	a := len(h.lines)
	for v := range h.named("from") {
		h.lines = append(h.lines, fromLine(v, h.left))
	}
	b := len(h.lines)
	for v := range h.named("date") {
		h.lines = append(h.lines, dateLine(v))
	}
	c := len(h.lines)
	for v := range h.named("subject") {
		h.lines = append(h.lines, textLine("subject", v, h.left))
	}
	return h.lines[:a], h.lines[a:b], h.lines[b:c], h.lines[c:]
}
