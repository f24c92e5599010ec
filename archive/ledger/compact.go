package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// syncEvery is how many bytes of a compacted segment are written before they are
// synced, so that no commit waits for the whole file to reach the disk.
const syncEvery = 16 << 20

// SegmentInfo tells of one segment.
type SegmentInfo struct {
	Number uint32
	// Logical is where the segment ends, in bytes: that of its positions.
	Logical int64
	// Bytes is what counts of its file, in bytes: less than Logical, as a rule,
	// once the segment was compacted.
	Bytes int64
	// Sealed tells that the segment's end is fixed: it can be compacted. The
	// current segment is not sealed.
	Sealed bool
	// Compacted tells that records were dropped from it.
	Compacted bool
}

// Segments gives the segments in order, the current one last.
func (l *Ledger) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mark.Segment == 0 {
		return nil
	}
	all := make([]SegmentInfo, 0, len(l.spans)+1)
	for _, s := range l.spans {
		all = append(all, s.info())
	}
	last := l.current().info()
	last.Sealed = false
	return append(all, last)
}

func (s span) info() SegmentInfo {
	return SegmentInfo{Number: s.number, Logical: s.end, Bytes: s.bytes(), Sealed: s.sealed, Compacted: s.compact}
}

// CompactReport tells what a compaction did.
type CompactReport struct {
	// Kept and Dropped count the records that the segment had.
	Kept, Dropped int
	// Before and After are the bytes of the file that count.
	Before, After int64
}

// Compact rewrites a sealed segment without the records for which keep reports
// false, and gives their space back. All other records stay where they are, as
// does the segment's end. It returns nil when the new file is on stable storage
// in the place of the old one, or when there was nothing to drop. After an error
// either of them is there, whole.
//
// keep is given every record of the segment in order; the body is good until it
// returns. It may read the ledger and append to it, and must not close it or
// compact. A record with the flag [Numbered] cannot be dropped: that is an error,
// as is any error of keep. The disk needs room for the new file beside the old
// one. The error is a [*Damage] when the segment is not whole:
// then it is left alone. ctx and Close end a compaction.
//
// A record given up by keep must not be pointed to from then on, by what is
// appended meanwhile neither: the ledger does not know who points where. And
// Options.Apply may be given, at a later Open, records that point to one dropped.
//
// Calls may overlap, with others and one another; one compaction runs at a time.
func (l *Ledger) Compact(ctx context.Context, segment uint32, keep func(Record) (bool, error)) (CompactReport, error) {
	if l.readOnly {
		return CompactReport{}, errReadOnly
	}
	select {
	case <-l.stop:
		return CompactReport{}, ErrClosed
	case <-ctx.Done():
		return CompactReport{}, ctx.Err()
	case l.compacting <- struct{}{}:
	}
	defer func() { <-l.compacting }()
	c := compaction{l: l, ctx: ctx, keep: keep}
	if err := c.run(segment); err != nil {
		return CompactReport{}, fmt.Errorf("compact segment %s: %w", SegmentName(segment), err)
	}
	return c.report, nil
}

// compaction is one call of Compact.
type compaction struct {
	l       *Ledger
	ctx     context.Context
	keep    func(Record) (bool, error)
	span    span
	extents []extent // that are kept, in the segment and in the new file
	out     outline
	report  CompactReport
}

func (c *compaction) run(segment uint32) error {
	if err := c.choose(segment); err != nil {
		return err
	}
	fs, path := c.l.fs, c.l.fs.PathJoin(c.l.dir, SegmentName(segment))
	w, err := c.open(path)
	if err != nil {
		return err
	}
	defer w.close()
	if err := c.walk(w, c.ask); err != nil {
		return err
	}
	c.report.Before, c.report.After = c.span.bytes(), c.span.bytes()
	if c.report.Dropped == 0 {
		return nil
	}
	c.out = newOutline(w.header, c.span.end, c.extents)
	err = c.write(w, path+unfinished)
	if err == nil {
		err = c.verify(path + unfinished)
	}
	if err == nil {
		err = c.stopped()
	}
	if err != nil {
		fs.Remove(path + unfinished)
		return err
	}
	c.report.After = c.out.size
	return c.replace(path)
}

// choose finds the segment. The current one is never taken: its end is not
// known to the disk yet.
func (c *compaction) choose(segment uint32) error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	i := slices.IndexFunc(c.l.spans, func(s span) bool { return s.number == segment })
	switch {
	case segment == c.l.mark.Segment:
		return errors.New("the segment is written to; end it with Rotate")
	case i < 0:
		return errors.New("there is no such segment")
	case !c.l.spans[i].sealed:
		return &Damage{Segment: segment, Reason: "the header of the segment behind is damaged: where this one ends is not known"}
	}
	c.span = c.l.spans[i]
	return nil
}

// open opens a segment file in which everything is as it should be.
func (c *compaction) open(path string) (*window, error) {
	w, err := openWindowAt(c.l.fs, path, c.span, c.l.id, false)
	if err != nil {
		return nil, err
	}
	worn := append(w.worn, w.spoiled...)
	if w.err != nil {
		worn = append(worn, w.err.Error())
	}
	if len(worn) == 0 && w.mapped() && w.length != c.span.end {
		worn = append(worn, fmt.Sprintf("the segment ends at %d, by the header of the one behind at %d", w.length, c.span.end))
	}
	if len(worn) > 0 {
		w.close()
		d := wornDamage(c.span.number, worn[0])
		return nil, &d
	}
	return w, nil
}

