package archive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// maxGone bounds the contents that one event gives up, and so its size.
const maxGone = 50_000

// CompactOptions say what Compact does.
type CompactOptions struct {
	// MinWaste is the share of a segment's bytes, from 0 to 1, that orphans must take
	// for the segment to be rewritten. 0 rewrites all that have any.
	MinWaste float64
	// DryRun changes nothing: the report is of what would be done.
	DryRun bool
}

// CompactReport counts what Compact has done.
type CompactReport struct {
	// Segments are those that were rewritten, in order.
	Segments []CompactedSegment
	// Records is the number of content records that were dropped, and Bytes what the
	// segments take less than before.
	Records uint64
	Bytes   int64
	// Busy is the number of records that were left because appends under way may need
	// them. Guarded and Unsure are as in an [OrphanReport].
	Busy, Guarded uint64
	Unsure        bool
}

// CompactedSegment is a segment that was rewritten.
type CompactedSegment struct {
	Segment uint32
	Records uint64
	// Before and After are what it took, and takes, on disk.
	Before, After int64
}

var errCompactReading = errors.New("the archive is open for reading only: nothing can be dropped")

// Compact drops content records that nothing needs, see [Archive.Orphans], from the
// segments where that pays, and gives their space back. Capture and reading go on
// meanwhile. The segment that is written to is ended first when it is among them. One
// segment is rewritten after the other, each needing as much free space as will be left
// of it; an event of the kind [EventCompaction] tells of each. A segment that is not
// whole is left alone. Calls wait for one another. After an error the report tells what
// was done before. progress, if not nil, is told of the bytes of the ledger read.
//
// Nothing that an entry or a policy is made of is ever dropped, whenever the process or
// the machine ends: a content that nothing refers to is first hidden from appends, then
// given up by an event, and dropped when the event is on stable storage.
func (a *Archive) Compact(ctx context.Context, o CompactOptions, progress func(done, total int64)) (CompactReport, error) {
	if !o.DryRun && a.catalog.overlay != nil {
		return CompactReport{}, errCompactReading
	}
	if math.IsNaN(o.MinWaste) || o.MinWaste < 0 || o.MinWaste > 1 {
		return CompactReport{}, fmt.Errorf("compact: the least waste of a segment is %v; it is a share from 0 to 1", o.MinWaste)
	}
	release, err := a.use()
	if err != nil {
		return CompactReport{}, err
	}
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-a.ending:
			cancel(ErrClosed)
		case <-ctx.Done():
		}
	}()
	select {
	case a.compacting <- struct{}{}:
	case <-ctx.Done():
		return CompactReport{}, context.Cause(ctx)
	}
	defer func() { <-a.compacting }()
	c := &compactor{a: a, o: o}
	if err := c.run(ctx, progress); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return c.report, fmt.Errorf("compact: %w", err)
	}
	return c.report, nil
}

// compactor is one call of Compact.
type compactor struct {
	a      *Archive
	o      CompactOptions
	s      *survey
	report CompactReport
}

func (c *compactor) run(ctx context.Context, progress func(done, total int64)) (err error) {
	if c.s, err = c.a.survey(ctx, progress); err != nil {
		return err
	}
	c.report.Unsure = c.s.unsure
	idle, err := c.s.idle()
	if err != nil {
		return err
	}
	for len(idle) > 0 {
		n := slices.IndexFunc(idle, func(i standing) bool { return i.segment != idle[0].segment })
		if n < 0 {
			n = len(idle)
		}
		if err := c.segment(ctx, idle[:n]); err != nil {
			return err
		}
		idle = idle[n:]
	}
	return nil
}

// segment compacts one segment, whose idle records are given, if that pays.
func (c *compactor) segment(ctx context.Context, idle []standing) error {
	select {
	case <-c.a.ending:
		return ErrClosed
	default:
	}
	info, waste := c.a.segments()[idle[0].segment], int64(0)
	for i := range idle {
		waste += idle[i].location().End().Offset - idle[i].offset
	}
	if c.s.damaged[info.Number] || info.Number == 0 || !c.pays(waste, &info) {
		return nil
	}
	current := info.Number == c.a.ledger.Mark().Segment
	if !current && !info.Sealed {
		return nil // the header behind it is damaged
	}
	if current && !c.o.DryRun {
		// Before a content is doomed: who writes it again, does so behind the segment.
		if err := c.a.ledger.Rotate(ctx); err != nil {
			return err
		}
		info = c.a.segments()[info.Number]
	}
	defer c.a.pins.spare()
	drop, err := c.choose(ctx, idle)
	if err != nil || len(drop) == 0 || !c.pays(bytesOf(drop), &info) {
		return err
	}
	after := info.Bytes - bytesOf(drop)
	if c.o.DryRun {
		c.count(info.Number, uint64(len(drop)), info.Bytes, after)
		return nil
	}
	if err := c.a.space.room(after); err != nil {
		return err
	}
	if err := c.giveUp(ctx, info.Number, drop); err != nil {
		return err
	}
	return c.drop(ctx, info.Number, drop)
}

// pays tells whether a segment is worth rewriting.
func (c *compactor) pays(waste int64, info *ledger.SegmentInfo) bool {
	return waste > 0 && float64(waste) >= c.o.MinWaste*float64(info.Bytes)
}

