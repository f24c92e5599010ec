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

// window reads a segment file front to back through one buffer.
type window struct {
	f       vfs.File
	segment uint32
	end     int64 // nothing is read behind it
	// tolerant has blocks that the disk does not give count as zeros.
	tolerant bool
	failed   error // why the first of them could not be read
	buf      []byte
	start    int64 // offset of buf[0] in the file
}

func openWindow(fs vfs.FS, dir string, sp span) (*window, error) {
	f, err := fs.Open(fs.PathJoin(dir, SegmentName(sp.number)))
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	return &window{f: f, segment: sp.number, end: sp.end}, nil
}

func (w *window) close() { w.f.Close() }

// at gives n bytes from offset on, fewer at the end. The bytes are good until
// the next call.
func (w *window) at(offset int64, n int) ([]byte, error) {
	n = int(min(int64(n), w.end-offset))
	if n <= 0 {
		return nil, nil
	}
	if i := offset - w.start; i >= 0 && i+int64(n) <= int64(len(w.buf)) {
		return w.buf[i : i+int64(n)], nil
	}
	size := int(min(int64(max(n, windowSize)), w.end-offset))
	if cap(w.buf) < size {
		w.buf = make([]byte, size)
	}
	w.buf, w.start = w.buf[:size], offset
	got, err := w.f.ReadAt(w.buf, offset)
	if err != nil && err != io.EOF && w.tolerant {
		w.failed = err
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