// stopped is why the compaction must end, or nil.
func (c *compaction) stopped() error {
	select {
	case <-c.l.stop:
		return ErrClosed
	default:
		return c.ctx.Err()
	}
}

// walk visits every record of a segment file. The extents must be filled with
// whole records, without a byte between them.
func (c *compaction) walk(w *window, visit func(frame, []byte, Location) error) error {
	for _, x := range w.extents {
		w.enter(x)
		for offset := max(x.start, headerSize); offset < w.end; {
			if err := c.stopped(); err != nil {
				return err
			}
			f, body, ok, err := w.record(c.l.id, offset)
			if err != nil {
				return err
			}
			at := Location{Segment: c.span.number, Offset: offset, Length: f.length}
			if !ok {
				return &Damage{Segment: at.Segment, Offset: offset, Length: w.end - offset, Reason: "no whole record stands at the beginning of these"}
			}
			if err := visit(f, body, at); err != nil {
				return err
			}
			offset = at.End().Offset
		}
	}
	return nil
}

// ask has the caller decide about a record, and notes what is kept.
func (c *compaction) ask(f frame, body []byte, at Location) error {
	kept, err := c.keep(f.record(body, at))
	switch {
	case err != nil:
		return err
	case !kept && f.flags&Numbered != 0:
		return fmt.Errorf("record number %d at %d was not to be kept: numbered records cannot be dropped", f.seq, at.Offset)
	case !kept:
		c.report.Dropped++
		return nil
	}
	c.report.Kept++
	if n := len(c.extents); n > 0 && c.extents[n-1].end() == at.Offset {
		c.extents[n-1].size += f.size()
		return nil
	}
	c.extents = append(c.extents, extent{start: at.Offset, size: f.size()})
	return nil
}

// write makes the new file, durably, under a name of its own.
func (c *compaction) write(w *window, path string) error {
	f, err := c.l.fs.Create(path, diskCategory)
	if err != nil {
		return fmt.Errorf("create the new file: %w", err)
	}
	err = c.fill(w, f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write the new file: %w", err)
	}
	return nil
}

// fill writes header, table, the kept bytes, table, header.
func (c *compaction) fill(w *window, f vfs.File) error {
	b := bufio.NewWriterSize(&steady{c: c, f: f}, windowSize)
	b.Write(c.out.bytes()) // its errors stay with it until Flush
	b.Write(c.out.table(c.extents))
	for _, x := range c.extents {
		from, kept := w.find(x.start) // what is kept together stood together
		if !kept {
			return &Damage{Segment: c.span.number, Offset: x.start, Length: x.size, Reason: "the bytes are gone"}
		}
		n, err := b.ReadFrom(io.NewSectionReader(w.f, x.start-from.start+from.at, x.size))
		if err == nil && n < x.size {
			err = errShort
		}
		if err != nil {
			return err
		}
	}
	b.Write(c.out.table(c.extents))
	b.Write(c.out.bytes())
	return b.Flush()
}

// steady writes to a file and syncs it now and then.
type steady struct {
	c        *compaction
	f        vfs.File
	unsynced int
}

func (s *steady) Write(p []byte) (int, error) {
	if err := s.c.stopped(); err != nil {
		return 0, err
	}
	n, err := s.f.Write(p)
	if s.unsynced += n; err == nil && s.unsynced >= syncEvery {
		s.unsynced = 0
		err = s.f.SyncData()
	}
	return n, err
}

// verify reads the new file back, all of it.
func (c *compaction) verify(path string) error {
	w, err := c.open(path)
	if err != nil {
		return fmt.Errorf("read the new file back: %w", err)
	}
	defer w.close()
	if w.outline != c.out || w.size != c.out.size || !slices.Equal(w.extents, c.extents) {
		return errors.New("read the new file back: it does not say what was written")
	}
	kept := 0
	err = c.walk(w, func(frame, []byte, Location) error { kept++; return nil })
	if err != nil {
		return fmt.Errorf("read the new file back: %w", err)
	}
	if kept != c.report.Kept {
		return fmt.Errorf("read the new file back: it has %d records, %d were kept", kept, c.report.Kept)
	}
	return nil
}

// replace puts the new file in the place of the old one, durably. Readers that
// have the old one go on in it to their end.
func (c *compaction) replace(path string) error {
	fs := c.l.fs
	err := fs.Rename(path+unfinished, path)
	if err != nil {
		fs.Remove(path + unfinished)
	}
	c.l.files.forget(c.span.number)
	// The rename may have happened although it failed.
	if f := readSegmentFile(fs, c.l.dir, c.span.number, c.l.id, true); err == nil || f.outline == c.out {
		c.note()
	}
	if err != nil {
		return fmt.Errorf("put the new file in place: %w", err)
	}
	return syncDir(fs, c.l.dir)
}

// note has the ledger know of the new file.
func (c *compaction) note() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	for i := range c.l.spans {
		if s := &c.l.spans[i]; s.number == c.span.number {
			s.compact, s.disk = true, c.out.size
		}
	}
}
