package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// MaxBody is the largest body of a record, in bytes.
const MaxBody = 32 << 20

const (
	frameSize  = 28
	magic0     = 0xDB
	magic1     = 0x4B
	flagLast   = 2
	callerBits = 0xF0
)

// Numbered is the flag of a record that takes the next sequence number.
const Numbered = 1

// Record is one record of the ledger.
type Record struct {
	// Type and the upper four bits of Flags are the caller's. With the flag
	// [Numbered] the record takes the next sequence number.
	Type  uint8
	Flags uint8
	// Seq is set by the ledger. In a record without [Numbered] it is the number
	// that the next numbered record takes.
	Seq  uint64
	Body []byte
	// Note travels with the record to Options.Apply and is not written. It is nil
	// when the record was read back.
	Note any
	// At is set by the ledger: where the record stands.
	At Location
}

// Location is the place of a record.
type Location struct {
	Segment uint32
	// Offset is that of the record's header in its segment.
	Offset int64
	// Length is that of the body.
	Length uint32
}

// End is the position behind the record.
func (l Location) End() Position {
	return Position{Segment: l.Segment, Offset: l.Offset + frameSize + int64(l.Length)}
}

// Position is a place between two records.
type Position struct {
	Segment uint32
	Offset  int64
}

// Before reports whether p lies before q.
func (p Position) Before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// identity is the archive's random name, mixed into every record's CRC.
type identity [16]byte

// frame is the decoded header of a record.
type frame struct {
	kind, flags uint8
	length      uint32
	bodyCRC     uint32
	seq         uint64
	group       uint32
}

// size is that of the record, header and body.
func (f frame) size() int64 { return frameSize + int64(f.length) }

func crc(seed uint32, p []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), p)
}

// seal is the CRC that binds a record header to its place.
func seal(id identity, segment uint32, offset int64, head []byte) uint32 {
	var place [12]byte
	binary.BigEndian.PutUint32(place[0:], segment)
	binary.BigEndian.PutUint64(place[4:], uint64(offset))
	return crc(crc(crc(0, id[:]), place[:]), head)
}

// appendTo appends the record header, as it stands at this place, to b.
func (f frame) appendTo(b []byte, id identity, segment uint32, offset int64) []byte {
	start := len(b)
	b = append(b, magic0, magic1, f.kind, f.flags)
	b = binary.BigEndian.AppendUint32(b, f.length)
	b = binary.BigEndian.AppendUint32(b, f.bodyCRC)
	b = binary.BigEndian.AppendUint64(b, f.seq)
	b = binary.BigEndian.AppendUint32(b, f.group)
	return binary.BigEndian.AppendUint32(b, seal(id, segment, offset, b[start:]))
}

// parseFrame reads a record header. It reports false unless the header is whole
// and was written for this place.
func parseFrame(head []byte, id identity, segment uint32, offset int64) (frame, bool) {
	if len(head) < frameSize || head[0] != magic0 || head[1] != magic1 {
		return frame{}, false
	}
	f := frame{
		kind:    head[2],
		flags:   head[3],
		length:  binary.BigEndian.Uint32(head[4:]),
		bodyCRC: binary.BigEndian.Uint32(head[8:]),
		seq:     binary.BigEndian.Uint64(head[12:]),
		group:   binary.BigEndian.Uint32(head[20:]),
	}
	sum := binary.BigEndian.Uint32(head[24:])
	if f.length > MaxBody || sum != seal(id, segment, offset, head[:24]) {
		return frame{}, false
	}
	return f, true
}

// record makes the record of this header and its body.
func (f frame) record(body []byte, at Location) Record {
	return Record{
		Type: f.kind, Flags: f.flags & (Numbered | callerBits), Seq: f.seq, Body: body, At: at,
	}
}
