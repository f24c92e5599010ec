package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Query says which entries, or events, are wanted. The zero Query wants all.
type Query struct {
	// After and Before bound the numbers, both exclusive; 0 is no bound.
	After, Before uint64
	// Tenant, Source, Sender, Recipient and MessageID must be equal; addresses
	// whatever their case. Empty is no condition. Sender and Recipient are looked for
	// in the envelope and in the truth, where the one on whose behalf a mail was sent,
	// and the list by which it came, count as well; MessageID in the header of the
	// message and in the truth.
	Tenant, Source    string
	Sender, Recipient string
	MessageID         string
	// Since (inclusive) and Until (exclusive) bound the time of arrival.
	Since, Until time.Time
	// Quarantine wants entries by how they stand; the zero one wants all.
	Quarantine QuarantineFilter
	// Tag must be among the tags of the decision. Empty is no condition.
	Tag string
	// Kind is that of the events wanted, and no condition for entries. Empty wants
	// all.
	Kind EventKind
	// Reverse lists the highest number first.
	Reverse bool
	// Limit ends the listing after so many; 0 is no limit.
	Limit int
}

// List gives the entries that a query wants, by number. Those that come in
// meanwhile may be among them. A damaged entry is given as an error, after which
// the listing goes on.
func (a *Archive) List(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		from, count := a.catalog.reader(), 0
		for id, err := range a.numbers(ctx, from, q) {
			var e Entry
			if err == nil {
				e, err = a.entry(from, id)
			}
			if errors.Is(err, ErrNotFound) {
				err = &Damage{Entry: id, Reason: "its record is lost; what was decided about it since is not"}
			}
			if err == nil && !q.wants(&e) {
				continue
			}
			if count++; !yield(e, err) || count == q.Limit {
				return
			}
		}
	}
}

// Events gives the events that a query wants, by number, as List does.
func (a *Archive) Events(ctx context.Context, q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		from, count := a.catalog.reader(), 0
		for id, err := range scan(ctx, from, []byte{keyEvent}, q) {
			var e Event
			if err == nil {
				e, err = a.event(from, id)
			}
			if err == nil && !q.wantsEvent(&e) {
				continue
			}
			if count++; !yield(e, err) || count == q.Limit {
				return
			}
		}
	}
}

// numbers gives the numbers of entries that a query may want, by the narrowest
// index there is for it.
func (a *Archive) numbers(ctx context.Context, from pebble.Reader, q Query) iter.Seq2[uint64, error] {
	prefix := []byte{keyEntry}
	switch {
	case q.Quarantine == QuarantineOnly:
		return scan(ctx, from, []byte{keyQuarantine}, q)
	case q.MessageID != "":
		prefix = textPrefix(keyMessageID, bareID(q.MessageID))
	case q.Recipient != "":
		prefix = textPrefix(keyRecipient, foldAddress(q.Recipient))
	case q.Sender != "":
		prefix = textPrefix(keySender, foldAddress(q.Sender))
	}
	if w, ok := q.wanted(); ok {
		return scanTimes(ctx, from, prefix, q, w)
	}
	return scan(ctx, from, prefix, q)
}

// scan gives the numbers at the end of the keys with a prefix.
func scan(ctx context.Context, from pebble.Reader, prefix []byte, q Query) iter.Seq2[uint64, error] {
	low, high := q.bounds(prefix)
	return func(yield func(uint64, error) bool) {
		err := walk(ctx, from, low, high, q.Reverse, func(it *pebble.Iterator) bool { return yield(keySeq(it.Key()), nil) })
		if err != nil {
			yield(0, err)
		}
	}
}

// bounds are the first key with a prefix that a query may want, and the first behind.
func (q *Query) bounds(prefix []byte) (low, high []byte) {
	low = keyAt(prefix, min(q.After, math.MaxUint64-1)+1)
	if q.Before > 0 {
		return low, keyAt(prefix, q.Before)
	}
	return low, prefixEnd(prefix)
}

// keyAt is a prefix with a number behind it.
func keyAt(prefix []byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clone(prefix), number)
}

