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

// times tells which numbers may be of entries that came in within a time.
type times struct {
	from   pebble.Reader
	wanted span
	known  spanName // the shortest span that was looked at last and meets it
	any    bool     // there is one
}

// times gives the times that a query wants; nil when it wants all.
func (q *Query) times(from pebble.Reader) *times {
	if q.Since.IsZero() && q.Until.IsZero() {
		return nil
	}
	w := &times{from: from, wanted: always()}
	if !q.Since.IsZero() {
		w.wanted.first = clampTime(q.Since)
	}
	if !q.Until.IsZero() {
		w.wanted.last = clampTime(q.Until)
	}
	return w
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

// skip gives the longest span around a number which has no entry that is wanted; ok is
// false when there is none, and the number may be of such an entry.
func (w *times) skip(number uint64) (_ spanName, ok bool, err error) {
	low := spanOf(0, number)
	if w.any && w.known == low {
		return spanName{}, false, nil
	}
	for level := byte(spanLevels); level > 0; level-- {
		n := spanOf(level-1, number)
		s, there, err := spanIn(w.from, n)
		if err != nil {
			return n, false, err
		}
		if !there || !s.meets(w.wanted) {
			return n, true, nil
		}
	}
	w.known, w.any = low, true
	return spanName{}, false, nil
}
