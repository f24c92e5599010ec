package recipe

import (
	"encoding/base64"
	"encoding/binary"
)

// fold is how base64 in a header field stands in lines (RFC 5322 section 2.2.3).
type fold struct {
	first int    // characters in the first line, '=' included
	width int    // and in those that follow; the last one has what is left
	by    string // what stands between lines; empty when there is one line
	twice bool   // the base64 is encoded as base64 again
}

// Bits of the first byte of the layout of folded base64, which is 0 for one line.
// foldTwice may stand before it.
const (
	foldMany   = 1 << 0 // there is more than one line
	foldLF     = 1 << 1 // lines end with LF instead of CR LF,
	foldTab    = 1 << 2 // and begin with a tab instead of a blank,
	foldBlanks = 3      // the bits from here on are how many blanks, the tab included; 0: what parts lines is given
	foldKnown  = 1<<7 - 1
	foldTwice  = foldLF
)

const (
	foldOfBlanks = "\r\n               "
	foldOfTab    = "\r\n\t              "
	maxFoldSmall = len(foldOfBlanks) - len("\r\n")
)

// appendFold writes a layout.
func appendFold(b []byte, f fold) []byte {
	if f.twice {
		b = append(b, foldTwice)
	}
	if f.by == "" {
		return append(b, 0)
	}
	head := foldHead(f.by)
	b = append(b, head)
	if head>>foldBlanks == 0 {
		b = appendBytes(b, []byte(f.by))
	}
	b = binary.AppendUvarint(b, uint64(f.first))
	return binary.AppendUvarint(b, uint64(f.width))
}

// foldHead gives the first byte of the layout of lines that are parted by something.
func foldHead(by string) byte {
	for _, kind := range [...]byte{0, foldLF, foldTab, foldLF | foldTab} {
		blanks := len(by) - len("\n")
		if kind&foldLF == 0 {
			blanks--
		}
		if blanks < 1 || blanks > maxFoldSmall {
			continue
		}
		if head := foldMany | kind | byte(blanks)<<foldBlanks; smallFold(head) == by {
			return head
		}
	}
	return foldMany
}

// smallFold is what parts lines by the first byte of a layout.
func smallFold(head byte) string {
	by := foldOfBlanks
	if head&foldTab != 0 {
		by = foldOfTab
	}
	by = by[:len("\r\n")+int(head>>foldBlanks)]
	if head&foldLF != 0 {
		by = by[1:]
	}
	return by
}

// readFold reads the layout that r begins with.
func (r *reader) readFold() (f fold) {
	head := byte(r.uint(foldKnown))
	if f.twice = head == foldTwice; f.twice {
		head = byte(r.uint(foldKnown))
	}
	switch {
	case head == 0:
		return f
	case head&foldMany == 0:
		r.bad = true
		return f
	case head>>foldBlanks == 0:
		f.by = string(r.bytes(maxBlanks))
		r.bad = r.bad || head != foldMany || f.by == ""
	default:
		f.by = smallFold(head)
	}
	f.first, f.width = r.uint(maxWire), r.uint(maxWire)
	r.bad = r.bad || f.first == 0 || f.width == 0
	return f
}

// chars is how many characters that many stored bytes are.
func (f fold) chars(stored int) int {
	n := base64.StdEncoding.EncodedLen(stored)
	if f.twice {
		n = base64.StdEncoding.EncodedLen(n)
	}
	return n
}

// wire is how many bytes of a message that many characters are.
func (f fold) wire(chars int) int {
	if f.by == "" || chars <= f.first {
		return chars
	}
	return chars + (chars-f.first+f.width-1)/f.width*len(f.by)
}

// CutFolded gives the layout that b begins with, of a piece in FormFolded of that many
// stored bytes, and how many bytes of the message the piece yields. It is false when b
// begins with none. What is behind the layout is not looked at.
func CutFolded(b []byte, stored int) (layout []byte, wire int64, ok bool) {
	if stored < 0 || stored > MaxStored {
		return nil, 0, false
	}
	r := reader{b: b}
	f := r.readFold()
	if r.bad {
		return nil, 0, false
	}
	n := f.wire(f.chars(stored))
	if n > maxWire {
		return nil, 0, false
	}
	end := len(b) - len(r.b)
	return b[:end:end], int64(n), true
}

// fillFolded fills wire with what the stored bytes are in base64, folded.
func fillFolded(wire, stored, layout []byte) error {
	r := reader{b: layout}
	f := r.readFold()
	if r.bad || len(r.b) > 0 {
		return errLayout
	}
	chars := f.chars(len(stored))
	if f.wire(chars) != len(wire) {
		return errWire
	}
	// The characters are written at the end, and moved to the front line by line.
	from := wire[len(wire)-chars:]
	if f.twice {
		stored = base64.StdEncoding.AppendEncode(nil, stored)
	}
	base64.StdEncoding.Encode(from, stored)
	if f.by == "" {
		return nil
	}
	n := min(f.first, chars)
	copy(wire, from[:n])
	for from, wire = from[n:], wire[n:]; len(from) > 0; from, wire = from[n:], wire[n:] {
		wire = wire[copy(wire, f.by):]
		n = min(f.width, len(from))
		copy(wire, from[:n])
	}
	return nil
}
