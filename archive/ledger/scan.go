package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Mark is how far a reader of the ledger has come: everything before Position
// was taken, in whole groups.
type Mark struct {
	Position
	// Seq is the sequence number that comes next, from 1.
	Seq uint64
	// Group is the number of the last group taken, 0 for none.
	Group uint32
}

// start is the mark of a reader that has taken nothing.
func start() Mark { return Mark{Seq: 1} }

// scanner reads the records of a ledger in order and names what is damaged.
type scanner struct {
	fs  vfs.FS
	dir string
	id  identity
	// visit is given the records of one group, or what is left of it, and the
	// mark behind them. Their bodies are its to keep.
	visit    func([]Record, Mark) error
	damaged  func(Damage)
	tolerant bool // see window

	mark    Mark     // behind the records handed over
	seq     uint64   // the next number expected
	group   uint32   // of the last record read
	open    bool     // the group of the last record read goes on
	gap     bool     // records were dropped before the next one
	pending *Damage  // waits for the next record, which tells what is lost
	held    []Record // records of a group that is not complete yet
	seen    uint32   // a group of this segment: those before it had been acknowledged
	acked   uint32   // the last group that the caller knows to have been acknowledged, or 0
}

func newScanner(l *Ledger, from Mark) *scanner {
	return &scanner{fs: l.fs, dir: l.dir, id: l.id, mark: from, seq: from.Seq, group: from.Group}
}

// segment scans one span, from offset on or from its beginning when offset is 0,
// and tells how many bytes at its end do not count because they were never
// acknowledged.
func (s *scanner) segment(ctx context.Context, sp span, offset int64) (torn int64, err error) {
	w, err := openWindow(s.fs, s.dir, sp, s.id, s.tolerant)
	if err != nil {
		return 0, err
	}
	defer w.close()
	s.adopt(&sp, w)
	if offset == 0 {
		s.begin(sp)
		offset = headerSize
	}
	s.mark.Position, s.seen = Position{sp.number, offset}, s.group
	if s.acked != 0 && later(s.acked+1, s.seen) {
		s.seen = s.acked + 1
	}
	for _, x := range w.extents[search(w.extents, offset):] {
		offset = max(offset, x.start)
		w.enter(x)
		s.gap = w.mapped()
		acked, err := s.extent(ctx, w, sp, offset)
		if err != nil {
			return 0, err
		}
		if !acked {
			break
		}
	}
	return s.end(sp)
}

// adopt takes from a segment's file what it tells of itself.
func (s *scanner) adopt(sp *span, w *window) {
	if w.header.compact {
		sp.compact, sp.sealed = true, true // no other is compacted
	}
	for _, reason := range w.spoiled {
		s.damaged(wornDamage(sp.number, reason))
	}
}

// extent scans the extent that the window is at, from offset on. It reports
// false where a tail begins that was never acknowledged.
func (s *scanner) extent(ctx context.Context, w *window, sp span, offset int64) (acked bool, err error) {
	for offset < w.end {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		f, body, ok, err := w.record(s.id, offset)
		if err != nil {
			return false, err
		}
		if ok && sp.bounded && !sp.acknowledged(f.group) {
			return false, nil
		}
		acked := true
		if ok {
			at := Location{Segment: sp.number, Offset: offset, Length: f.length}
			err = s.take(f, f.record(slices.Clone(body), at))
			offset = at.End().Offset
		} else {
			offset, acked, err = s.resync(w, sp, offset)
		}
		if err != nil || !acked {
			return false, err
		}
	}
	return true, nil
}

// begin takes from a segment's header what comes first in it.
func (s *scanner) begin(sp span) {
	h := sp.header
	if h.number == 0 {
		return
	}
	if h.firstSeq > s.seq || s.pending != nil {
		s.report(h.firstSeq, Location{Segment: sp.number})
	}
	s.seq, s.group = max(s.seq, h.firstSeq), h.group-1
	s.mark.Seq, s.mark.Group = s.seq, s.group
}

// end hands over the last group when its end is missing although it had been
// acknowledged, and else lets go of it.
func (s *scanner) end(sp span) (torn int64, err error) {
	if s.open && sp.acknowledged(s.group) {
		err = s.flush(Position{sp.number, max(sp.end, s.mark.Offset)})
	}
	if sp.compact { // its last records may have been dropped
		s.mark.Offset = max(sp.end, s.mark.Offset)
	}
	s.held, s.open, s.seq, s.group = nil, false, s.mark.Seq, s.mark.Group
	return max(sp.end-s.mark.Offset, 0), err
}

// take notes one whole record and hands over its group when that is complete.
func (s *scanner) take(f frame, r Record) error {
	if r.Seq > s.seq || s.pending != nil {
		s.report(r.Seq, r.At)
	}
	if s.gap && s.open && f.group != s.group { // its last record was dropped
		if err := s.flush(Position{r.At.Segment, r.At.Offset}); err != nil {
			return err
		}
	}
	s.gap = false
	s.seq, s.group, s.open = max(s.seq, r.Seq), f.group, f.flags&flagLast == 0
	if r.Flags&Numbered != 0 {
		s.seq = max(s.seq, r.Seq+1)
	}
	s.held = append(s.held, r)
	if s.open {
		return nil
	}
	return s.flush(r.At.End())
}

// flush hands over the records held; all before end is taken.
func (s *scanner) flush(end Position) error {
	records := s.held
	s.held = nil
	s.mark = Mark{Position: end, Seq: s.seq, Group: s.group}
	if len(records) == 0 {
		return nil
	}
	return s.visit(records, s.mark)
}

// report names the damage before the record with this number.
func (s *scanner) report(seq uint64, at Location) {
	d := s.pending
	if d == nil {
		d = &Damage{Segment: at.Segment, Offset: at.Offset, Reason: "records are missing before this place"}
	}
	if seq > s.seq {
		d.FirstSeq, d.LastSeq = s.seq, seq-1
	}
	s.pending = nil
	s.damaged(*d)
}

// finish names what is missing at the very end. next is the number that the
// caller knows to come next, or 0.
func (s *scanner) finish(next uint64) {
	if s.pending != nil || next > s.seq {
		s.report(next, Location{Segment: s.mark.Segment, Offset: s.mark.Offset})
	}
}

// resync decides what a place without a whole record means. It gives where to
// read on, or acked false when the rest is a tail that was never acknowledged.
func (s *scanner) resync(w *window, sp span, offset int64) (next int64, acked bool, err error) {
	next, f, found, err := w.next(s.id, offset)
	if err != nil {
		return 0, false, err
	}
	if !found {
		next = w.end
	}
	missing := s.group // the first group that has a record missing here
	if !s.open {
		missing++
	}
	acked = sp.acknowledged(missing) || later(s.seen, missing)
	for at := next; found && !acked; {
		if acked = later(f.group, missing); acked {
			s.seen = f.group // written only after the missing one had been synced
			break
		}
		if at, f, found, err = w.next(s.id, at+f.size()); err != nil {
			return 0, false, err
		}
	}
	if !acked {
		return 0, false, nil
	}
	if err := s.flush(Position{sp.number, next}); err != nil {
		return 0, false, err
	}
	if s.pending != nil {
		s.damaged(*s.pending)
	}
	s.pending = &Damage{Segment: sp.number, Offset: offset, Length: next - offset, Reason: "records are damaged"}
	if w.unread != nil {
		s.pending.Reason = fmt.Sprintf("records are damaged (%v)", w.unread)
	}
	return next, true, nil
}
