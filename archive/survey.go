package archive

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// survey is what there is to know in order to tell which content records are needed:
// all of them, and all that entries and policies are made of.
type survey struct {
	a       *Archive
	records []standing // in the order of the ledger
	used    marks
	// unsure tells that there are entries, or policies, of which nothing is known.
	unsure  bool
	damaged map[uint32]bool // segments that are not whole
	next    uint64          // entries and events before this number are in used
	last    uint32          // the segment that was written to when the reading began

	tenants  []string
	index    map[string]uint32 // of tenants
	progress func(done, total int64)
	done     int64
	total    int64
}

// standing is a content record. It is small, as there are many.
type standing struct {
	offset          int64
	mark            uint64 // see markOf
	segment, length uint32
	tenant          uint32 // index in survey.tenants
}

func (c *standing) location() ledger.Location {
	return ledger.Location{Segment: c.segment, Offset: c.offset, Length: c.length}
}

// survey reads the ledger.
func (a *Archive) survey(ctx context.Context, progress func(done, total int64)) (*survey, error) {
	mark := a.ledger.Mark()
	s := &survey{
		a: a, index: map[string]uint32{}, damaged: map[uint32]bool{}, unsure: len(a.damage) > 0,
		next: mark.Seq, last: mark.Segment, progress: progress,
	}
	_, s.total = a.ledger.Size()
	err := a.ledger.Scan(ctx, func(list []ledger.Record) error { return s.take(ctx, list) }, func(d ledger.Damage) {
		s.unsure = true
		s.damaged[d.Segment] = true
	})
	return s, err
}

// take notes records of the ledger.
func (s *survey) take(ctx context.Context, list []ledger.Record) error {
	for _, r := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch r.Type {
		case typeContent:
			s.content(&r)
		case typeEntry:
			e, err := s.a.codec.decodeEntry(r)
			s.entry(&e, err)
		case typeEvent:
			e, err := s.a.codec.decodeEvent(r)
			s.event(&e, err)
		}
		s.done += r.At.End().Offset - r.At.Offset
	}
	if s.progress != nil {
		s.progress(min(s.done, s.total), s.total)
	}
	return nil
}

// content notes a content record. One that cannot be read is no orphan.
func (s *survey) content(r *ledger.Record) {
	c, err := decodeContent(r.Body)
	if err != nil {
		s.damaged[r.At.Segment] = true
		return
	}
	i, known := s.index[c.tenant]
	if !known {
		i = uint32(len(s.tenants))
		s.tenants = append(s.tenants, c.tenant)
		s.index[c.tenant] = i
	}
	s.records = append(s.records, standing{
		offset: r.At.Offset, mark: markOf(c.tenant, c.hash[:]), segment: r.At.Segment, length: r.At.Length, tenant: i,
	})
}

// entry notes what an entry's message is made of.
func (s *survey) entry(e *Entry, err error) {
	if err != nil {
		s.unsure = true
		return
	}
	s.refer(e.Tenant, e.formula)
}

// event notes what the files of a policy are made of.
func (s *survey) event(e *Event, err error) {
	if err != nil {
		s.unsure = true
		return
	}
	for i := range e.Files {
		f, _ := oldFormula(e.Files[i].recipe)
		s.refer(policyTenant, f)
	}
}

// refer notes the contents of a formula. What is in the entry's own text is not looked
// for elsewhere.
func (s *survey) refer(tenant string, f *formula) {
	for i := range f.pieces {
		s.unsure = s.unsure || f.pieces[i].from == unknown
	}
	for i := range f.contents {
		if c := &f.contents[i]; !c.Inline {
			s.used.add(markOf(tenant, c.Hash[:]))
		}
	}
}

// uses tells whether a content is needed, or may be.
func (s *survey) uses(mark uint64) bool { return s.unsure || s.used.has(mark) }

// again looks at the entries and events that have come in since the last look. The
// catalog must know each of them.
func (s *survey) again(ctx context.Context) error {
	from, end := s.a.catalog.reader(), s.a.ledger.Mark().Seq
	q, seen := Query{After: s.next - 1, Before: end}, s.next
	for id, err := range scan(ctx, from, []byte{keyEntry}, q) {
		var e Entry
		if err == nil {
			e, err = s.a.recorded(from, id)
		}
		if err != nil {
			return err
		}
		s.entry(&e, nil)
		seen++
	}
	for id, err := range scan(ctx, from, []byte{keyEvent}, q) {
		var e Event
		if err == nil {
			e, err = s.a.event(from, id)
		}
		if err != nil {
			return err
		}
		s.event(&e, nil)
		seen++
	}
	s.unsure = s.unsure || seen != end
	s.next = end
	return nil
}

// idle gives the records that are not both used and the ones that count.
func (s *survey) idle() ([]standing, error) {
	counts, err := s.counting()
	if err != nil {
		return nil, err
	}
	var idle []standing
	for _, c := range s.records {
		if _, found := slices.BinarySearchFunc(counts, ledger.Position{Segment: c.segment, Offset: c.offset}, comparePlaces); !found {
			idle = append(idle, c)
		}
	}
	return idle, nil
}

// in gives the records of a segment.
func (s *survey) in(segment uint32) []standing {
	begin := func(segment uint32) int {
		i, _ := slices.BinarySearchFunc(s.records, segment, func(c standing, segment uint32) int { return cmp.Compare(c.segment, segment) })
		return i
	}
	return s.records[begin(segment):begin(segment+1)]
}

// counting gives the places of the records that are used and count, in order.
func (s *survey) counting() ([]ledger.Position, error) {
	prefix := []byte{keyContent}
	it, err := s.a.catalog.reader().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return nil, catalogError(err)
	}
	var places []ledger.Position
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		key := it.Key()
		if len(key) < 2 || len(key) != 2+int(key[1])+len(Digest{}) {
			err = errors.New("the key of a content is damaged")
			continue
		}
		at, rest, whole := decodeLocation(it.Value())
		if !whole {
			err = errLocation
		}
		n := 2 + int(key[1])
		if len(rest) == 0 && s.uses(markOf(string(key[2:n]), key[n:])) {
			places = append(places, ledger.Position{Segment: at.Segment, Offset: at.Offset})
		}
	}
	if err := errors.Join(err, it.Error(), it.Close()); err != nil {
		return nil, catalogError(err)
	}
	slices.SortFunc(places, comparePlaces)
	return places, nil
}

func comparePlaces(a, b ledger.Position) int {
	return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Offset, b.Offset))
}

// markOf is a short name of a content. Should two have the same, one that is used has
// the other taken for used.
func markOf(tenant string, hash []byte) uint64 {
	h := fnv.New64a()
	h.Write([]byte(tenant))
	return h.Sum64() ^ binary.BigEndian.Uint64(hash)
}

// marks is a set, 8 bytes for each member and as much again while it grows.
type marks struct {
	sorted, fresh []uint64
	mixed         bool // fresh is not in order
}

func (m *marks) add(v uint64) {
	m.fresh, m.mixed = append(m.fresh, v), true
	if len(m.fresh) > len(m.sorted)+1024 {
		m.sorted = append(m.sorted, m.fresh...)
		slices.Sort(m.sorted)
		m.sorted, m.fresh = slices.Compact(m.sorted), m.fresh[:0]
	}
}

func (m *marks) has(v uint64) bool {
	if m.mixed {
		slices.Sort(m.fresh)
		m.mixed = false
	}
	_, found := slices.BinarySearch(m.sorted, v)
	if !found {
		_, found = slices.BinarySearch(m.fresh, v)
	}
	return found
}
