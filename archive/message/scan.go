package message

import (
	"bytes"
	"io"
	"slices"
)

// Bounds of a scan.
const (
	maxParts     = 10_000
	maxDepth     = 64        // of a part
	maxBoundary  = 1024      // bytes; RFC 2046 has 70
	maxDelimiter = 2048      // bytes of a delimiter's line, with the blanks behind it
	windowSize   = 256 << 10 // bytes
)

// fewParts is how many parts there are in most messages that have more than one.
const fewParts = 4

// Scan finds the parts of a message of size bytes in one pass. It never refuses one:
// what is odd about it is in [Structure.Flags]. The error is only that of reading r. A
// reader that has the method Bytes() []byte, giving all size bytes, is not copied;
// of any other, 256 KiB are held at a time, and what follows the last delimiter that
// can count is not read.
//
// Lines end with LF or CRLF; a CR alone ends none. A delimiter line belongs to the
// innermost multipart that has its boundary and is not closed, and ends all that stands
// in that one (RFC 2046 section 5.1.2). Text before the first delimiter of a multipart
// and behind its closing one is in its Body and in no part. Of parts beyond the bounds,
// 10,000 in all and 64 around one, the bytes belong to the leaf that is open there.
func Scan(r io.ReaderAt, size int64) (*Structure, error) {
	return scan(newInput(r, size, windowSize))
}

func scan(in input) (*Structure, error) {
	s := scanner{in: in}
	s.run()
	if s.in.err != nil {
		return nil, s.in.err
	}
	slices.Sort(s.flags)
	return &Structure{Parts: s.parts, Flags: s.flags}, nil
}

// scanner is a scan under way.
type scanner struct {
	in    input
	parts []Part
	flags []string
	open  []frame // the parts around the place that is read, the message first
	// marks has the place in open of the multipart that a boundary belongs to, and
	// first how many of them begin with a byte: most lines are told by that alone.
	marks  map[string]int
	first  [256]uint8
	fields bodyFields
}

// frame is a part whose end has not been found.
type frame struct {
	part     int
	boundary string // that still counts; empty: none
	hidden   int    // place in open of the multipart with the same boundary, -1: none
	filled   bool   // there are parts in it
}

func (s *scanner) flag(f string) {
	if !slices.Contains(s.flags, f) {
		s.flags = append(s.flags, f)
	}
}

func (s *scanner) run() {
	at := s.begin(0)
	for len(s.marks) > 0 {
		d, found := s.next(at)
		if !found {
			break
		}
		if len(s.parts) == maxParts && !d.closing {
			s.flag(FlagTooManyParts)
			break
		}
		s.end(d.level+1, d.start)
		if d.closing {
			s.forget(&s.open[d.level])
			at = place{d.end, false}
		} else {
			s.open[d.level].filled = true
			at = s.begin(d.end)
		}
	}
	s.end(0, s.in.size)
}

// place is where the next delimiter can be: on the line that begins at the offset, or
// behind the first line end from there on.
type place struct {
	off  int64
	line bool // a line begins there
}

// begin reads the header of the part that begins at start, of the message in it if it
// is one, and so on, and gives where their body begins.
func (s *scanner) begin(start int64) place {
	for {
		h := s.header(start)
		s.push(start, h)
		top := &s.parts[len(s.parts)-1]
		if top.Kind != PartMessage {
			return h.body
		}
		s.open[len(s.open)-1].filled = true
		if start = h.body.off; !h.body.line {
			// The header was broken off: the message in this part is empty.
			s.push(start, partHeader{body: h.body, mediaType: defaultType})
			return h.body
		}
	}
}

// push adds a part to the list and makes it the innermost one.
func (s *scanner) push(start int64, h partHeader) {
	p := Part{
		Parent: -1, Depth: len(s.open), MediaType: h.mediaType, Encoding: h.encoding, Attachment: h.attachment,
		Header: Range{start, h.body.off}, Body: Range{h.body.off, h.body.off},
	}
	if p.Depth > 0 {
		p.Parent = s.open[p.Depth-1].part
	}
	f := frame{part: len(s.parts), hidden: -1}
	if p.Kind = s.kind(h, p.Depth); p.Kind == PartMultipart {
		f.boundary = h.boundary
		if hidden, again := s.marks[h.boundary]; again {
			s.flag(FlagSameBoundary)
			f.hidden = hidden
		}
		if s.marks == nil {
			s.marks = make(map[string]int)
		}
		s.marks[h.boundary] = p.Depth
		s.first[h.boundary[0]]++
	}
	if s.parts == nil && p.Kind != PartLeaf {
		s.parts = make([]Part, 0, fewParts)
	}
	s.parts = append(s.parts, p)
	s.open = append(s.open, f)
}

