package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// queueLength is how many requests may wait for the committer.
	queueLength = 1024
	// groupBytes is the size from which on a group takes no further request.
	groupBytes = 8 << 20
)

var errReadOnly = errors.New("the ledger is open for reading only")

// request is one call of Append.
type request struct {
	records []Record
	size    int64
	thread  *Thread // nil: it stands for itself
	err     error
	done    chan struct{}
}

// Thread ties appends together: when one of them fails, those submitted behind it
// fail too, with [ErrThread]. So what needs an earlier append is never there without
// it. The zero Thread is ready for use.
type Thread struct{ broken atomic.Bool }

// Broken tells that an append of the thread has failed, and that all further ones
// will.
func (t *Thread) Broken() bool { return t.broken.Load() }

// ErrThread: an append before this one, in the same thread, has failed.
var ErrThread = errors.New("an append that this one builds on has failed")

// Append writes the records, in one group, and returns when they are on stable
// storage and were applied. It sets their Seq and At. On an error nothing was
// acknowledged: the records may come back after a crash, or not.
//
// ctx ends the wait for a place in the queue only: what is queued is written.
func (l *Ledger) Append(ctx context.Context, records []Record) error {
	if len(records) == 0 && !l.readOnly {
		return nil
	}
	wait, err := l.Submit(ctx, nil, records)
	if err != nil {
		return err
	}
	return wait()
}

// Submit is Append in two steps: when it returns without error the records have
// their place in the queue, behind those that were submitted before, and wait waits
// as Append does. It must be called, for it may be what writes them. thread is nil when
// they build on no other append.
func (l *Ledger) Submit(ctx context.Context, thread *Thread, records []Record) (wait func() error, err error) {
	if l.readOnly {
		return nil, errReadOnly
	}
	r := &request{records: records, thread: thread, done: make(chan struct{})}
	for i := range records {
		if len(records[i].Body) > MaxBody {
			return nil, fmt.Errorf("a record of %d bytes is over the limit of %d", len(records[i].Body), MaxBody)
		}
		r.size += frameSize + int64(len(records[i].Body))
	}
	select {
	case <-l.stop:
		return nil, ErrClosed
	default:
	}
	select {
	case l.queue <- r:
	case <-l.stop:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func() error { return l.wait(r) }, nil
}

// wait waits until a request is done with. A lone caller writes for itself, so that no
// other goroutine has to be woken; where there are many, the committer makes large groups
// of them.
func (l *Ledger) wait(r *request) error {
	if l.crowd.Load() || !l.writing.TryLock() {
		l.kick()
	} else {
		l.lead()
	}
	select {
	case <-r.done:
		return r.err
	case <-l.stopped:
	}
	select {
	case <-r.done: // taken in the committer's last round
		return r.err
	default:
		return ErrClosed
	}
}

// lead commits what waits, and has the committer see to what did not fit into one group.
// The caller has locked l.writing.
func (l *Ledger) lead() {
	defer func() {
		l.writing.Unlock()
		if len(l.queue) > 0 {
			l.kick()
		}
	}()
	defer crash()
	l.round()
}

// crash ends the process after a panic: nobody knows how far the writer came. A
// caller of Append may take its own panics for less.
func crash() {
	if v := recover(); v != nil {
		stack := debug.Stack()
		go func() { panic(fmt.Sprintf("ledger: %v\n%s", v, stack)) }()
		select {}
	}
}

// kick wakes the committer.
func (l *Ledger) kick() {
	select {
	case l.waiting <- struct{}{}:
	default:
	}
}

// round commits those that wait as one group. l.writing is held.
func (l *Ledger) round() {
	select {
	case r := <-l.queue:
		group := l.gather(r)
		l.crowd.Store(len(group) > 1)
		if l.broken == nil {
			l.broken = l.commit(group)
		} else {
			finish(group, l.broken)
		}
	default:
	}
}

// run is the committer: it takes all that wait, and commits them as one group.
func (l *Ledger) run() {
	defer close(l.stopped)
	for {
		select {
		case <-l.waiting:
			if l.crowd.Load() {
				runtime.Gosched() // those that are about to append come into the same group
			}
			l.writing.Lock()
			l.lead()
		case r := <-l.turn:
			l.writing.Lock()
			if r.err = l.broken; r.err == nil {
				r.err = l.rotate()
			}
			l.writing.Unlock()
			l.kick()
			close(r.done)
		case <-l.stop:
			l.end()
			return
		}
	}
}

// end has all requests fail from now on.
func (l *Ledger) end() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.broken = ErrClosed
	for len(l.queue) > 0 {
		l.round()
	}
}

