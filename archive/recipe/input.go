package recipe

import (
	"fmt"
	"io"
)

// input reads a message, without copying what is in memory.
type input struct {
	r    io.ReaderAt
	size int64
	all  []byte // the message, if it is in memory
	buf  []byte // what was read last, from start on
	from int64
}

// open turns to a message.
func (in *input) open(r io.ReaderAt, size int64) {
	*in = input{r: r, size: size, buf: in.buf[:0]}
	if m, ok := r.(interface{ Bytes() []byte }); ok {
		if all := m.Bytes(); int64(len(all)) == size {
			in.all = all
		}
	}
}

// at gives the bytes from start up to end, at most maxWire. They are valid until the
// next call.
func (in *input) at(start, end int64) ([]byte, error) {
	if in.all != nil {
		return in.all[start:end:end], nil
	}
	if start >= in.from && end <= in.from+int64(len(in.buf)) {
		return in.buf[start-in.from : end-in.from], nil
	}
	n, have := int(end-start), 0
	if start >= in.from && start < in.from+int64(len(in.buf)) {
		have = copy(in.buf, in.buf[start-in.from:])
	}
	in.buf = growTo(in.buf[:have], n)
	in.from = start
	if got, err := in.r.ReadAt(in.buf[have:], start+int64(have)); got < n-have {
		in.buf = in.buf[:have]
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read message at byte %d: %w", start+int64(have+got), err)
	}
	return in.buf, nil
}

// growTo gives b the length n, and keeps its first bytes. What it allocates is either
// small or of the one size that is enough for everything.
func growTo(b []byte, n int) []byte {
	if n <= cap(b) {
		return b[:n]
	}
	size := 1 << 12
	for size < n {
		size *= 4
	}
	c := make([]byte, n, max(min(size, maxWire), n))
	copy(c, b)
	return c
}