// scanTimes is scan without the numbers whose entries, as far as the spans tell, came in
// at another time than is wanted. It leaps over these.
func scanTimes(ctx context.Context, from pebble.Reader, prefix []byte, q Query, wanted span) iter.Seq2[uint64, error] {
	low, high := q.bounds(prefix)
	return func(yield func(uint64, error) bool) {
		it, err := from.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
		if err != nil {
			yield(0, catalogError(err))
			return
		}
		defer it.Close()
		w, err := newTimes(from, wanted, q.Reverse)
		if err != nil {
			yield(0, err)
			return
		}
		defer w.spans.Close()
		first, next := it.First, it.Next
		leap := func(to uint64) bool { return it.SeekGE(keyAt(prefix, to)) }
		if q.Reverse {
			first, next = it.Last, it.Prev
			leap = func(to uint64) bool { return it.SeekLT(keyAt(prefix, to+1)) }
		}
		for ok := first(); ok; {
			number := keySeq(it.Key())
			to, any, err := w.next(number)
			if err == nil {
				err = ctx.Err()
			}
			switch {
			case err != nil:
				yield(0, err)
				return
			case !any:
				return
			case to != number:
				ok = leap(to)
			case !yield(number, nil):
				return
			default:
				ok = next()
			}
		}
		if err := it.Error(); err != nil {
			yield(0, catalogError(err))
		}
	}
}

// walk visits the keys from low on, up to high, until a visit gives false.
func walk(ctx context.Context, from pebble.Reader, low, high []byte, reverse bool, visit func(*pebble.Iterator) bool) error {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return catalogError(err)
	}
	defer it.Close()
	first, next := it.First, it.Next
	if reverse {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !visit(it) {
			return nil
		}
	}
	if err := it.Error(); err != nil {
		return catalogError(err)
	}
	return nil
}

// inOrder gives numbers in their order, each once.
func inOrder(found []uint64, reverse bool, yield func(uint64, error) bool) {
	slices.Sort(found)
	found = slices.Compact(found)
	if reverse {
		slices.Reverse(found)
	}
	for _, n := range found {
		if !yield(n, nil) {
			return
		}
	}
}

func (q *Query) wants(e *Entry) bool { return q.counts(e) && q.meets(e) == allMet }

// counts tells whether an entry counts for a query at all.
func (q *Query) counts(e *Entry) bool {
	return (q.Tenant == "" || q.Tenant == e.Tenant) && q.Quarantine.wants(e.Quarantine)
}

// met are the conditions of a query that are met, one bit each. What is no condition
// is met by every entry.
type met uint8

const allMet met = 1<<6 - 1

// meets gives the conditions that an entry meets. Those of a message may be met by
// different entries.
func (q *Query) meets(e *Entry) (m met) {
	for i, ok := range [...]bool{
		q.Source == "" || q.Source == e.Source,
		q.within(e.Received),
		q.Tag == "" || slices.Contains(e.Decision.Tags, q.Tag),
		q.MessageID == "" || among(e.messageIDs(), q.MessageID, bareID),
		q.Sender == "" || among(e.senders(), q.Sender, foldAddress),
		q.Recipient == "" || among(e.recipients(), q.Recipient, foldAddress),
	} {
		if ok {
			m |= 1 << i
		}
	}
	return m
}

// among tells whether a text is one of a list, when all are folded.
func among(list iter.Seq[string], text string, fold func(string) string) bool {
	text = fold(text)
	for other := range list {
		if fold(other) == text {
			return true
		}
	}
	return false
}

func (q *Query) wantsEvent(e *Event) bool {
	return (q.Tenant == "" || q.Tenant == e.Tenant) && (q.Source == "" || q.Source == e.Source) &&
		q.within(e.Time) && (q.Kind == "" || q.Kind == e.Kind) &&
		(q.Tag == "" || e.Decision != nil && slices.Contains(e.Decision.Tags, q.Tag))
}

func (q *Query) within(t time.Time) bool {
	return (q.Since.IsZero() || !t.Before(q.Since)) && (q.Until.IsZero() || t.Before(q.Until))
}
