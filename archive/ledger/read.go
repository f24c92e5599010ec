package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// maxReaders is how many segments are kept open for reading.
	maxReaders = 64
	// maxExtents is how many extents they may have in all, of 24 bytes each. One
	// segment with more is kept open nevertheless.
	maxExtents = 2 << 20
)

// Read reads one record. The error is a [*Damage] when the record is not whole,
// not there, or not the one that was written there. It wraps [ErrDropped] when
// the record was dropped by compaction.
func (l *Ledger) Read(at Location) (Record, error) {
	if !at.possible() {
		return Record{}, damageAt(at, "no record can stand here")
	}
	f, err := l.files.get(at.Segment, l.id)
	if err != nil {
		if isNotExist(err) {
			return Record{}, damageAt(at, "the segment is missing")
		}
		return Record{}, err
	}
	defer l.files.put(f)
	x, kept := f.find(at.Offset)
	if !kept && at.Offset < f.length {
		d := damageAt(at, ErrDropped.Error())
		d.cause = ErrDropped
		return Record{}, d
	}
	if !kept {
		return Record{}, damageAt(at, "the segment ends before this place")
	}
	buf := make([]byte, frameSize+int(at.Length))
	n, err := f.file.ReadAt(buf, at.Offset-x.start+x.at)
	switch {
	case err == io.EOF && n < len(buf) && f.lost == nil:
		return Record{}, damageAt(at, "the file is cut short")
	case err != nil && err != io.EOF:
		return Record{}, damageAt(at, "read error: "+err.Error())
	}
	fr, ok := parseFrame(buf, l.id, at.Segment, at.Offset)
	if !ok && f.lost != nil {
		return Record{}, damageAt(at, "the record is not found: "+f.lost.Error())
	}
	if !ok || fr.length != at.Length {
		return Record{}, damageAt(at, "the record's header is damaged")
	}
	body := buf[frameSize:]
	if crc(0, body) != fr.bodyCRC {
		return Record{}, damageAt(at, "the record is damaged")
	}
	return fr.record(body, at), nil
}

func damageAt(at Location, reason string) *Damage {
	return &Damage{Segment: at.Segment, Offset: at.Offset, Length: frameSize + int64(at.Length), Reason: reason}
}

// Scan reads the whole ledger from its beginning to the mark it had when Scan
// was called, and checks every record. visit is given the records in order,
// whatever the damage between them; damaged is given what is damaged. Either is
// called from the calling goroutine only. Blocks that the disk does not give
// are damage, not an error; the error is that of visit, of ctx, or of the folder.
func (l *Ledger) Scan(ctx context.Context, visit func([]Record) error, damaged func(Damage)) error {
	end := l.Mark()
	c, err := readChain(l.fs, l.dir, end.Position, true)
	if err != nil {
		return err
	}
	for _, d := range c.damage {
		damaged(d)
	}
	s := newScanner(l, start())
	s.damaged, s.tolerant = damaged, true
	var ended error
	s.visit = func(records []Record, _ Mark) error {
		ended = visit(records)
		return ended
	}
	for _, sp := range c.spans {
		if sp.number > end.Segment {
			break
		}
		if sp.number == end.Segment {
			sp.end, sp.sealed = min(sp.end, end.Offset), true
		}
		if _, err := s.segment(ctx, sp, 0); err != nil {
			if ended != nil || ctx.Err() != nil {
				return err
			}
			damaged(Damage{Segment: sp.number, Offset: s.mark.Offset, Length: sp.end - s.mark.Offset, Reason: err.Error()})
		}
	}
	s.finish(end.Seq)
	return nil
}

// readers keeps segments open for reading, the least recently used are closed.
type readers struct {
	fs      vfs.FS
	dir     string
	mu      sync.Mutex
	open    map[uint32]*reader
	extents int // of all that are open
	tick    uint64
	gone    bool // Close was called
}

type reader struct {
	layout
	file    vfs.File
	segment uint32
	users   int
	used    uint64
}

// get opens a segment, or gives the file that is open. The caller puts it back.
func (r *readers) get(segment uint32, id identity) (*reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return nil, ErrClosed
	}
	f := r.open[segment]
	if f == nil {
		file, err := r.fs.Open(r.fs.PathJoin(r.dir, SegmentName(segment)))
		if err != nil {
			return nil, fmt.Errorf("open segment: %w", err)
		}
		f = &reader{file: file, segment: segment}
		if f.layout, err = readLayout(file, segment, id, false); err != nil {
			file.Close()
			return nil, fmt.Errorf("open segment: %w", err)
		}
		if f.lost == nil || f.failed == nil { // else it may be found when the disk works again
			r.open[segment] = f
			r.extents += len(f.layout.extents)
			r.evict(f)
		}
	}
	r.tick++
	f.used = r.tick
	f.users++
	return f, nil
}

// put gives a file back, and closes it when it was let go of meanwhile.
func (r *readers) put(f *reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.users--
	if f.users == 0 && r.open[f.segment] != f {
		f.file.Close()
	}
}

// evict closes the least recently used files that nobody uses.
func (r *readers) evict(except *reader) {
	for len(r.open) > maxReaders || r.extents > maxExtents {
		var oldest *reader
		for _, f := range r.open {
			if f.users == 0 && f != except && (oldest == nil || f.used < oldest.used) {
				oldest = f
			}
		}
		if oldest == nil {
			return
		}
		r.remove(oldest)
		oldest.file.Close()
	}
}

// forget lets go of a segment whose file was replaced.
func (r *readers) forget(segment uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.open[segment]; f != nil {
		r.remove(f)
		if f.users == 0 {
			f.file.Close()
		}
	}
}

// remove takes a file out of those that are kept open.
func (r *readers) remove(f *reader) {
	delete(r.open, f.segment)
	r.extents -= len(f.layout.extents)
}

// close lets go of all files. Those in use are closed when they are given back.
func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	var errs []error
	for _, f := range r.open {
		r.remove(f)
		if f.users == 0 {
			errs = append(errs, f.file.Close())
		}
	}
	return errors.Join(errs...)
}
