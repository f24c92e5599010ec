package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync"

	"daybook/archive"

	"github.com/cespare/xxhash/v2"
)

const (
	// spoolMemory is how much of a message is held in memory, in bytes; a larger one
	// goes to a file, and is read from there again for each thing that is done with it.
	spoolMemory = 1 << 20
	// startSize is how much of a message is held in memory when it is in a file, and
	// fileChunk is about how much is written to it at once.
	startSize = 256 << 10
	fileChunk = 256 << 10
	// firstRoom is the room for the first bytes of a message, or for all of it. The
	// budget's first claim is for that.
	firstRoom = firstClaim
	// leastRoom is the least room that is read into, when there is none left for more.
	leastRoom = 1 << 10
)

// rooms are what messages in memory stand in, one after the other: of firstRoom, and so
// on up to lastRoom in steps of a quarter at most, for what a room has too much is in no
// budget. They are safe for concurrent use, and the zero value is ready.
type rooms struct {
	pools [roomSizes]sync.Pool // of *[]byte

	// Those of more than smallRoom are kept apart, for a pool would keep as many as were
	// ever in use at a time.
	mu    sync.Mutex
	large [][]byte
	kept  int // bytes of large, at most keptRooms
}

const (
	roomSteps = 4 // from a size to twice that
	roomSizes = 5*roomSteps + 1
	lastRoom  = spoolMemory + leastRoom

	smallRoom = 256 << 10
	keptRooms = 16 << 20
)

// roomSize is the size of the rooms of a kind, from 0 on. The last ones have place for
// the end of a message of spoolMemory to be seen.
func roomSize(kind int) int {
	if kind == roomSizes-1 {
		return lastRoom
	}
	return firstRoom << (kind / roomSteps) / roomSteps * (roomSteps + kind%roomSteps)
}

// get gives an empty room for n bytes at least.
func (r *rooms) get(n int) []byte {
	for kind := range r.pools {
		size := roomSize(kind)
		if n > size {
			continue
		}
		if size > smallRoom {
			return r.getLarge(size)
		}
		if old, _ := r.pools[kind].Get().(*[]byte); old != nil {
			return (*old)[:0]
		}
		return make([]byte, 0, size)
	}
	return make([]byte, 0, n)
}

func (r *rooms) getLarge(size int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, room := range r.large {
		if cap(room) == size {
			r.large = slices.Delete(r.large, i, i+1)
			r.kept -= size
			return room[:0]
		}
	}
	return make([]byte, 0, size)
}

// put takes a room back, which nobody reads any more.
func (r *rooms) put(room []byte) {
	for kind := range r.pools {
		switch {
		case cap(room) != roomSize(kind):
		case cap(room) > smallRoom:
			r.putLarge(room)
		default:
			r.pools[kind].Put(&room)
		}
	}
}

// putLarge takes the place of those that were kept longest where there are too many.
func (r *rooms) putLarge(room []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.large = append(r.large, room)
	for r.kept += cap(room); r.kept > keptRooms; {
		r.kept -= cap(r.large[0])
		r.large = slices.Delete(r.large, 0, 1)
	}
}

// errTooLarge: the message is larger than the source takes.
var errTooLarge = errors.New("the message is larger than max_message")

// spool holds the bytes of one message that is coming in. Its file has no name,
// so nothing is left of it after a crash.
type spool struct {
	room func() error // tells whether more may go to the disk
	dir  string
	max  int64
	mem  []byte // the message, or what is not yet in the file
	from *rooms // that mem is one of
	file *os.File
	size int64
	hash hash.Hash
	sum  *xxhash.Digest // of the same bytes
	head []byte         // the beginning of the message once it is in the file
	err  error          // the first one; what comes after it is thrown away

	hold     *hold // of the budget; nil for a spool that needs none
	declared int64 // size that the message is said to have
	begun    bool
	used     int64 // of the hold
}

func newSpool(dir string, limit int64, room func() error, from *rooms) *spool {
	return &spool{room: room, dir: dir, max: limit, hash: sha256.New(), sum: xxhash.New(), from: from}
}

// begin waits, before the first byte, for room for what the message is said to be.
func (s *spool) begin() error {
	if s.err != nil || s.begun {
		return s.err
	}
	s.begun = true
	if s.hold != nil {
		if err := s.hold.expect(s.declared); err != nil {
			return s.fail(err)
		}
	}
	// A few bytes more than it is said to be save a second room.
	s.mem = s.from.get(int(min(s.declared, spoolMemory)) + leastRoom)
	return nil
}

