package ledger

import (
	"bytes"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// roomRule says when room is made.
type roomRule struct {
	size  int64 // how many zeros are written behind a group at a time
	small int64 // the most that a small group has, in bytes
	after int   // how many small groups come in a row before room is made for more
}

// usualRoom is the rule where nothing else is said: none is made where it cannot be cut
// off again.
func usualRoom(fs vfs.FS) roomRule {
	if fs != vfs.Default {
		return roomRule{small: -1}
	}
	return roomRule{size: 128 << 10, small: 8 << 10, after: 8}
}

// room is zeros behind the end of a segment's file, where the next groups will stand.
// A file that does not grow is synced in half of the time, and without a commit of the
// file system's journal, which may have to wait for what others write. As it has each
// byte written twice, it is for small groups only, and the most of their time is the sync.
type room struct {
	rule  roomRule
	end   int64  // of the file, as far as it is known; 0: there is no room
	small int    // small groups in a row
	zeros []byte // a block of them
}

// makeRoom writes room for the next groups behind one that ends here, when that has used
// up what there was. An error does no harm: there is no room then.
func (w *writer) makeRoom(end, size int64) {
	r := &w.room
	if size > r.rule.small {
		r.small = 0
		return
	}
	if r.small++; r.small < r.rule.after || end <= r.end || end+r.rule.size > w.limit {
		return
	}
	if r.zeros == nil {
		r.zeros = make([]byte, blockSize)
	}
	// Block by block: what is written at once the kernel may keep in one piece, and count
	// all of it as written when a part is.
	for at := end; at < end+r.rule.size; {
		n := min(blockSize-at%blockSize, end+r.rule.size-at)
		if _, err := w.f.WriteAt(r.zeros[:n], at); err != nil {
			r.end, r.small = 0, 0
			return
		}
		at += n
	}
	r.end = end + r.rule.size
}

// cutRoom has the file end where the last group does. It need not succeed.
func (w *writer) cutRoom() {
	if w.room.end > w.mark.Offset && w.fs == vfs.Default {
		_ = os.Truncate(w.fs.PathJoin(w.dir, SegmentName(w.mark.Segment)), w.mark.Offset)
	}
	w.room.end = 0
}

// isRoom tells whether nothing but zeros stands in a segment's file from offset on.
func (l *Ledger) isRoom(segment uint32, offset int64) bool {
	f, err := l.fs.Open(l.fs.PathJoin(l.dir, SegmentName(segment)))
	if err != nil {
		return false
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buf, offset)
		if len(bytes.TrimLeft(buf[:n], "\x00")) > 0 {
			return false
		}
		if offset += int64(n); err != nil {
			return err == io.EOF
		}
	}
}
