package archive

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Entries are found by time through spans: for every 16 numbers in a row, and for every
// 16 times as many, and so on, the catalog has the first and the last time of arrival of
// the entries among them. Of a message's first entry all its entries count. As clocks
// mostly go forward, few spans of numbers may hold a time that is looked for, and the
// others are passed over. Where clocks have jumped more may; that costs time, and what is
// found stays the same.

const (
	// spanBits is how many numbers the shortest spans are long, as a power of two, and by
	// how much those of a level are longer than those below.
	spanBits   = 4
	spanLevels = 5
	// maxSpans is how many spans are remembered of those that were widened last.
	maxSpans = 1024
)

// spanName names a span: its level, 0 for the shortest ones, and its place among those.
type spanName struct {
	level byte
	place uint64
}

// spanOf gives the span that a number is in.
func spanOf(level byte, number uint64) spanName {
	return spanName{level, number >> (spanBits * (level + 1))}
}

// begin is the first number of the span, and end the first one behind it.
func (n spanName) begin() uint64 { return n.place << (spanBits * (n.level + 1)) }
func (n spanName) end() uint64   { return (n.place + 1) << (spanBits * (n.level + 1)) }

// enter is the number of the span that is come to first.
func (n spanName) enter(reverse bool) uint64 {
	if reverse {
		return n.end() - 1
	}
	return n.begin()
}

// leave is the number that is come to first behind the span; ok is false when there is
// none.
func (n spanName) leave(reverse bool) (_ uint64, ok bool) {
	if reverse {
		return n.begin() - 1, n.begin() > 0
	}
	return n.end(), n.end() > 0
}

func (n spanName) key() []byte {
	return binary.BigEndian.AppendUint64([]byte{keyTime, n.level}, n.place)
}

// span are two times, the first and the last one, in nanoseconds since 1970.
type span struct{ first, last uint64 }

// always is the span of all times.
func always() span { return span{0, math.MaxInt64} }

func spanOfTime(t time.Time) span {
	at := uint64(max(0, t.UnixNano()))
	return span{at, at}
}

// with gives the span of both.
func (s span) with(o span) span { return span{min(s.first, o.first), max(s.last, o.last)} }

// meets tells whether the two have a time in common.
func (s span) meets(o span) bool { return s.first <= o.last && o.first <= s.last }

func (s span) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), s.first), s.last)
}

var errSpan = errors.New("the times of entries are damaged")

