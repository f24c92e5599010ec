package archive

import (
	"context"
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
	switch {
	case q.Quarantine == QuarantineOnly:
		return scan(ctx, from, []byte{keyQuarantine}, q)
	case q.MessageID != "":
		return scan(ctx, from, textPrefix(keyMessageID, bareID(q.MessageID)), q)
	case q.Recipient != "":
		return scan(ctx, from, textPrefix(keyRecipient, foldAddress(q.Recipient)), q)
	case q.Sender != "":
		return scan(ctx, from, textPrefix(keySender, foldAddress(q.Sender)), q)
	case !q.Since.IsZero() || !q.Until.IsZero():
		return byTime(ctx, from, q)
	}
	return scan(ctx, from, []byte{keyEntry}, q)
}

// scan gives the numbers at the end of the keys with a prefix.
func scan(ctx context.Context, from pebble.Reader, prefix []byte, q Query) iter.Seq2[uint64, error] {
	low := append(slices.Clone(prefix), seqKey(0, min(q.After, math.MaxUint64-1)+1)[1:]...)
	high := prefixEnd(prefix)
	if q.Before > 0 {
		high = append(slices.Clone(prefix), seqKey(0, q.Before)[1:]...)
	}
	return func(yield func(uint64, error) bool) {
		err := walk(ctx, from, low, high, q.Reverse, func(it *pebble.Iterator) bool { return yield(keySeq(it.Key()), nil) })
		if err != nil {
			yield(0, err)
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

// byTime gives the numbers of the entries that came in within a time, in order
// of number: clocks may jump, numbers do not.
func byTime(ctx context.Context, from pebble.Reader, q Query) iter.Seq2[uint64, error] {
	low, high := []byte{keyTime}, prefixEnd([]byte{keyTime})
	if !q.Since.IsZero() {
		low = timePrefix(q.Since)
	}
	if !q.Until.IsZero() {
		high = timePrefix(q.Until)
	}
	return func(yield func(uint64, error) bool) {
		it, err := from.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
		if err != nil {
			yield(0, catalogError(err))
			return
		}
		var found []uint64
		for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
			if n := keySeq(it.Key()); n > q.After && (q.Before == 0 || n < q.Before) {
				found = append(found, n)
			}
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			yield(0, catalogError(err))
			return
		}
		if err := ctx.Err(); err != nil {
			yield(0, err)
			return
		}
		inOrder(found, q.Reverse, yield)
	}
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
