package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrClosed is returned by calls on a ledger that was closed.
var ErrClosed = errors.New("the ledger is closed")

// DefaultSegmentSize is the size in bytes at which a segment is followed by
// another.
const DefaultSegmentSize = 256 << 20

// Options say how a ledger is opened.
type Options struct {
	// FS holds the files; nil is the disk.
	FS vfs.FS
	// SegmentSize is the size in bytes from which on a new segment is begun;
	// 0 is [DefaultSegmentSize].
	SegmentSize int64
	// ReadOnly opens the ledger without changing anything; Append then fails.
	ReadOnly bool
	// From is the mark of the last call of Apply that the caller still has. The
	// zero Mark has every record applied again.
	From Mark
	// Acknowledged is a mark that is known to have been reached although the
	// records before it are to be applied again. What is missing before it is
	// damage, and its numbers are not given again.
	Acknowledged Mark
	// Apply is given the records of the ledger, group by group, in order: at Open
	// those behind From, later those that are appended, after they were synced and
	// before Append returns. Calls do not overlap. An error at Open fails it; an
	// error later stops the ledger for good. It must not call the ledger. nil
	// stands for a function that does nothing.
	Apply func(records []Record, end Mark) error
	// Prepare is given the records that are appended before Apply is, while they are on
	// their way to the disk: what it does ahead of Apply costs no time. Apply
	// follows only when they were synced; when that failed, others come next, perhaps
	// with the same numbers. An error is one of Apply. nil stands for a function that does
	// nothing.
	Prepare func(records []Record, end Mark) error

	room roomRule // zero: the usual one
}

// Recovery is what Open found.
type Recovery struct {
	// Replayed counts the records applied at Open.
	Replayed int
	// Torn is the number of bytes behind the last whole group that do not count,
	// and TornAt where they begin.
	Torn   int64
	TornAt Position
	// Damage is what had been acknowledged and cannot be read, as far as Open
	// looks: headers and lengths of all segments, and every byte behind From.
	Damage []Damage
}

// Ledger is an open ledger. Its methods may be called concurrently.
type Ledger struct {
	fs       vfs.FS
	dir      string
	id       identity
	limit    int64
	readOnly bool
	room     roomRule
	apply    func([]Record, Mark) error
	prepare  func([]Record, Mark) error
	recovery Recovery

	queue   chan *request
	waiting chan struct{} // has room for one: the queue is not empty
	turn    chan *request // asks for another segment
	stop    chan struct{} // closed by Close: no further requests
	stopped chan struct{} // closed when the committer has ended
	closing sync.Once
	closed  error // what Close returns

	// writing is held by whoever commits: the committer, or one of those who wait.
	writing sync.Mutex
	w       writer
	broken  error       // why nothing is written any more
	crowd   atomic.Bool // the last group was of more than one request

	mu    sync.Mutex
	mark  Mark   // behind the last group that was synced and applied
	spans []span // without the segment that mark stands in
	last  span   // that segment; its end is not kept
	files readers

	// compacting has room for the one call of Compact that is under way, or for
	// what makes a parity file in the background.
	compacting chan struct{}
	jobs       sync.WaitGroup // that read for parity
}

// Open opens the ledger in the folder dir, creates it when there is none, and
// gives Options.Apply every record behind Options.From. Damage does not fail
// Open: it is reported by Recovery, and what is whole stays readable. The caller
// must hold a lock on the folder, and closes the ledger.
func Open(ctx context.Context, dir string, o Options) (*Ledger, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.From == (Mark{}) {
		o.From = start()
	}
	if o.room == (roomRule{}) {
		o.room = usualRoom(o.FS)
	}
	nothing := func([]Record, Mark) error { return nil }
	if o.Apply == nil {
		o.Apply = nothing
	}
	if o.Prepare == nil {
		o.Prepare = nothing
	}
	l := &Ledger{
		fs: o.FS, dir: dir, limit: o.SegmentSize, readOnly: o.ReadOnly, room: o.room, apply: o.Apply, prepare: o.Prepare,
		queue:   make(chan *request, queueLength),
		waiting: make(chan struct{}, 1),
		turn:    make(chan *request),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),

		compacting: make(chan struct{}, 1),

		files: readers{fs: o.FS, dir: dir, open: map[uint32]*reader{}},
	}
	if !o.ReadOnly {
		if err := removeUnfinished(l.fs, dir); err != nil {
			return nil, err
		}
	}
	if o.Acknowledged.Before(o.From.Position) {
		o.Acknowledged = o.From
	}
	c, err := readChain(l.fs, dir, o.Acknowledged.Position, false)
	if err != nil {
		return nil, err
	}
	if err := l.recover(ctx, c, o.From, o.Acknowledged); err != nil {
		return nil, err
	}
	if o.ReadOnly {
		close(l.stopped)
		return l, nil
	}
	go l.run()
	return l, nil
}

// Recovery tells what Open found.
func (l *Ledger) Recovery() Recovery { return l.recovery }

// Mark is behind the last group that was synced and applied.
func (l *Ledger) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark
}