// Rotate ends the segment that is written to, so that it can be compacted, and
// begins another. It does nothing when no record stands in it yet. ctx ends the
// wait for the committer only.
func (l *Ledger) Rotate(ctx context.Context) error {
	if l.readOnly {
		return errReadOnly
	}
	r := &request{done: make(chan struct{})}
	select {
	case l.turn <- r:
	case <-l.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-r.done // the committer has it
	return r.err
}

// rotate is Rotate, with l.writing held. After an error the segment is given up all
// the same: the header of the next may be on the disk already, and says where
// this one ends.
func (l *Ledger) rotate() error {
	if l.w.mark.Offset == headerSize {
		return nil
	}
	if err := l.w.rotate(); err != nil {
		l.w.drop()
		return err
	}
	l.moved()
	return nil
}

// gather adds to the first request those that wait already.
func (l *Ledger) gather(first *request) []*request {
	group, size := []*request{first}, first.size
	for size < groupBytes {
		select {
		case r := <-l.queue:
			group, size = append(group, r), size+r.size
		default:
			return group
		}
	}
	return group
}

func finish(group []*request, err error) {
	for _, r := range group {
		if err != nil && r.thread != nil {
			r.thread.broken.Store(true)
		}
		r.err = err
		close(r.done)
	}
}

// whole leaves out, and ends, the requests whose thread is broken.
func whole(group []*request) []*request {
	return slices.DeleteFunc(group, func(r *request) bool {
		broken := r.thread != nil && r.thread.Broken()
		if broken {
			finish([]*request{r}, ErrThread)
		}
		return broken
	})
}

// commit writes, syncs and applies a group and wakes those who wait for it. An
// error that it returns ends the ledger's use; a failed write does not, for the
// next group goes to another segment.
func (l *Ledger) commit(group []*request) error {
	if group = whole(group); len(group) == 0 {
		return nil
	}
	if l.w.full() {
		if err := l.w.rotate(); err != nil {
			finish(group, err)
			return nil
		}
		l.moved()
	}
	records, end, err := l.w.write(group)
	if err != nil {
		finish(group, err)
		return nil
	}
	applying := l.prepare(records, end) // while the disk writes
	if err := l.w.sync(end); err != nil {
		finish(group, err)
		return nil
	}
	if applying == nil {
		applying = l.apply(records, end)
	}
	if applying != nil {
		err = fmt.Errorf("apply to the catalog: %w", applying)
		finish(group, err)
		return err
	}
	l.mu.Lock()
	l.mark = l.w.mark
	l.mu.Unlock()
	finish(group, nil)
	return nil
}

// writer writes groups at the end of the ledger. Whoever holds Ledger.writing uses it.
type writer struct {
	fs    vfs.FS
	dir   string
	id    identity
	limit int64
	f     vfs.File // nil after an error: the next group begins a segment
	head  header   // of the segment that mark stands in
	mark  Mark     // behind the last group that was synced
	next  uint32   // number of the next segment
	buf   []byte
	// synced is whether the disk has taken what was written last already: some file systems
	// can do no less.
	synced bool
	room   room
	keep   keeper // of the segment's parity
	// ended is called with a segment that was ended without its parity known.
	ended func(number uint32, end int64)
}

// full reports whether the next group belongs in another segment.
func (w *writer) full() bool { return w.f == nil || w.mark.Offset >= w.limit }

// resume goes on at the end of a segment that was ended cleanly.
func (w *writer) resume(head header) (err error) {
	w.head = head
	w.f, err = openSegment(w.fs, w.dir, head.number)
	return err
}

// rotate begins another segment, whose header seals the one before. A segment
// whose first write failed is begun anew: nothing in it counts.
func (w *writer) rotate() error {
	head := w.head
	if anew := w.f == nil && w.mark.Position == (Position{head.number, headerSize}); !anew {
		if w.next == 0 {
			return errors.New("no number is left for another segment")
		}
		head = header{
			number: w.next, id: w.id, prev: w.mark.Position, firstSeq: w.mark.Seq, group: w.mark.Group + 1,
		}
	}
	f, err := createSegment(w.fs, w.dir, head)
	if err != nil {
		return err
	}
	w.cutRoom()
	w.drop()
	if w.head.number != head.number && !w.keepParity() && w.mark.Segment != 0 {
		w.ended(w.mark.Segment, w.mark.Offset)
	}
	w.keep.start(head)
	w.f, w.head, w.next = f, head, head.number+1
	w.mark.Position = Position{head.number, headerSize}
	return nil
}

// write writes the records of a group, with one write unless they are large, and has
// the disk begin with them: they are on stable storage after [writer.sync] only. When it
// fails the segment is given up at the end of the group before.
func (w *writer) write(group []*request) (all []Record, end Mark, err error) {
	mark := w.mark
	mark.Group++
	w.buf = w.buf[:0]
	for i, r := range group {
		for j := range r.records {
			rec := &r.records[j]
			last := i == len(group)-1 && j == len(r.records)-1
			w.frame(rec, &mark, last)
			all = append(all, *rec)
			if !last && len(w.buf) < groupBytes {
				continue
			}
			at := mark.Offset - int64(len(w.buf))
			w.keep.add(w.buf, at)
			if err == nil {
				_, err = w.f.WriteAt(w.buf, at)
			}
			w.buf = w.buf[:0]
		}
	}
	if cap(w.buf) > 2*groupBytes {
		w.buf = nil
	}
	if err == nil {
		w.makeRoom(mark.Offset, mark.Offset-w.mark.Offset)
		w.synced, err = w.f.SyncTo(mark.Offset)
	}
	if err != nil {
		w.giveUp()
		return nil, w.mark, fmt.Errorf("write to the ledger: %w", err)
	}
	return all, mark, nil
}

// sync makes durable what was written up to end. When it fails the segment is given up
// as when writing does.
func (w *writer) sync(end Mark) error {
	if !w.synced {
		if err := w.f.SyncData(); err != nil {
			w.giveUp()
			return fmt.Errorf("sync the ledger: %w", err)
		}
	}
	w.mark = end
	return nil
}

// giveUp has the next group begin another segment. Some of the last one may be in this one.
func (w *writer) giveUp() {
	w.keep.known = false
	w.drop()
}

// frame lays one record out behind the buffer and moves mark behind it.
func (w *writer) frame(r *Record, mark *Mark, last bool) {
	r.Seq = mark.Seq
	r.At = Location{Segment: mark.Segment, Offset: mark.Offset, Length: uint32(len(r.Body))}
	f := frame{
		kind: r.Type, flags: r.Flags & (Numbered | callerBits), length: r.At.Length,
		bodyCRC: crc(0, r.Body), seq: r.Seq, group: mark.Group,
	}
	if last {
		f.flags |= flagLast
	}
	w.buf = f.appendTo(w.buf, w.id, mark.Segment, mark.Offset)
	w.buf = append(w.buf, r.Body...)
	if r.Flags&Numbered != 0 {
		mark.Seq++
	}
	mark.Position = r.At.End()
}

// drop lets go of the segment's file. What is in it has been synced, or is not
// to count.
func (w *writer) drop() {
	if w.f != nil {
		w.f.Close()
		w.f = nil
	}
	w.room.end = 0
}

func (w *writer) close() error {
	if w.f == nil {
		return nil
	}
	w.cutRoom()
	err := w.f.Close()
	w.f = nil
	return err
}
