package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	headerSize     = 64
	plainVersion   = 1
	compactVersion = 2
	suffix         = ".seg"
	unfinished     = ".tmp" // behind the name of a file that is being made
	signature      = "DAYBOOK\n"
	diskCategory   = vfs.DiskWriteCategory("daybook-ledger")
)

// header is the decoded header of a segment.
type header struct {
	number   uint32
	id       identity
	prev     Position // end of the segment before
	firstSeq uint64
	group    uint32
	compact  bool // the segment was compacted: more stands behind this
}

// SegmentName is the file name of a segment.
func SegmentName(number uint32) string {
	return fmt.Sprintf("%010d%s", number, suffix)
}

func (h header) bytes() []byte {
	b := append(make([]byte, 0, headerSize), signature...)
	if h.compact {
		b = binary.BigEndian.AppendUint32(b, compactVersion)
	} else {
		b = binary.BigEndian.AppendUint32(b, plainVersion)
	}
	b = binary.BigEndian.AppendUint32(b, h.number)
	b = append(b, h.id[:]...)
	b = binary.BigEndian.AppendUint32(b, h.prev.Segment)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(h.prev.Offset))
	b = binary.BigEndian.AppendUint64(b, h.firstSeq)
	b = binary.BigEndian.AppendUint32(b, h.group)
	return binary.BigEndian.AppendUint32(b, crc(0, b))
}

var errHeader = errors.New("the segment's header is damaged")

// parseHeader reads a segment header.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || string(b[:8]) != signature ||
		binary.BigEndian.Uint32(b[60:]) != crc(0, b[:60]) {
		return header{}, errHeader
	}
	version := binary.BigEndian.Uint32(b[8:])
	if version != plainVersion && version != compactVersion {
		return header{}, fmt.Errorf("format version %d is newer than this program's %d", version, compactVersion)
	}
	h := header{
		number:   binary.BigEndian.Uint32(b[12:]),
		prev:     Position{binary.BigEndian.Uint32(b[32:]), int64(binary.BigEndian.Uint64(b[40:]))},
		firstSeq: binary.BigEndian.Uint64(b[48:]),
		group:    binary.BigEndian.Uint32(b[56:]),
		compact:  version == compactVersion,
	}
	copy(h.id[:], b[16:32])
	if h.prev.Segment != h.number-1 || binary.BigEndian.Uint32(b[36:]) != 0 || h.prev.Offset < 0 {
		return header{}, errHeader
	}
	return h, nil
}

// listSegments gives the numbers of the segments in the folder, ascending.
func listSegments(fs vfs.FS, dir string) ([]uint32, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var numbers []uint32
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err == nil && n > 0 && SegmentName(uint32(n)) == name {
			numbers = append(numbers, uint32(n))
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// removeUnfinished removes what a crash left of segment files that were being
// made. What cannot be removed does no harm but for its space.
func removeUnfinished(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, suffix+unfinished) {
			fs.Remove(fs.PathJoin(dir, name))
		}
	}
	return nil
}

// createSegment makes a segment file that holds its header, durably, and opens
// it. It replaces what an earlier, failed call may have left.
func createSegment(fs vfs.FS, dir string, h header) (vfs.File, error) {
	if err := writeFile(fs, dir, SegmentName(h.number), h.bytes()); err != nil {
		return nil, err
	}
	return openSegment(fs, dir, h.number)
}

// openSegment opens a segment for writing.
func openSegment(fs vfs.FS, dir string, number uint32) (vfs.File, error) {
	f, err := fs.OpenReadWrite(fs.PathJoin(dir, SegmentName(number)), diskCategory)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	return f, nil
}

// writeFile makes a file durably, whole or not at all: create under another
// name, write, fsync, close, rename, fsync the folder.
func writeFile(fs vfs.FS, dir, name string, data []byte) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+unfinished, diskCategory)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = fs.Rename(path+unfinished, path)
	}
	if err != nil {
		fs.Remove(path + unfinished)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}
