package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"daybook/archive/message"
)

// Reader reads an entry's message where its caller likes. It holds one piece of it
// in memory, and reads only those that are asked for. Each piece is checked against
// its digest, and the message as a whole is not: [Archive.WriteTo] does that. It is
// safe for concurrent use, and there is nothing to close; the archive must be open.
type Reader struct {
	ctx    context.Context
	stored *stored
	ends   []int64 // where the pieces end within the message

	mu     sync.Mutex
	pieces pieces
	at     int // the piece that is held
	held   []byte
	start  []byte
	err    error
}

// Reader gives a reader of an entry's message, which reads until ctx ends. The error
// is [ErrNotFound], a [*Damage], or one of the disk.
func (a *Archive) Reader(ctx context.Context, id uint64) (*Reader, error) {
	e, err := a.recorded(a.catalog.reader(), id)
	if err != nil {
		return nil, err
	}
	return a.reader(ctx, &e)
}

func (a *Archive) reader(ctx context.Context, e *Entry) (*Reader, error) {
	s := e.stored()
	r := &Reader{ctx: ctx, at: -1, stored: s, pieces: pieces{a: a, s: s}}
	end := int64(0)
	for i := range s.formula.pieces {
		size := s.formula.pieces[i].Wire
		if size < 0 || size > e.Size-end {
			return nil, &Damage{Entry: e.ID, Reason: "its pieces are larger than its message"}
		}
		end += size
		r.ends = append(r.ends, end)
	}
	if end != e.Size {
		return nil, &Damage{Entry: e.ID, Reason: fmt.Sprintf("its pieces have %d bytes, and its message %d", end, e.Size)}
	}
	return r, nil
}

// Size gives the number of bytes of the message.
func (r *Reader) Size() int64 { return r.stored.size }

// Start gives the beginning of the message: message.MaxHeader bytes, or all there
// are. After an error, which [Reader.Err] gives, it is shorter. It is not to be
// changed.
func (r *Reader) Start() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start == nil {
		b := make([]byte, min(r.stored.size, message.MaxHeader))
		n, _ := r.readAt(b, 0)
		r.start = b[:n]
	}
	return r.start
}

// ReadAt reads from the message (io.ReaderAt). The error is io.EOF at its end, a
// [*Damage], ctx's, or one of the disk.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readAt(p, offset)
}

// Err gives the first error of all the reading so far. The end of the message is
// none.
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *Reader) readAt(p []byte, offset int64) (n int, err error) {
	if offset < 0 {
		return 0, fmt.Errorf("entry %d: there is no byte %d", r.stored.id, offset)
	}
	for n < len(p) {
		at := offset + int64(n)
		if at >= r.stored.size {
			return n, io.EOF
		}
		i, _ := slices.BinarySearch(r.ends, at+1) // the first piece that ends behind at
		if err := r.hold(i); err != nil {
			if r.err == nil {
				r.err = err
			}
			return n, err
		}
		n += copy(p[n:], r.held[at-r.begin(i):])
	}
	return n, nil
}

// begin is where a piece begins within the message.
func (r *Reader) begin(i int) int64 { return r.ends[i] - r.stored.formula.pieces[i].Wire }

// hold reads a piece, unless it is there.
func (r *Reader) hold(i int) error {
	if r.at == i {
		return nil
	}
	r.at = -1
	raw, err := r.pieces.get(r.ctx, i)
	if err == nil {
		r.at, r.held = i, raw
	}
	return err
}

// Errors of [Archive.WriteOriginal].
var (
	// ErrNoOriginal: the entry has no original of that number.
	ErrNoOriginal = errors.New("the entry has no such original")
	// ErrEncoding: the original's encoding breaks off in the archived bytes. What was
	// written before is right.
	ErrEncoding = errors.New("the encoding of the original breaks off")
)

// WriteOriginal writes original number n, from 0 on, of the mails inside an entry's
// message to w, decoded where its Encoding says so; as a rule it is not encoded, and
// these are its exact bytes. Only the pieces in which it stands are read: each is
// checked against its digest before it is written, and the whole message is not, so
// damage elsewhere in it does no harm and is not found. The error is [ErrNotFound],
// [ErrNoOriginal], [ErrEncoding], a [*Damage], ctx's, or that of w.
func (a *Archive) WriteOriginal(ctx context.Context, id uint64, n int, w io.Writer) error {
	e, err := a.recorded(a.catalog.reader(), id)
	if err != nil {
		return err
	}
	if e.Truth == nil || n < 0 || n >= len(e.Truth.Originals) {
		return fmt.Errorf("entry %d: original %d: %w", id, n, ErrNoOriginal)
	}
	if err := checkOriginal(&e, n); err != nil {
		return err
	}
	r, err := a.reader(ctx, &e)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, &originalReader{from: r, text: e.Truth.Originals[n].Open(r), n: n})
	return err
}

// checkOriginal names an original that does not lie within its message.
func checkOriginal(e *Entry, n int) error {
	if o := &e.Truth.Originals[n]; !o.Within(e.Size) {
		return &Damage{Entry: e.ID, Reason: fmt.Sprintf("original %d, bytes %d to %d, does not lie within its %d bytes", n, o.Start, o.End, e.Size)}
	}
	return nil
}

// originalReader tells an encoding that breaks off from trouble with the archive.
type originalReader struct {
	from *Reader
	text io.Reader
	n    int
}

// Read reads (io.Reader).
func (o *originalReader) Read(p []byte) (int, error) {
	n, err := o.text.Read(p)
	switch {
	case err == nil || err == io.EOF:
	case o.from.Err() != nil:
		err = o.from.Err()
	default:
		err = fmt.Errorf("entry %d: original %d: %w: %w", o.from.stored.id, o.n, ErrEncoding, err)
	}
	return n, err
}
