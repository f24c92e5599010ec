package ledger

import (
	"encoding/binary"
	"errors"
	"slices"
)

const (
	// outlineSize is that of a compacted segment's header.
	outlineSize = 96
	// extentSize is that of an extent in the table.
	extentSize = 16
	// sumSize is that of the table's CRC.
	sumSize = 4
)

// extent is a run of a segment's bytes that its file holds.
type extent struct {
	start int64 // in the segment
	at    int64 // in the file
	size  int64
}

// end is where the run ends in the segment.
func (x extent) end() int64 { return x.start + x.size }

// search gives the first extent that ends behind this offset of the segment.
func search(extents []extent, offset int64) int {
	i, _ := slices.BinarySearchFunc(extents, offset, func(x extent, offset int64) int {
		if x.end() <= offset {
			return -1
		}
		return 1
	})
	return i
}

// outline is the decoded header of a compacted segment.
type outline struct {
	header
	end   int64 // of the segment
	size  int64 // of the file
	count int64 // of the extents
}

// newOutline is the outline of a segment compacted to these extents. It sets
// where they stand in the file.
func newOutline(h header, end int64, extents []extent) outline {
	h.compact = true
	o := outline{header: h, end: end, count: int64(len(extents))}
	o.size = o.dataStart()
	for i := range extents {
		extents[i].at = o.size
		o.size += extents[i].size
	}
	o.size += o.dataStart()
	return o
}

// tableSize is that of the table with its CRC.
func (o outline) tableSize() int64 { return o.count*extentSize + sumSize }

// dataStart is where the kept bytes begin in the file.
func (o outline) dataStart() int64 { return outlineSize + o.tableSize() }

// dataEnd is where they end, and the second table begins.
func (o outline) dataEnd() int64 { return o.size - o.dataStart() }

func (o outline) bytes() []byte {
	b := o.header.bytes()
	b = binary.BigEndian.AppendUint64(b, uint64(o.end))
	b = binary.BigEndian.AppendUint64(b, uint64(o.size))
	b = binary.BigEndian.AppendUint64(b, uint64(o.count))
	b = binary.BigEndian.AppendUint32(b, 0)
	return binary.BigEndian.AppendUint32(b, crc(0, b))
}

// parseOutline reads the header of a compacted segment.
func parseOutline(b []byte) (outline, error) {
	h, err := parseHeader(b)
	if err != nil {
		return outline{}, err
	}
	if !h.compact || len(b) < outlineSize || binary.BigEndian.Uint32(b[92:]) != crc(0, b[:92]) {
		return outline{}, errHeader
	}
	o := outline{
		header: h,
		end:    int64(binary.BigEndian.Uint64(b[64:])),
		size:   int64(binary.BigEndian.Uint64(b[72:])),
		count:  int64(binary.BigEndian.Uint64(b[80:])),
	}
	const least = 2 * (outlineSize + sumSize)
	if binary.BigEndian.Uint32(b[88:]) != 0 || o.end < headerSize || o.size < least ||
		o.count < 0 || o.count > (o.size-least)/(2*extentSize) {
		return outline{}, errHeader
	}
	return o, nil
}

// table gives the extents as they stand in the file. Their CRC goes over the
// header too, so that no table is taken for another file's.
func (o outline) table(extents []extent) []byte {
	b := make([]byte, 0, o.tableSize())
	for _, x := range extents {
		b = binary.BigEndian.AppendUint64(b, uint64(x.start))
		b = binary.BigEndian.AppendUint64(b, uint64(x.size))
	}
	return binary.BigEndian.AppendUint32(b, crc(crc(0, o.bytes()), b))
}

var errTable = errors.New("the table of extents is damaged")

// parseTable reads a table of extents. They ascend, have a gap between them,
// hold at least a record header, and fill the file.
func (o outline) parseTable(b []byte) ([]extent, error) {
	if int64(len(b)) != o.tableSize() {
		return nil, errTable
	}
	rows, sum := b[:len(b)-sumSize], binary.BigEndian.Uint32(b[len(b)-sumSize:])
	if sum != crc(crc(0, o.bytes()), rows) {
		return nil, errTable
	}
	extents := make([]extent, 0, o.count)
	least, at := int64(headerSize), o.dataStart()
	for ; len(rows) > 0; rows = rows[extentSize:] {
		x := extent{
			start: int64(binary.BigEndian.Uint64(rows)), at: at, size: int64(binary.BigEndian.Uint64(rows[8:])),
		}
		if x.start < least || x.start > o.end || x.size < frameSize || x.size > o.end-x.start {
			return nil, errTable
		}
		extents = append(extents, x)
		least, at = x.end()+1, at+x.size
	}
	if at != o.dataEnd() {
		return nil, errTable
	}
	return extents, nil
}