func decodeSpan(b []byte) (span, error) {
	if len(b) != 16 {
		return span{}, errSpan
	}
	s := span{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	if s.first > s.last || s.last > math.MaxInt64 {
		return span{}, errSpan
	}
	return s, nil
}

// spanIn gives a span; ok is false when no entry is in it.
func spanIn(from pebble.Reader, n spanName) (s span, ok bool, err error) {
	v, closer, err := from.Get(n.key())
	if errors.Is(err, pebble.ErrNotFound) {
		return span{}, false, nil
	}
	if err != nil {
		return span{}, false, catalogError(err)
	}
	defer closer.Close()
	if s, err = decodeSpan(v); err != nil {
		return span{}, false, catalogError(err)
	}
	return s, true, nil
}

// cover widens the spans that a number is in by a time.
func (k *catalog) cover(number uint64, at span, s *state) {
	for level := range byte(spanLevels) {
		n := spanOf(level, number)
		now, ok := k.span(n, s)
		if wide := now.with(at); !ok {
			k.pass.spans[n] = at
		} else if wide != now {
			k.pass.spans[n] = wide
		}
	}
}

// span gives a span as the records so far have left it. One that cannot be read is noted,
// and is that of all times: entries are then found by any.
func (k *catalog) span(n spanName, s *state) (span, bool) {
	if one, ok := k.pass.spans[n]; ok {
		return one, true
	}
	if one, ok := k.spans[n]; ok {
		return one, true
	}
	one, ok, err := spanIn(k.reader(), n)
	if err != nil {
		s.doubts++
		one, ok = always(), true
	}
	if ok {
		k.pass.spans[n] = one
	}
	return one, ok
}

// writeSpans writes the spans that were widened.
func (p *pass) writeSpans(b *pebble.Batch) error {
	for n, s := range p.spans {
		if err := b.Set(n.key(), s.encode(), nil); err != nil {
			return err
		}
	}
	return nil
}

// keepSpans remembers the spans that a group has widened.
func (k *catalog) keepSpans() {
	if len(k.spans) > maxSpans {
		clear(k.spans)
	}
	for n, s := range k.pass.spans {
		k.spans[n] = s
	}
}

// wanted gives the times that a query wants; ok is false when it wants all.
func (q *Query) wanted() (w span, ok bool) {
	w = always()
	if !q.Since.IsZero() {
		w.first = clampTime(q.Since)
	}
	if !q.Until.IsZero() {
		w.last = clampTime(q.Until)
	}
	return w, !q.Since.IsZero() || !q.Until.IsZero()
}

// clampTime is a time in nanoseconds since 1970, or the nearest one that can be.
func clampTime(t time.Time) uint64 {
	const last = math.MaxInt64 / int64(time.Second)
	switch s := t.Unix(); {
	case s < 0:
		return 0
	case s >= last:
		return math.MaxInt64
	}
	return uint64(t.UnixNano())
}

// times finds the numbers that may be of entries that came in within a time. Its caller
// closes spans.
type times struct {
	spans   *pebble.Iterator // the spans of all levels
	wanted  span
	reverse bool
	met     [spanLevels]spanName // of each level, the span that was found last
	known   [spanLevels]bool     // there is one
}

// newTimes looks at the spans as they stand now. They lack what comes in later, so
// whoever goes through numbers has to have begun before.
func newTimes(from pebble.Reader, wanted span, reverse bool) (*times, error) {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: []byte{keyTime}, UpperBound: []byte{keyTime + 1}})
	if err != nil {
		return nil, catalogError(err)
	}
	return &times{spans: it, wanted: wanted, reverse: reverse}, nil
}

// next gives a number itself when it may be of an entry that is wanted. Else it gives
// one further on, or further back in reverse, before which none is wanted; the caller
// asks again with the first of its own numbers from there. So what is looked at is
// bounded by those, and not by the entries of the archive. ok is false when there is
// none.
func (w *times) next(number uint64) (_ uint64, ok bool, err error) {
	const top = spanLevels - 1
	for level := top; level >= 0; level-- {
		n := spanOf(byte(level), number)
		if w.known[level] && w.met[level] == n {
			continue
		}
		found, ok, err := w.find(n, level == top)
		switch {
		case err != nil || !ok && level == top:
			return 0, false, err
		case !ok:
			number, ok = spanOf(byte(level+1), number).leave(w.reverse)
			return number, ok, nil
		case found != n:
			number = found.enter(w.reverse)
		}
		w.met[level], w.known[level] = found, true
	}
	return number, true, nil
}

// find gives the first span with a time that is wanted, from one on: of all that are on
// its level, or else of those that are in the same one above it.
func (w *times) find(n spanName, all bool) (_ spanName, ok bool, err error) {
	first, last := n.place>>spanBits<<spanBits, n.place|(1<<spanBits-1)
	if all {
		first, last = 0, math.MaxUint64
	}
	step := w.spans.Next
	if w.reverse {
		step = w.spans.Prev
		ok = w.spans.SeekLT(spanName{n.level, n.place + 1}.key())
	} else {
		ok = w.spans.SeekGE(n.key())
	}
	for ; ok; ok = step() {
		key := w.spans.Key()
		at := spanName{key[1], keySeq(key)}
		if at.level != n.level || at.place < first || at.place > last {
			return spanName{}, false, nil
		}
		v, err := w.spans.ValueAndErr()
		if err != nil {
			return at, false, catalogError(err)
		}
		s, err := decodeSpan(v)
		if err != nil {
			return at, false, catalogError(err)
		}
		if s.meets(w.wanted) {
			return at, true, nil
		}
	}
	if err := w.spans.Error(); err != nil {
		return spanName{}, false, catalogError(err)
	}
	return spanName{}, false, nil
}
