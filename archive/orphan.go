package archive

import (
	"context"
	"errors"

	"daybook/archive/ledger"
)

// OrphanReason says why nothing needs a content record.
type OrphanReason string

const (
	// OrphanSuperseded: another copy of the content counts, which can be read.
	OrphanSuperseded OrphanReason = "superseded"
	// OrphanUnused: no entry, and no file of a policy, is made of the content. An
	// append that did not come to its end leaves such.
	OrphanUnused OrphanReason = "unused"
)

// Orphan is a content record that nothing needs.
type Orphan struct {
	// Segment and Offset say where in the ledger it stands, and Bytes what it takes
	// there.
	Segment       uint32
	Offset, Bytes int64
	// Tenant and SHA256 name the content; the tenant is empty for one of a policy.
	Tenant string
	SHA256 Digest
	Why    OrphanReason
}

// OrphanReport counts what Orphans has found.
type OrphanReport struct {
	// Contents is the number of content records, Orphans that of those which nothing
	// needs, and Bytes what these take.
	Contents, Orphans uint64
	Bytes             int64
	// Guarded is the number of superseded records that are no orphans, for the copy that
	// counts instead cannot be read.
	Guarded uint64
	// Unsure tells that damage hides what entries are made of. Then no content is taken
	// for unused.
	Unsure bool
	// Segments are those with orphans, in order.
	Segments []SegmentOrphans
}

// SegmentOrphans are the orphans of one segment.
type SegmentOrphans struct {
	Segment uint32
	// Records is the number of orphans, Bytes what they take, and Size what the segment
	// does on disk.
	Records     uint64
	Bytes, Size int64
}

// Orphans reads the whole ledger and gives found every content record that nothing
// needs, in the order of the ledger. What appends that are under way have written is
// not among them. It changes nothing. progress, if not nil, is told of the bytes of the
// ledger read. The error is ctx's, or one that kept it from finishing. In memory it
// takes some 50 bytes for each content.
func (a *Archive) Orphans(ctx context.Context, progress func(done, total int64), found func(Orphan)) (OrphanReport, error) {
	s, err := a.survey(ctx, progress)
	if err != nil {
		return OrphanReport{}, err
	}
	idle, err := s.idle()
	report := OrphanReport{Contents: uint64(len(s.records)), Unsure: s.unsure}
	for i := 0; i < len(idle) && err == nil; i++ {
		var v verdict
		if v, err = s.judge(ctx, &idle[i]); err == nil && !(v.why == OrphanUnused && a.pins.pinned(v.key)) {
			report.add(&v, found)
		}
	}
	sizes := a.segments()
	for i := range report.Segments {
		report.Segments[i].Size = sizes[report.Segments[i].Segment].Bytes
	}
	return report, err
}

// add counts a record that was judged.
func (r *OrphanReport) add(v *verdict, found func(Orphan)) {
	if v.guarded {
		r.Guarded++
	}
	if v.why == "" {
		return
	}
	r.Orphans++
	r.Bytes += v.Bytes()
	last := len(r.Segments) - 1
	if last < 0 || r.Segments[last].Segment != v.at.Segment {
		r.Segments = append(r.Segments, SegmentOrphans{Segment: v.at.Segment})
		last++
	}
	r.Segments[last].Records++
	r.Segments[last].Bytes += v.Bytes()
	found(Orphan{Segment: v.at.Segment, Offset: v.at.Offset, Bytes: v.Bytes(), Tenant: v.tenant, SHA256: v.hash, Why: v.why})
}

// segments gives what there is to know of each segment, by its number.
func (a *Archive) segments() map[uint32]ledger.SegmentInfo {
	all := map[uint32]ledger.SegmentInfo{}
	for _, s := range a.ledger.Segments() {
		all[s.Number] = s
	}
	return all
}

// verdict says what becomes of a content record.
type verdict struct {
	at     ledger.Location
	tenant string
	hash   Digest
	key    string
	mark   uint64
	// why is empty for a record that is needed, or that may be. guarded tells of a
	// superseded one that the copy which counts cannot stand in for.
	why     OrphanReason
	guarded bool
}

// Bytes is what the record takes in the ledger.
func (v *verdict) Bytes() int64 { return v.at.End().Offset - v.at.Offset }

// judge decides about a record that is not the one that counts and is used. In doubt it
// is needed.
func (s *survey) judge(ctx context.Context, c *standing) (v verdict, err error) {
	if err := ctx.Err(); err != nil {
		return v, err
	}
	v = verdict{at: c.location(), mark: c.mark}
	r, err := s.a.ledger.Read(v.at)
	if d := (*ledger.Damage)(nil); errors.As(err, &d) {
		return v, nil // it is damaged, or was dropped meanwhile
	}
	if err != nil {
		return v, err
	}
	content, err := decodeContent(r.Body)
	if err != nil || r.Type != typeContent {
		return v, nil
	}
	v.tenant, v.hash = content.tenant, content.hash
	key := contentKey(v.tenant, v.hash[:])
	v.key = string(key)
	at, inline, err := contentPlace(s.a.catalog.reader(), key)
	absent := errors.Is(err, ErrNotFound)
	used := s.uses(c.mark)
	switch {
	case err != nil && !absent:
		return v, err
	case !used:
		v.why = OrphanUnused
	case absent || at == v.at && inline < 0 || at.Segment < v.at.Segment || at.Segment == v.at.Segment && at.Offset < v.at.Offset:
		// It counts, or the catalog is not as it should be, which Verify tells.
	default:
		_, err := s.a.content(ctx, &stored{tenant: v.tenant}, v.hash, int(content.size))
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		if v.guarded = err != nil; !v.guarded {
			v.why = OrphanSuperseded
		}
	}
	return v, nil
}
