package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// ErrNotQuarantined: the entry is not in quarantine, or no longer.
var ErrNotQuarantined = errors.New("the entry is not in quarantine")

// QuarantineState is how an entry stands.
type QuarantineState uint8

// States of an entry.
const (
	// QuarantineNone: it is not in quarantine; it never was, or was released.
	QuarantineNone QuarantineState = iota
	// QuarantineWaiting: nobody has looked at it yet.
	QuarantineWaiting
	// QuarantineKept: somebody confirmed that it stays in quarantine.
	QuarantineKept
)

// String gives the state as one word, empty for QuarantineNone.
func (s QuarantineState) String() string {
	switch s {
	case QuarantineWaiting:
		return "waiting"
	case QuarantineKept:
		return "kept"
	}
	return ""
}

// QuarantineFilter says which entries a query wants by their quarantine.
type QuarantineFilter uint8

// Filters of a query.
const (
	// QuarantineAll wants entries whether they are in quarantine or not.
	QuarantineAll QuarantineFilter = iota
	// QuarantineWithout wants those that are not in quarantine.
	QuarantineWithout
	// QuarantineOnly wants those in quarantine, waiting and kept.
	QuarantineOnly
)

func (f QuarantineFilter) wants(s QuarantineState) bool {
	return f == QuarantineAll || (f == QuarantineOnly) == (s != QuarantineNone)
}

// The values of quarantine keys.
const (
	stateWaiting = 0
	stateKept    = 1
)

// Release lets an entry out of quarantine, and gives the event that records who
// did it, and why. When it returns nil that is on stable storage. The errors are
// [ErrNotFound], [ErrNotQuarantined], a [*Damage], and those of AppendEvent.
func (a *Archive) Release(ctx context.Context, id uint64, actor, reason string) (Event, error) {
	return a.judge(ctx, EventRelease, id, actor, reason)
}

// Keep confirms that an entry stays in quarantine. An entry may be confirmed more
// than once. All else is as with [Archive.Release].
func (a *Archive) Keep(ctx context.Context, id uint64, actor, reason string) (Event, error) {
	return a.judge(ctx, EventKeep, id, actor, reason)
}

// judge records what somebody decided about an entry in quarantine. One at a
// time: an entry that was released is not put back by a Keep beside it.
func (a *Archive) judge(ctx context.Context, kind EventKind, id uint64, actor, reason string) (Event, error) {
	done, err := a.use()
	if err != nil {
		return Event{}, err
	}
	defer done()
	a.judging.Lock()
	defer a.judging.Unlock()
	e, err := a.Entry(id)
	if err != nil {
		return Event{}, err
	}
	if e.Quarantine == QuarantineNone {
		return Event{}, fmt.Errorf("entry %d: %w", id, ErrNotQuarantined)
	}
	return a.appendEvent(ctx, nil, Event{
		Kind: kind, Time: time.Now().UTC(), Tenant: e.Tenant, Source: e.Source, Entry: id, Actor: actor, Text: reason,
	})
}

// quarantine looks up how an entry stands that came into quarantine.
func quarantine(from pebble.Reader, id uint64) (QuarantineState, error) {
	v, closer, err := from.Get(seqKey(keyQuarantine, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return QuarantineNone, nil
	}
	if err != nil {
		return QuarantineNone, catalogError(err)
	}
	defer closer.Close()
	s, err := decodeQuarantine(v)
	if err != nil {
		return QuarantineNone, catalogError(err)
	}
	return s, nil
}

func decodeQuarantine(v []byte) (QuarantineState, error) {
	switch {
	case len(v) == 1 && v[0] == stateWaiting:
		return QuarantineWaiting, nil
	case len(v) == 1 && v[0] == stateKept:
		return QuarantineKept, nil
	}
	return QuarantineNone, fmt.Errorf("the quarantine state %x is not known", v)
}

// waiting counts the entries in quarantine that nobody has looked at.
func (k *catalog) waiting() (uint64, error) {
	prefix := []byte{keyQuarantine}
	it, err := k.reader().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return 0, catalogError(err)
	}
	n := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		if s, err := decodeQuarantine(it.Value()); err == nil && s == QuarantineWaiting {
			n++
		}
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return n, catalogError(err)
	}
	return n, nil
}
