package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// input reads a message a window at a time. The first error of its reader stays in err,
// and from then on there is nothing more to read.
type input struct {
	r      io.ReaderAt
	size   int64
	window int    // bytes that are read at a time, as a rule
	base   int64  // offset of held
	held   []byte // what has been read
	whole  bool   // that is all of the message, which is in memory
	buf    []byte
	err    error
}

// before is how much is held before the place that is read: a line end.
const before = 2

func newInput(r io.ReaderAt, size int64, window int) input {
	in := input{r: r, size: max(size, 0), window: window}
	if m, ok := r.(interface{ Bytes() []byte }); ok {
		if all := m.Bytes(); int64(len(all)) == in.size {
			in.held, in.whole = all, true
		}
	}
	return in
}

// from gives the bytes from off on, as many as are held, and at least n where the
// message has so many. They last until the next call.
func (in *input) from(off int64, n int) []byte {
	n = int(min(int64(n), in.size-off))
	if off < in.base || off+int64(n) > in.base+int64(len(in.held)) {
		in.fill(off, n)
	}
	if in.err != nil {
		return nil
	}
	return in.held[off-in.base:]
}

// fill reads on from off, n bytes or more.
func (in *input) fill(off int64, n int) {
	if in.err != nil {
		return
	}
	start := max(off-before, 0)
	total := int(min(max(int64(in.window), off-start+int64(n)), in.size-start))
	var kept []byte
	if start >= in.base && start < in.base+int64(len(in.held)) {
		kept = in.held[start-in.base:]
	}
	if total = max(total, len(kept)); total > cap(in.buf) {
		in.buf = make([]byte, total)
	}
	in.buf = in.buf[:total]
	have := copy(in.buf, kept)
	if got, err := in.r.ReadAt(in.buf[have:], start+int64(have)); got < total-have {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		in.err = fmt.Errorf("reading the message from byte %d of %d: %w", start+int64(have+got), in.size, err)
		return
	}
	in.base, in.held = start, in.buf
}

// atEnd tells that the bytes w, which begin at off, are the last ones.
func (in *input) atEnd(off int64, w []byte) bool {
	return in.err != nil || off+int64(len(w)) >= in.size
}

// line gives the bytes from off on up to the next line end, with it, at most limit.
func (in *input) line(off int64, limit int) []byte {
	for seen := 0; ; {
		w := in.from(off, seen+1)
		part := w[:min(len(w), limit)]
		if i := bytes.IndexByte(part[min(seen, len(part)):], '\n'); i >= 0 {
			return part[:seen+i+1]
		}
		if len(part) == limit || in.atEnd(off, w) {
			return part
		}
		seen = len(part)
	}
}

// lineEnd gives where the line end begins that stands before off, or floor where that
// is later. What stands before off has been read just now.
func (in *input) lineEnd(off, floor int64) int64 {
	from := max(off-before, floor)
	switch w := in.from(from, int(off-from)); {
	case in.err != nil || from == off:
	case off-from == 2 && w[0] == '\r' && w[1] == '\n':
		return off - 2
	case w[off-from-1] == '\n':
		return off - 1
	}
	return off
}
