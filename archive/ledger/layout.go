package ledger

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ends is what the two ends of a segment file tell. Only a compacted segment has
// something at its second end: a copy of what stands at the first.
type ends struct {
	size   int64 // of the file
	header header
	err    error // why there is no header
	// outline is that of a compacted segment. It is zero when both copies of it
	// are damaged, which header may survive.
	outline outline
	worn    []string // the copies that are damaged, and what became of that
	// failed is an error of the disk in reading any of this.
	failed error
}

// readEnds reads the headers of a segment file. With known set, and only then, a
// damaged header is looked for at the file's end: it must be this archive's.
func readEnds(f vfs.File, number uint32, id identity, known bool) (ends, error) {
	info, err := f.Stat()
	if err != nil {
		return ends{}, err
	}
	e := ends{size: info.Size()}
	b, err := readPart(f, 0, min(outlineSize, e.size))
	if err != nil {
		e.err, e.failed = err, err
	} else if e.header, e.err = parseHeader(b); e.err == nil && e.header.number != number {
		e.header, e.err = header{}, errHeader
	}
	switch {
	case e.err != nil && e.err != errHeader && e.failed == nil:
		return e, nil // a newer format
	case e.err == nil && !e.header.compact:
		return e, nil
	case e.err == nil:
		id, known = e.header.id, true
		if e.outline, err = parseOutline(b); err == nil {
			o, err := e.second(f, e.outline.size, number, id)
			if err == nil && o != e.outline {
				err = errHeader
			}
			if err != nil {
				e.worn = append(e.worn, fmt.Sprintf("the copy of the compacted segment's header at the file's end is damaged (%v)", err))
			}
			return e, nil
		}
	}
	if !known {
		return e, nil
	}
	o, err := e.second(f, e.size, number, id)
	switch {
	case err == nil:
		e.header, e.outline, e.err = o.header, o, nil
		e.worn = append(e.worn, "the compacted segment's header is damaged; its copy at the file's end is whole")
	case e.err == nil:
		e.worn = append(e.worn, "both copies of the compacted segment's header are damaged: its records cannot be found")
	}
	return e, nil
}

// second reads the copy of a compacted segment's header at the end of a file of
// this size.
func (e *ends) second(f io.ReaderAt, size int64, number uint32, id identity) (outline, error) {
	if size < outlineSize || size > e.size {
		return outline{}, errShort
	}
	b, err := readPart(f, size-outlineSize, outlineSize)
	if err != nil {
		e.failed = err
		return outline{}, err
	}
	o, err := parseOutline(b)
	if err == nil && (o.size != size || o.number != number || o.id != id) {
		err = errHeader
	}
	return o, err
}

var errShort = errors.New("the file is cut short")

// known reports whether the segment is compacted and its header was found.
func (e *ends) known() bool { return e.outline.size > 0 }

// reach is how far the file goes, as an offset of the segment: less than its end
// when the file is cut short.
func (e *ends) reach(f io.ReaderAt) int64 {
	o := e.outline
	switch {
	case !e.known():
		return e.size
	case e.size >= o.dataEnd():
		return o.end
	}
	extents, err := e.table(f, outlineSize)
	if err != nil {
		return 0 // without the first table nothing is found in what is left
	}
	for _, x := range extents {
		if e.size < x.at+x.size {
			return x.start + max(e.size-x.at, 0)
		}
	}
	return o.end
}

// readPart reads n bytes of a file, all of them.
func readPart(f io.ReaderAt, offset, n int64) ([]byte, error) {
	b := make([]byte, n)
	if got, err := f.ReadAt(b, offset); err != nil && (err != io.EOF || int64(got) < n) {
		return nil, err
	}
	return b, nil
}

// table reads one of the two tables of a compacted segment.
func (e *ends) table(f io.ReaderAt, offset int64) ([]extent, error) {
	n := e.outline.tableSize()
	if offset > e.size-n {
		return nil, errShort
	}
	b, err := readPart(f, offset, n)
	if err != nil {
		return nil, err
	}
	return e.outline.parseTable(b)
}

// layout tells where the bytes of a segment stand in its file.
type layout struct {
	ends
	extents []extent
	length  int64 // of the segment; the largest there is when the file does not tell
	// spoiled names the tables that were looked at and are damaged.
	spoiled []string
	// lost is why the extents may not be right; nil when they are.
	lost error
}

// readLayout finds the layout of a segment file. With both set, both tables of a
// compacted one are checked. When neither is whole the file is read as one that
// was never compacted: no record is found in it then, for none stands at its place.
func readLayout(f vfs.File, number uint32, id identity, both bool) (layout, error) {
	e, err := readEnds(f, number, id, true)
	if err != nil {
		return layout{}, err
	}
	m := layout{ends: e, extents: []extent{{size: math.MaxInt64}}, length: math.MaxInt64}
	if !e.known() {
		switch {
		case e.err != nil:
			m.lost = e.err
		case e.header.compact:
			m.lost = errHeader
		}
		return m, nil
	}
	found := false
	for i, offset := range []int64{outlineSize, e.outline.dataEnd()} {
		extents, err := e.table(f, offset)
		switch {
		case err == nil && !found:
			m.extents, m.length, found = extents, e.outline.end, true
		case err != nil:
			if err != errTable && err != errShort {
				m.failed = err
			}
			m.lost = err
			m.spoiled = append(m.spoiled, fmt.Sprintf("copy %d of the table of extents (bytes %d to %d of the file) cannot be used: %v",
				i+1, offset, offset+e.outline.tableSize(), err))
		}
		if found && !both {
			break
		}
	}
	if found {
		m.lost = nil
	}
	return m, nil
}

// mapped reports whether the extents are those of a compacted segment.
func (m *layout) mapped() bool { return m.known() && m.lost == nil }

// find gives the extent that holds the byte at this offset of the segment. It
// reports false when that byte was dropped.
func (m *layout) find(offset int64) (extent, bool) {
	i := search(m.extents, offset)
	if i == len(m.extents) || m.extents[i].start > offset {
		return extent{}, false
	}
	return m.extents[i], true
}

// wornDamage names a damaged copy of what a compacted segment's file says about
// itself. It concerns no record, so it is given the place of the header.
func wornDamage(number uint32, reason string) Damage {
	return Damage{Segment: number, Length: headerSize, Reason: reason}
}