func bytesOf(drop []verdict) (n int64) {
	for i := range drop {
		n += drop[i].Bytes()
	}
	return n
}

func (c *compactor) count(segment uint32, records uint64, before, after int64) {
	c.report.Segments = append(c.report.Segments, CompactedSegment{segment, records, before, after})
	c.report.Records += records
	c.report.Bytes += before - after
}

// choose gives the records that can be dropped. Until pins.spare is called, no append
// counts on one of those that are not used.
func (c *compactor) choose(ctx context.Context, idle []standing) ([]verdict, error) {
	var drop []verdict
	for i := range idle {
		v, err := c.s.judge(ctx, &idle[i])
		if err != nil {
			return nil, err
		}
		if v.guarded {
			c.report.Guarded++
		}
		if v.why == OrphanUnused && !c.doom(v.key) {
			c.report.Busy++
			continue
		}
		if v.why != "" {
			drop = append(drop, v)
		}
	}
	// Whoever has referred to one of them before it was doomed, has done so by now.
	if err := c.s.again(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(drop, func(v verdict) bool { return v.why == OrphanUnused && c.s.uses(v.mark) }), nil
}

// doom hides a content from appends, unless one holds it.
func (c *compactor) doom(key string) bool {
	if c.o.DryRun {
		return !c.a.pins.pinned(key)
	}
	return c.a.pins.doom(key)
}

// giveUp records which contents do not count any more, durably. No record of them that
// the ledger was read without stands before the last of those that are dropped.
func (c *compactor) giveUp(ctx context.Context, segment uint32, drop []verdict) error {
	left, err := c.left(segment, drop)
	if err != nil {
		return err
	}
	until := int64(0)
	for i := range drop {
		until = max(until, drop[i].at.End().Offset)
	}
	for len(drop) > 0 {
		n := min(len(drop), maxGone)
		one := &Compaction{Segment: segment, Records: uint64(n), Bytes: bytesOf(drop[:n]), gone: gone(drop[:n]), until: until}
		if drop = drop[n:]; len(drop) == 0 {
			one.left = left
		}
		text := fmt.Sprintf("%d content records of segment %s, %d bytes, were given up: nothing needs them",
			one.Records, ledger.SegmentName(segment), one.Bytes)
		_, err := c.a.appendEvent(ctx, nil, Event{Kind: EventCompaction, Time: time.Now(), Text: text, Compaction: one})
		if err != nil {
			return err
		}
	}
	return nil
}

// gone gives the contents that are not to be found any more, by tenant.
func gone(drop []verdict) (list []goneContents) {
	index, seen := map[string]int{}, map[string]bool{}
	for i := range drop {
		v := &drop[i]
		if v.why != OrphanUnused || seen[v.key] {
			continue
		}
		seen[v.key] = true
		at, known := index[v.tenant]
		if !known {
			at = len(list)
			index[v.tenant] = at
			list = append(list, goneContents{Tenant: v.tenant})
		}
		list[at].Hashes = append(list[at].Hashes, v.hash[:]...)
	}
	return list
}

// left counts the content records that a segment will have. Of one that was written to
// when the ledger was read there are more by now; it was never compacted, and the
// catalog has the count.
func (c *compactor) left(segment uint32, drop []verdict) ([]leftContents, error) {
	counts, err := map[string]held{}, error(nil)
	if segment >= c.s.last {
		counts, err = readHeld(c.a.catalog.reader(), segment)
	} else {
		for _, r := range c.s.in(segment) {
			at := r.location()
			h := counts[c.s.tenants[r.tenant]]
			counts[c.s.tenants[r.tenant]] = held{h.Records + 1, h.Bytes + uint64(at.End().Offset-at.Offset)}
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range drop {
		h := counts[drop[i].tenant]
		counts[drop[i].tenant] = held{h.Records - 1, h.Bytes - uint64(drop[i].Bytes())}
	}
	var list []leftContents
	for tenant, h := range counts {
		list = append(list, leftContents{tenant, h})
	}
	slices.SortFunc(list, func(a, b leftContents) int { return strings.Compare(a.Tenant, b.Tenant) })
	return list, nil
}

// readHeld gives what a segment holds of contents, by tenant.
func readHeld(from pebble.Reader, segment uint32) (map[string]held, error) {
	prefix := heldKey(segment, "")
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return nil, catalogError(err)
	}
	all := map[string]held{}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		all[string(it.Key()[len(prefix):])], err = decodeHeld(it.Value())
	}
	if err := errors.Join(err, it.Error(), it.Close()); err != nil {
		return nil, catalogError(err)
	}
	return all, nil
}

// drop rewrites a segment without records that were given up.
func (c *compactor) drop(ctx context.Context, segment uint32, drop []verdict) error {
	c.a.drops.Add(1)
	at := make(map[int64]bool, len(drop))
	for i := range drop {
		at[drop[i].at.Offset] = true
	}
	r, err := c.a.ledger.Compact(ctx, segment, func(r ledger.Record) (bool, error) {
		return r.Type != typeContent || !at[r.At.Offset], nil
	})
	if err != nil {
		return c.a.written(err)
	}
	c.count(segment, uint64(r.Dropped), r.Before, r.After)
	return nil
}
