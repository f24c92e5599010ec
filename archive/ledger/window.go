package ledger

import (
	"bytes"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// windowSize is how much of a segment is read at once when it is scanned.
	windowSize = 1 << 20
	// blockSize is how much is given up where the disk gives an error.
	blockSize = 4096
)

// window reads a segment file front to back through one buffer. Its offsets are
// those of the segment, whatever stands where in the file.
type window struct {
	layout
	f       vfs.File
	segment uint32
	bound   int64 // of the segment: nothing is read behind it
	end     int64 // of the extent at hand, or bound
	shift   int64 // how far behind its place in the file a byte of the extent stands in the segment
	// tolerant has blocks that the disk does not give count as zeros.
	tolerant bool
	unread   error // why the last of them could not be read
	buf      []byte
	start    int64 // offset of buf[0] in the file
}

// openWindow opens a segment file at its first extent. The layout is that of the
// file opened: the segment may have been compacted since sp was made.
func openWindow(fs vfs.FS, dir string, sp span, id identity, tolerant bool) (*window, error) {
	return openWindowAt(fs, fs.PathJoin(dir, SegmentName(sp.number)), sp, id, tolerant)
}

// openWindowAt is openWindow for a segment file at any path.
func openWindowAt(fs vfs.FS, path string, sp span, id identity, tolerant bool) (*window, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	w := &window{f: f, segment: sp.number, bound: sp.end, tolerant: tolerant}
	w.layout, err = readLayout(f, sp.number, id, true)
	if err == nil && !tolerant {
		err = w.failed
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read the header: %w", err)
	}
	if len(w.extents) > 0 {
		w.enter(w.extents[0])
	}
	return w, nil
}

// enter turns to an extent: records are looked for in it only.
func (w *window) enter(x extent) {
	w.end, w.shift = min(x.end(), w.bound), x.start-x.at
}

// limit is where the bytes that count end in the file.
func (w *window) limit() int64 {
	if w.mapped() {
		return w.outline.dataEnd()
	}
	return w.bound
}

func (w *window) close() { w.f.Close() }

// at gives n bytes from offset on, fewer at the end. The bytes are good until
// the next call.
func (w *window) at(offset int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.end-offset))
	if n <= 0 {
		return nil, nil
	}
	at := offset - w.shift
	if i := at - w.start; i >= 0 && i+int64(n) <= int64(len(w.buf)) {
		return w.buf[i : i+int64(n)], nil
	}
	size := int(min(int64(max(n, windowSize)), w.limit()-at))
	if cap(w.buf) < size {
		w.buf = make([]byte, size)
	}
	w.buf, w.start = w.buf[:size], at
	got, err := w.f.ReadAt(w.buf, at)
	if err != nil && err != io.EOF && w.tolerant {
		w.unread = err
		got, err = w.salvage()
	}
	w.buf = w.buf[:got]
	if err != nil && err != io.EOF {
		w.buf = w.buf[:0]
		return nil, fmt.Errorf("read at %d: %w", offset, err)
	}
	return w.buf[:min(n, got)], nil
}

// salvage fills the buffer block by block, with zeros for those that cannot be
// read.
func (w *window) salvage() (int, error) {
	for i := 0; i < len(w.buf); {
		offset := w.start + int64(i)
		block := w.buf[i:min(i+blockSize-int(offset%blockSize), len(w.buf))]
		n, err := w.f.ReadAt(block, offset)
		if err == io.EOF {
			return i + n, nil
		}
		if err != nil {
			clear(block)
		}
		i += len(block)
	}
	return len(w.buf), nil
}

// head reads the record header at offset. It reports false unless one stands
// there, and the file is long enough for the record.
func (w *window) head(id identity, offset int64) (frame, bool, error) {
	b, err := w.at(offset, frameSize)
	if err != nil {
		return frame{}, false, err
	}
	f, ok := parseFrame(b, id, w.segment, offset)
	return f, ok && offset+f.size() <= w.end, nil
}

// record reads the record at offset. It reports false when no whole record
// stands there. The body is good until the next call.
func (w *window) record(id identity, offset int64) (frame, []byte, bool, error) {
	f, ok, err := w.head(id, offset)
	if !ok || err != nil {
		return frame{}, nil, false, err
	}
	both, err := w.at(offset, int(f.size()))
	if err != nil || len(both) < int(f.size()) {
		return f, nil, false, err
	}
	body := both[frameSize:]
	return f, body, crc(0, body) == f.bodyCRC, nil
}

// next finds the first whole record at or behind offset. The body of a damaged
// record is stepped over when its header is whole.
func (w *window) next(id identity, offset int64) (int64, frame, bool, error) {
	for {
		ahead, err := w.at(offset, windowSize/2)
		if err != nil || len(ahead) == 0 {
			return 0, frame{}, false, err
		}
		i := bytes.IndexByte(ahead, magic0)
		if i < 0 {
			offset += int64(len(ahead))
			continue
		}
		offset += int64(i)
		f, _, ok, err := w.record(id, offset)
		if ok || err != nil {
			return offset, f, ok, err
		}
		offset++
		if f.length > 0 {
			offset += f.size() - 1
		}
	}
}
