package archive

import (
	"encoding/binary"
	"hash/crc32"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markName is the file that says how far the ledger was acknowledged. The catalog says
// so too, as it was written out last. The file is written after each group, and never
// synced: the kernel keeps it when the process is killed, and whatever a power loss
// leaves of it, what it tells of had been synced before.
const markName = "mark"

// The file holds segment:4 offset:8 seq:8 group:4, big endian, and the CRC-32C of that.
const markSize = 4 + 8 + 8 + 4 + 4

// marker writes the mark. One that cannot be written is missed by nobody but whoever
// looks for a loss.
type marker struct{ f vfs.File }

func openMarker(fs vfs.FS, dir string) *marker {
	f, err := fs.OpenReadWrite(fs.PathJoin(dir, markName), vfs.DiskWriteCategory("daybook-mark"))
	if err != nil {
		return &marker{}
	}
	return &marker{f}
}

func (m *marker) write(mark ledger.Mark) {
	if m.f == nil {
		return
	}
	if _, err := m.f.WriteAt(encodeMark(mark), 0); err != nil {
		m.close()
	}
}

func (m *marker) close() {
	if m.f != nil {
		m.f.Close()
		m.f = nil
	}
}

func encodeMark(mark ledger.Mark) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, markSize), mark.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(mark.Offset))
	b = binary.BigEndian.AppendUint64(b, mark.Seq)
	b = binary.BigEndian.AppendUint32(b, mark.Group)
	return binary.BigEndian.AppendUint32(b, markSum(b))
}

func markSum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// decodeMark reads a mark; one that is damaged tells nothing.
func decodeMark(b []byte) (mark ledger.Mark, ok bool) {
	if len(b) != markSize || binary.BigEndian.Uint32(b[markSize-4:]) != markSum(b[:markSize-4]) {
		return mark, false
	}
	mark.Segment = binary.BigEndian.Uint32(b)
	mark.Offset = int64(binary.BigEndian.Uint64(b[4:]))
	mark.Seq = binary.BigEndian.Uint64(b[12:])
	mark.Group = binary.BigEndian.Uint32(b[20:])
	return mark, mark.Segment > 0 && mark.Offset >= 0 && mark.Seq > 0
}

// acknowledged is how far the ledger is known to have been acknowledged: by the
// catalog, up to known, or by the mark.
func acknowledged(fs vfs.FS, dir string, known ledger.Mark) ledger.Mark {
	f, err := fs.Open(fs.PathJoin(dir, markName))
	if err != nil {
		return known
	}
	defer f.Close()
	b := make([]byte, markSize)
	if n, _ := f.ReadAt(b, 0); n < markSize {
		return known
	}
	if mark, ok := decodeMark(b); ok && known.Before(mark.Position) {
		return mark
	}
	return known
}
