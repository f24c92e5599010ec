package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"daybook/archive/ledger"
)

// flushBytes is how many bytes of packed contents a message may have waiting
// before they are written, ahead of its entry.
const flushBytes = 1 << 20

// maxLooked is how many texts of other entries one append looks into: each may have a
// chain of texts decompressed. What is not found for that is stored again.
const maxLooked = 16

// contents are those of one append: which of them the tenant has already, and the
// records of those it has not.
type contents struct {
	a      *Archive
	tenant string
	// alone has contents written that another append is writing at the same time.
	alone bool

	records []ledger.Record // still to be written
	waiting int             // bytes of them
	spare   [][]byte        // bodies of records that were written
	mine    map[string]bool // keys that this append writes; true: they are written
	awaited []*claim        // contents that others are writing
	looked  int             // texts of other entries that were looked into
	pinned  map[string]bool // keys of all that the append may refer to; true: doomed
}

// pin keeps a content from being dropped until the append ends. It reports true for
// one that is being dropped already: whatever stands there must not be counted on.
func (s *contents) pin(key string) (doomed bool) {
	doomed, known := s.pinned[key]
	if !known {
		if s.pinned == nil {
			s.pinned = map[string]bool{}
		}
		doomed = s.a.pins.pin(key)
		s.pinned[key] = doomed
	}
	return doomed
}

// has tells whether the tenant has a content, which then stays until the append ends.
func (s *contents) has(hash Digest, size int) bool {
	key := contentKey(s.tenant, hash[:])
	if s.pin(string(key)) {
		return false
	}
	_, inline, err := contentPlace(s.a.catalog.reader(), key)
	if err != nil || inline >= 0 && s.looked == maxLooked {
		return false
	}
	if inline >= 0 {
		s.looked++
	}
	return s.a.present(s.tenant, hash, size)
}

// put sees to it that the tenant has a content, by a record of this append unless it
// is there, or on its way. When many records wait, it writes them.
func (s *contents) put(ctx context.Context, hash Digest, raw []byte) error {
	key := string(contentKey(s.tenant, hash[:]))
	if _, known := s.mine[key]; known {
		return nil
	}
	s.pin(key)
	c, mine := s.a.claims.take(key)
	if !mine && !s.alone {
		s.awaited = append(s.awaited, c)
		return nil
	}
	if mine {
		if s.has(hash, len(raw)) {
			s.a.claims.settle(key, true)
			return nil
		}
		if s.mine == nil {
			s.mine = map[string]bool{}
		}
		s.mine[key] = false
	}
	if err := s.a.space.check(); err != nil {
		return err
	}
	var body []byte
	if n := len(s.spare); n > 0 {
		body, s.spare = s.spare[n-1][:0], s.spare[:n-1]
	}
	body = s.a.press.pack(body, s.tenant, hash, raw)
	s.records = append(s.records, ledger.Record{Type: typeContent, Body: body, Note: []byte(key)})
	if s.waiting += len(body); s.waiting >= flushBytes {
		return s.flush(ctx)
	}
	return nil
}

// flush writes the records that wait.
func (s *contents) flush(ctx context.Context) error {
	if len(s.records) == 0 {
		return nil
	}
	if err := s.a.write(ctx, s.records); err != nil {
		return err
	}
	for i := range s.records {
		s.spare = append(s.spare, s.records[i].Body)
	}
	s.written()
	return nil
}

// written notes that all records so far are on stable storage.
func (s *contents) written() {
	s.records, s.waiting = nil, 0
	for key, done := range s.mine {
		if !done {
			s.mine[key] = true
			s.a.claims.settle(key, true)
		}
	}
}

// end lets go of the contents: of the claims of those that were not written, and of
// the pins of all, to which the entry refers by now, or never will.
func (s *contents) end() {
	for key, done := range s.mine {
		if !done {
			s.a.claims.settle(key, false)
		}
	}
	s.mine = nil
	s.a.pins.release(s.pinned)
	s.pinned = nil
}

var errAwaited = errors.New("another append did not write a content that this one needs")

// await waits until others have written the contents that they claimed first. What
// this append has of its own is written before, so that no two wait for each other.
func (s *contents) await(ctx context.Context) error {
	if len(s.awaited) == 0 {
		return nil
	}
	if err := s.flush(ctx); err != nil {
		return err
	}
	for _, c := range s.awaited {
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !c.ok {
			return errAwaited
		}
	}
	return nil
}

// claims are the contents that are being written, by their key: the same content
// that arrives on many connections at once is written by the first.
type claims struct {
	mu   sync.Mutex
	open map[string]*claim
}

// claim is a content that is being written.
type claim struct {
	done chan struct{}
	ok   bool // it is on stable storage; good when done is closed
}

// take claims a content, unless somebody else has.
func (c *claims) take(key string) (_ *claim, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.open[key]; k != nil {
		return k, false
	}
	if c.open == nil {
		c.open = map[string]*claim{}
	}
	k := &claim{done: make(chan struct{})}
	c.open[key] = k
	return k, true
}

// settle ends a claim.
func (c *claims) settle(key string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.open[key]
	delete(c.open, key)
	k.ok = ok
	close(k.done)
}

// write appends records and tells a full disk from other errors.
func (a *Archive) write(ctx context.Context, records []ledger.Record) error {
	return a.written(a.ledger.Append(ctx, records))
}

// written tells a full disk from other errors.
func (a *Archive) written(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		a.space.forget()
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