// grow makes room for n more bytes in memory.
func (s *spool) grow(n int) {
	if cap(s.mem)-len(s.mem) < n {
		s.move(max(min(2*cap(s.mem), spoolMemory), len(s.mem)+n))
	}
}

// move moves what is in memory to a room for n bytes.
func (s *spool) move(n int) {
	before := s.mem
	s.mem = append(s.from.get(n), before...)
	s.from.put(before)
}

// Write adds bytes to the message. After an error all further calls give it too.
func (s *spool) Write(p []byte) (n int, err error) {
	err = s.begin()
	for len(p) > 0 && err == nil {
		part := p[:min(len(p), firstClaim, lastRoom-len(s.mem))] // what is in memory stays near spoolMemory
		s.grow(len(part))
		s.mem = append(s.mem, part...)
		if err = s.take(len(part)); err == nil {
			n, p = n+len(part), p[len(part):]
		}
	}
	return n, err
}

// ReadFrom adds all that r has to the message (io.ReaderFrom).
func (s *spool) ReadFrom(r io.Reader) (n int64, err error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	for s.err == nil {
		s.grow(leastRoom)
		got, err := r.Read(s.mem[len(s.mem):cap(s.mem)])
		s.mem = s.mem[:len(s.mem)+got]
		n += int64(got)
		if failed := s.take(got); failed != nil || err == io.EOF {
			return n, failed
		}
		if err != nil {
			return n, err
		}
	}
	return n, s.err
}

// take counts the last n bytes in memory as bytes of the message.
func (s *spool) take(n int) error {
	if s.max > 0 && s.size+int64(n) > s.max {
		return s.fail(errTooLarge)
	}
	if err := s.use(n); err != nil {
		return s.fail(err)
	}
	s.hash.Write(s.mem[len(s.mem)-n:])
	s.sum.Write(s.mem[len(s.mem)-n:])
	s.size += int64(n)
	if len(s.mem) > spoolMemory || s.file != nil && len(s.mem) > fileChunk {
		if err := s.flush(); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// use takes n bytes of the budget.
func (s *spool) use(n int) error {
	s.used += int64(n)
	return s.hold.use(int64(n))
}

// fail gives the message up, and at once what it takes of memory and disk: the
// peer may go on sending for hours.
func (s *spool) fail(err error) error {
	s.err = err
	s.close()
	return err
}

// flush moves what is in memory to the file.
func (s *spool) flush() error {
	if err := s.room(); err != nil {
		return err
	}
	if s.file == nil {
		if err := s.use(fileBuffers); err != nil {
			return err
		}
		f, err := os.CreateTemp(s.dir, "message-*")
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		s.file = f
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		s.head = bytes.Clone(s.mem[:startSize])
	}
	if _, err := s.file.Write(s.mem); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if s.mem = s.mem[:0]; cap(s.mem) > 2*fileChunk {
		s.move(2 * fileChunk)
	}
	return nil
}

// finish ends the message: it can be read from now on, and not be added to.
func (s *spool) finish() error {
	if s.err == nil && s.file != nil {
		if err := s.flush(); err != nil {
			return s.fail(err)
		}
	}
	if s.file == nil && cap(s.mem) > max(2*len(s.mem), firstRoom) {
		s.move(len(s.mem)) // it was said to be larger
	}
	s.hold.give(0)
	return s.err
}

// Start gives the beginning of the message, all of it when it is small.
func (s *spool) Start() []byte {
	if s.file != nil {
		return s.head
	}
	return s.mem[:min(len(s.mem), startSize)]
}

// Bytes gives the finished message when all of it is in memory, and else nothing.
func (s *spool) Bytes() []byte {
	if s.file != nil {
		return nil
	}
	return s.mem
}

// digest is that of the bytes so far.
func (s *spool) digest() archive.Digest { return archive.Digest(s.hash.Sum(nil)) }

// ReadAt reads the finished message (io.ReaderAt).
func (s *spool) ReadAt(p []byte, offset int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, offset)
	}
	if offset >= int64(len(s.mem)) {
		return 0, io.EOF
	}
	n := copy(p, s.mem[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// reuse lets go of a message that was archived, and has another one stand where it
// stood: nobody may read it any more, nor what was taken of it without a copy. After any
// error there is doubt about that, and close is the way.
func (s *spool) reuse() {
	s.from.put(s.mem)
	s.close()
}

// close lets go of the message, and of what it has of the budget.
func (s *spool) close() {
	s.hold.give(s.used)
	s.used = 0
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	s.mem, s.head = nil, nil
}