// Size is the number of segments and of the bytes that they take on disk, as far
// as these count: without what stands behind the end of a segment. Positions are
// those in a segment as it was written, so a compacted segment has fewer bytes
// than its end says.
func (l *Ledger) Size() (segments int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark.Segment == 0 {
		return 0, 0
	}
	for _, s := range l.spans {
		bytes += s.bytes()
	}
	return len(l.spans) + 1, bytes + l.current().bytes()
}

// current is the segment that the mark stands in. l.mu must be held.
func (l *Ledger) current() span {
	s := l.last
	s.number, s.end = l.mark.Segment, l.mark.Offset
	return s
}

// Close waits for the appends under way, ends a compaction, keeps the parity of
// the last segment, then closes all files.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		close(l.stop)
		<-l.stopped
		l.jobs.Wait()
		l.compacting <- struct{}{} // a compaction ends soon now, and none begins
		l.w.keepParity()
		l.closed = errors.Join(l.w.close(), l.files.close())
	})
	return l.closed
}

// recover applies what the caller does not have yet and readies the writer.
func (l *Ledger) recover(ctx context.Context, c *chain, from, acked Mark) error {
	l.id = c.id
	l.recovery.Damage = c.damage
	if len(c.spans) > 0 && !l.readOnly {
		// An earlier process may have ended between making a segment and this.
		if err := syncDir(l.fs, l.dir); err != nil {
			return err
		}
	}
	s := newScanner(l, from)
	s.acked = acked.Group
	s.damaged = func(d Damage) { l.recovery.Damage = append(l.recovery.Damage, d) }
	s.visit = func(records []Record, end Mark) error {
		l.recovery.Replayed += len(records)
		return l.apply(records, end)
	}
	last, err := l.replay(ctx, s, c.spans, from.Position)
	if err != nil {
		return err
	}
	s.finish(acked.Seq)
	l.mark = s.mark
	if l.mark.Before(acked.Position) {
		// What is missing was acknowledged, and is lost.
		l.mark = Mark{Position: acked.Position, Seq: max(s.mark.Seq, acked.Seq), Group: s.mark.Group}
		if later(acked.Group, s.mark.Group) {
			l.mark.Group = acked.Group
		}
	}
	if n := len(c.spans); n > 0 && last.number == l.mark.Segment {
		c.spans, l.last = c.spans[:n-1], last
	}
	l.spans = c.spans
	if l.readOnly {
		return nil
	}
	return l.begin(c, last)
}

// replay scans what lies behind from, and gives the last span.
func (l *Ledger) replay(ctx context.Context, s *scanner, spans []span, from Position) (last span, err error) {
	for i, sp := range spans {
		last = sp
		if sp.number < from.Segment {
			continue
		}
		if !sp.sealed && !l.readOnly {
			// What was written but not synced must not be applied before it is.
			if err := l.sync(sp.number); err != nil {
				return last, err
			}
		}
		offset := int64(0)
		if sp.number == from.Segment {
			offset = from.Offset
		}
		torn, err := s.segment(ctx, sp, offset)
		if err != nil {
			return last, fmt.Errorf("ledger segment %s: %w", SegmentName(sp.number), err)
		}
		if torn == 0 || i < len(spans)-1 {
			continue
		}
		if l.isRoom(sp.number, s.mark.Offset) {
			last.end = s.mark.Offset
		} else {
			l.recovery.Torn, l.recovery.TornAt = torn, s.mark.Position
		}
	}
	return last, nil
}

// sync makes durable what an earlier process may have left unsynced.
func (l *Ledger) sync(segment uint32) error {
	f, err := openSegment(l.fs, l.dir, segment)
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("sync segment %s: %w", SegmentName(segment), err)
	}
	return nil
}

// begin readies the writer: it goes on in the last segment after a clean end,
// and else begins another.
func (l *Ledger) begin(c *chain, last span) error {
	if !c.known {
		l.id = newIdentity()
		if err := writeFile(l.fs, l.dir, identityFile, []byte(l.id.text())); err != nil {
			return err
		}
	}
	l.w = writer{fs: l.fs, dir: l.dir, id: l.id, limit: l.limit, next: c.last + 1, mark: l.mark, room: room{rule: l.room}}
	l.w.ended = l.makeParity
	damaged := slices.ContainsFunc(l.recovery.Damage, func(d Damage) bool { return d.Segment == c.last })
	if c.last > 0 && !damaged && !last.compact && l.recovery.Torn == 0 && (Position{last.number, last.end}) == l.mark.Position {
		if err := l.w.resume(last.header); err != nil {
			return err
		}
		l.w.room.end = last.size // what stands behind the end is zeros
		l.resumeParity()
		return nil
	}
	if err := l.w.rotate(); err != nil {
		return err
	}
	l.moved()
	return nil
}

// moved notes that the writer began another segment, or the last one anew.
func (l *Ledger) moved() {
	l.files.forget(l.w.mark.Segment)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark.Segment != 0 && l.mark.Segment != l.w.mark.Segment {
		s := l.current()
		s.sealed = true
		l.spans = append(l.spans, s)
	}
	l.last = span{}
	l.mark = l.w.mark
}