// kind tells what a part is made of, as far as it is looked into.
func (s *scanner) kind(h partHeader, depth int) PartKind {
	kind := PartLeaf
	encoded := h.encoding == EncodingBase64 || h.encoding == EncodingQuotedPrintable
	switch {
	case isMultipart(h.mediaType) && h.boundary == "":
		s.flag(FlagNoBoundary)
	case isMultipart(h.mediaType):
		if kind = PartMultipart; encoded {
			s.flag(FlagEncodedMultipart)
		}
	case isMessage(h.mediaType) && encoded:
		s.flag(FlagEncodedMessage)
	case isMessage(h.mediaType):
		kind = PartMessage
	}
	switch {
	case kind == PartLeaf:
	case depth == maxDepth:
		s.flag(FlagTooDeep)
		return PartLeaf
	case len(s.parts) >= maxParts-1:
		s.flag(FlagTooManyParts)
		return PartLeaf
	}
	return kind
}

// end ends the open parts from the given place on. A multipart in which no part was
// found is a leaf.
func (s *scanner) end(from int, off int64) {
	for i := len(s.open) - 1; i >= from; i-- {
		f := &s.open[i]
		p := &s.parts[f.part]
		p.Body.End = off
		if p.Kind == PartMultipart && !f.filled {
			s.flag(FlagNoParts)
			p.Kind = PartLeaf
		} else if f.boundary != "" {
			s.flag(FlagUnclosed)
		}
		s.forget(f)
	}
	s.open = s.open[:from]
}

// forget makes the boundary of a multipart count no more.
func (s *scanner) forget(f *frame) {
	if f.boundary == "" {
		return
	}
	if f.hidden >= 0 {
		s.marks[f.boundary] = f.hidden
	} else {
		delete(s.marks, f.boundary)
	}
	s.first[f.boundary[0]]--
	f.boundary = ""
}

// delimiter is a delimiter line (RFC 2046 section 5.1.1).
type delimiter struct {
	level   int   // place of its multipart among the open parts
	start   int64 // of the line end before it, which is part of it
	end     int64 // where its line ends; of the closing one, where the last hyphen is
	closing bool
}

// next finds the next delimiter line from a place on.
func (s *scanner) next(at place) (delimiter, bool) {
	if at.line {
		if d, ok := s.delimiter(at.off, at.off); ok {
			return d, true
		}
	}
	for off := at.off; ; {
		w := s.in.from(off, 4)
		i := s.candidate(w)
		if i < len(w) {
			if d, ok := s.delimiter(off+int64(i)+1, at.off); ok {
				return d, true
			}
			off += int64(i) + 1
			continue
		}
		if len(w) < 4 || s.in.atEnd(off, w) {
			return delimiter{}, false
		}
		off += int64(len(w) - 3)
	}
}

// candidate finds a line end, two hyphens and the first byte of a boundary that counts,
// and gives len(w) when they are not there. It looks for the hyphen first: it is rarer
// than a line end, and no base64 has one.
func (s *scanner) candidate(w []byte) int {
	for i := 1; i < len(w)-2; {
		n := bytes.IndexByte(w[i:len(w)-2], '-')
		if n < 0 {
			break
		}
		if i += n; w[i-1] == '\n' && w[i+1] == '-' && s.first[w[i+2]] > 0 {
			return i - 1
		}
		if n = bytes.IndexByte(w[i:], '\n'); n < 0 {
			break
		}
		i += n + 1
	}
	return len(w)
}

// delimiter reads the line that begins at off as a delimiter of one of the open
// multiparts. The line end before it reaches back to floor at most.
func (s *scanner) delimiter(off, floor int64) (delimiter, bool) {
	if w := s.in.from(off, 3); len(w) < 3 || w[0] != '-' || w[1] != '-' || s.first[w[2]] == 0 {
		return delimiter{}, false
	}
	line := s.in.line(off, maxDelimiter)
	if s.in.err != nil || len(line) == maxDelimiter && line[maxDelimiter-1] != '\n' {
		return delimiter{}, false
	}
	text := trimBlanks(line)[2:]
	d := delimiter{level: -1, end: off + int64(len(line))}
	if level, ok := s.marks[string(text)]; ok {
		d.level = level
	}
	if inner, ok := bytes.CutSuffix(text, []byte("--")); ok {
		if level, ok := s.marks[string(inner)]; ok && level > d.level {
			d.level, d.closing, d.end = level, true, off+int64(2+len(text))
		}
	}
	if d.level < 0 {
		return d, false
	}
	d.start = s.in.lineEnd(off, floor)
	return d, true
}

func trimBlanks(line []byte) []byte { return bytes.TrimRight(line, " \t\r\n") }
