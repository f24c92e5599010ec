package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// span is the part of a segment file that counts as ledger.
type span struct {
	number uint32
	size   int64 // of the file
	end    int64
	// sealed tells that end is known from the segment behind, so that every byte
	// before it had been acknowledged. Else end is that of the file.
	sealed bool
	// bounded tells that the segment behind has lost its header, and begins with
	// group until. A record of that group here is left from a failed write; what
	// is of an earlier group had been acknowledged.
	bounded bool
	until   uint32
	// compact tells that records were dropped from it; then it is sealed.
	compact bool
	// header is zero when it cannot be read.
	header header
	// disk is the size of a compacted segment's file, 0 for another.
	disk int64
}

// bytes is how many bytes of the file count.
func (s span) bytes() int64 {
	if s.disk > 0 {
		return s.disk
	}
	return s.end
}

// acknowledged reports whether this group, found or missed here, was.
func (s span) acknowledged(group uint32) bool {
	return s.sealed || s.bounded && later(s.until, group)
}

// later compares group numbers, which go round: one is later when it lies less
// than half a round ahead.
func later(a, b uint32) bool { return int32(a-b) > 0 }

// chain is the ledger as its files tell it.
type chain struct {
	id     identity
	known  bool   // id was found
	spans  []span // ascending
	last   uint32 // highest number of any segment known of, 0 for none
	damage []Damage
}

// segmentFile is what a look at a segment file gave.
type segmentFile struct {
	ends
	number uint32
	reach  int64 // how far it goes in the segment
}

// readSegmentFile looks at a segment file; see readEnds.
func readSegmentFile(fs vfs.FS, dir string, number uint32, id identity, known bool) segmentFile {
	s := segmentFile{number: number}
	f, err := fs.Open(fs.PathJoin(dir, SegmentName(number)))
	if err != nil {
		s.err = err
		return s
	}
	defer f.Close()
	if s.ends, err = readEnds(f, number, id, known); err != nil {
		s.err = err
		return s
	}
	s.reach = s.ends.reach(f)
	return s
}

// readChain looks at every segment's header, which tells where the segment
// before it ends. applied is the position that the caller knows to have been
// acknowledged. With tolerant set, a header that the disk does not give counts
// as damaged, else it is an error.
func readChain(fs vfs.FS, dir string, applied Position, tolerant bool) (*chain, error) {
	numbers, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	files := make([]segmentFile, len(numbers))
	for i, n := range numbers {
		f := readSegmentFile(fs, dir, n, identity{}, false)
		if err := cmp.Or(f.failed, f.err); err != nil && err != errHeader && !tolerant {
			return nil, fmt.Errorf("ledger segment %s: %w", SegmentName(n), err)
		}
		files[i] = f
	}
	c := &chain{}
	if err := c.identify(fs, dir, files); err != nil {
		return nil, err
	}
	for i, f := range files {
		if f.err != nil && c.known {
			files[i] = readSegmentFile(fs, dir, f.number, c.id, true)
			if err := files[i].failed; err != nil && !tolerant {
				return nil, fmt.Errorf("ledger segment %s: %w", SegmentName(f.number), err)
			}
		}
	}
	c.link(files, applied)
	return c, c.bound(fs, dir, tolerant)
}

// identify finds the ledger's identity: from the segment headers, which have a
// CRC, or else from its own file.
func (c *chain) identify(fs vfs.FS, dir string, files []segmentFile) error {
	for _, f := range files {
		switch {
		case f.err != nil:
		case !c.known:
			c.id, c.known = f.header.id, true
		case f.header.id != c.id:
			return fmt.Errorf("ledger segment %s belongs to another archive than those before it", SegmentName(f.number))
		}
	}
	id, found, err := readIdentity(fs, dir)
	if err != nil {
		return err
	}
	if len(files) > 0 && (!found || c.known && id != c.id) {
		c.damage = append(c.damage, Damage{Reason: "the file " + identityFile + " is damaged or missing"})
	}
	if !c.known {
		c.id, c.known = id, found
	}
	return nil
}

// link walks from the last segment back to the first.
func (c *chain) link(files []segmentFile, applied Position) {
	end := int64(-1) // of the segment at hand, as the one behind it tells; -1: unknown
	if len(files) > 0 {
		c.last = files[len(files)-1].number
	}
	if applied.Segment > c.last {
		c.last, end = applied.Segment, applied.Offset
	}
	expect := c.last
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		if f.number < expect {
			c.missing(f.number+1, expect, end)
			end = -1
		}
		s := span{number: f.number, size: f.size, end: f.reach, header: f.header}
		if f.known() {
			s.end, s.disk = f.outline.end, f.outline.size
		}
		s.compact, s.sealed = f.header.compact, f.header.compact // no other is compacted
		if end >= 0 {
			s.end, s.sealed = end, true
		}
		c.checkSpan(f, &s, applied)
		c.spans = append(c.spans, s)
		expect, end = f.number-1, -1
		if f.err == nil {
			end = f.header.prev.Offset
		}
	}
	if expect > 0 {
		c.missing(1, expect, end)
	}
	slices.Reverse(c.spans)
}

func (c *chain) missing(first, last uint32, end int64) {
	d := Damage{Segment: last, Length: max(end, 0), Reason: "the segment is missing"}
	if first < last {
		d.Reason = fmt.Sprintf("the segments %d to %d are missing", first, last)
	}
	c.damage = append(c.damage, d)
}

// checkSpan reports a damaged header and a file that is too short.
func (c *chain) checkSpan(f segmentFile, s *span, applied Position) {
	if f.err != nil {
		c.damage = append(c.damage, Damage{Segment: f.number, Length: headerSize, Reason: f.err.Error()})
	}
	for _, reason := range f.worn {
		c.damage = append(c.damage, wornDamage(f.number, reason))
	}
	acked := s.end
	if f.number == applied.Segment {
		acked = max(acked, applied.Offset)
	}
	if f.reach < acked {
		c.damage = append(c.damage, Damage{
			Segment: f.number, Offset: f.reach, Length: acked - f.reach,
			Reason: "the file is cut short",
		})
		s.end = f.reach
	}
}

// bound finds, for the segments before a lost header, where they end.
func (c *chain) bound(fs vfs.FS, dir string, tolerant bool) error {
	for i := range c.spans[:max(len(c.spans)-1, 0)] {
		s, behind := &c.spans[i], c.spans[i+1]
		if s.sealed || behind.header.number != 0 || behind.number != s.number+1 {
			continue
		}
		behind.end = behind.size // a torn group, too, tells what was not before it
		w, err := openWindow(fs, dir, behind, c.id, tolerant)
		if err != nil {
			return err
		}
		_, f, found, err := w.next(c.id, headerSize)
		w.close()
		if err != nil {
			return err
		}
		s.bounded, s.until = found, f.group
	}
	return nil
}
