package ingest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"daybook/archive/message"
)

const (
	// smallMessage is the size in bytes up to which a message may take of the part of
	// the budget that is kept from larger ones.
	smallMessage = 256 << 10
	// smallShare is that part: one in so many.
	smallShare = 8
	// firstClaim and mostClaim bound the steps, in bytes, in which a message that
	// does not say its size takes of the budget: each doubles what it has.
	firstClaim = 32 << 10
	mostClaim  = 4 << 20
	// declaredShare bounds what a message takes for the size that it says, before any
	// of it has come: one part in so many.
	declaredShare = 16
	// fileBuffers is what a message whose bytes go to a file takes of memory, in bytes.
	fileBuffers = startSize + 2*fileChunk

	// listenerPatience is how long a delivery waits for room, in all. The shortest time
	// that its peer must wait is two minutes (RFC 5321 section 4.5.3.2).
	listenerPatience = 10 * time.Second
	// milterPatience is less: while a message waits, nothing is read from the MTA, and
	// Sendmail gives a milter up when it cannot write to it for 10 seconds.
	milterPatience = 5 * time.Second
)

// errBusy: there was no room in the budget for the message, and none came in time.
var errBusy = errors.New("there is more mail in flight than max_in_flight allows")

// budget bounds the bytes of all messages that are coming in: those in memory, and
// those in files of the spool. It is safe for concurrent use.
//
// A message takes the size that it declares before any of it is read, and what it is
// beyond that, or all of it, as it comes. One that finds no room waits. Nothing is
// promised to a message that it has not taken, so what is taken is never more than
// the limit.
//
// Small messages never wait for large ones: all of the limit is for them, and only a
// part of it for those above smallMessage.
//
// Those that wait are served in order: first those that have something already, as
// nothing is free again before they are done, then the new ones; among equals the one
// that began first. None is passed by one behind it.
//
// No message waits for ever, since its patience ends: it gets a temporary failure and
// gives back what it has. Nor do all fail together because each of them holds a part
// and waits for more. Either one that holds something does not wait, and gives it
// back when it is done, which the timeouts of its connection bound. Or all that hold
// something wait; then the one that began last fails at once, again and again until
// the first in line has room. The one that began first of all is never chosen while
// another holds anything, and alone it has room: the limit is three times the largest
// message, and a message takes at most its size, three quarters of that for an
// original decoded from it, and its buffers. So at least one is always getting on.
type budget struct {
	mu    sync.Mutex
	limit int64
	taken int64 // of all messages
	large int64 // of those above smallMessage
	began uint64

	holders int // that have taken something
	// small and big are those that wait, first the next one to be served.
	small, big []*waiter

	waits, refused uint64
	lastRefused    time.Time
}

// hold is what one message has of the budget. One goroutine at a time uses it.
type hold struct {
	budget   *budget
	ctx      context.Context
	patience time.Duration // that is left
	used     int64         // bytes that are there

	// Guarded by the budget's mutex while the message waits.
	number uint64 // in the order in which messages began
	taken  int64  // at least used, but in the moment of taking more
}

// waiter is a hold that waits for more.
type waiter struct {
	*hold
	more int64
	done chan error // gets one, nil when it was served
}

func newBudget(limit int64) *budget { return &budget{limit: limit} }

// resize changes the limit. What is taken beyond it is given back as messages end.
func (b *budget) resize(limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.serve()
}

// begin gives the hold of a new message, which has nothing yet. It waits no longer
// than patience for room, in all, and not beyond the end of ctx.
func (b *budget) begin(ctx context.Context, patience time.Duration) *hold {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began++
	return &hold{budget: b, ctx: ctx, patience: patience, number: b.began}
}

// expect takes what a message needs that is said to be of a size, in bytes; 0 when
// nothing is said. The error is errBusy, or ctx's.
func (h *hold) expect(size int64) error {
	h.budget.mu.Lock()
	size = min(size, h.budget.limit/declaredShare)
	h.budget.mu.Unlock()
	if size > spoolMemory {
		size += fileBuffers
	}
	return h.take(max(size, firstClaim) - h.taken)
}

// use takes what n bytes need that have come. The error is that of expect.
func (h *hold) use(n int64) error {
	if h == nil {
		return nil
	}
	if h.used += n; h.used <= h.taken {
		return nil
	}
	need := h.used - h.taken
	step := min(max(h.taken, firstClaim), mostClaim)
	if h.taken <= smallMessage && h.used <= smallMessage {
		step = min(step, smallMessage-h.taken) // no reason yet to count as large
	}
	return h.take(max(need, step))
}

// give gives n bytes back that were used, and what was taken and is not used.
func (h *hold) give(n int64) {
	if h == nil {
		return
	}
	h.used -= n
	b := h.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.used < h.taken {
		b.move(h, h.used-h.taken)
		b.serve()
	}
}

// end gives back all that is left. A message ends so whatever has become of it: what
// was made of it is gone by then.
func (h *hold) end() {
	if h != nil {
		h.give(h.used)
	}
}

// take waits for more bytes of the budget.
func (h *hold) take(more int64) error {
	if more <= 0 {
		return nil
	}
	b := h.budget
	b.mu.Lock()
	if queue := b.queue(h, more); len(*queue) == 0 && b.fits(h, more) {
		b.move(h, more)
		b.mu.Unlock()
		return nil
	}
	w := &waiter{hold: h, more: more, done: make(chan error, 1)}
	b.enter(w)
	b.mu.Unlock()
	return w.wait()
}

// wait waits until the message is served or refused.
func (w *waiter) wait() error {
	began := time.Now()
	patience := time.NewTimer(w.patience)
	defer patience.Stop()
	var err error
	select {
	case err = <-w.done:
	case <-patience.C:
		err = w.budget.leave(w, errBusy)
	case <-w.ctx.Done():
		err = w.budget.leave(w, context.Cause(w.ctx))
	}
	w.patience = max(0, w.patience-time.Since(began))
	return err
}

// queue is that in which a message waits for more.
func (b *budget) queue(h *hold, more int64) *[]*waiter {
	if h.taken+more <= smallMessage {
		return &b.small
	}
	return &b.big
}

// enter puts a waiter into its queue, and serves it if it is its turn.
func (b *budget) enter(w *waiter) {
	queue := b.queue(w.hold, w.more)
	at, _ := slices.BinarySearchFunc(*queue, w, inOrder)
	*queue = slices.Insert(*queue, at, w)
	b.serve()
	if len(w.done) == 0 {
		b.waits++
	}
}

// inOrder compares the turns of two that wait in one queue.
func inOrder(a, b *waiter) int {
	if has, other := a.taken > 0, b.taken > 0; has != other {
		if has {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.number, b.number)
}

// leave ends a wait for a reason, unless the message was served in the meantime.
func (b *budget) leave(w *waiter, why error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	default:
	}
	b.refuse(w, why)
	b.serve() // it may have stood in the way of others
	return <-w.done
}

// refuse ends a wait without room. Its caller holds the mutex, as of all that follow.
func (b *budget) refuse(w *waiter, why error) {
	same := func(other *waiter) bool { return other == w }
	b.small = slices.DeleteFunc(b.small, same)
	b.big = slices.DeleteFunc(b.big, same)
	if errors.Is(why, errBusy) {
		b.refused++
		b.lastRefused = time.Now().UTC()
	}
	w.done <- why
}

// serve gives those that wait what there is. If that leaves nobody who could give
// anything back, it refuses one who could.
func (b *budget) serve() {
	for _, queue := range []*[]*waiter{&b.small, &b.big} {
		for len(*queue) > 0 && b.fits((*queue)[0].hold, (*queue)[0].more) {
			w := (*queue)[0]
			*queue = slices.Delete(*queue, 0, 1)
			b.move(w.hold, w.more)
			w.done <- nil
		}
	}
	if len(b.small)+len(b.big) == 0 {
		return
	}
	var last *waiter
	waiting := 0
	for _, w := range slices.Concat(b.small, b.big) {
		if w.taken == 0 {
			continue
		}
		if waiting++; last == nil || w.number > last.number {
			last = w
		}
	}
	if waiting > 0 && waiting == b.holders {
		b.refuse(last, errBusy)
	}
}

// fits tells whether there is room for more of a message.
func (b *budget) fits(h *hold, more int64) bool {
	if b.taken+more > b.limit {
		return false
	}
	if h.taken+more <= smallMessage {
		return true
	}
	if h.taken <= smallMessage {
		more += h.taken // all of it counts from now on
	}
	return b.large+more <= b.limit-b.limit/smallShare
}

// move changes what a message has taken.
func (b *budget) move(h *hold, by int64) {
	before := h.taken
	h.taken += by
	b.taken += by
	b.large += largeShare(h.taken) - largeShare(before)
	switch {
	case before == 0 && h.taken > 0:
		b.holders++
	case before > 0 && h.taken == 0:
		b.holders--
	}
}

// largeShare is how much of what a message has taken counts as that of a large one.
func largeShare(taken int64) int64 {
	if taken <= smallMessage {
		return 0
	}
	return taken
}

// InFlight tells how much mail is coming in, and whether there is room for it.
type InFlight struct {
	// Bytes are taken of Limit by the messages that are coming in: what there is of
	// them in memory and in the spool, and what they said there will be.
	Bytes, Limit int64
	// Waiting is the number of messages that wait for room.
	Waiting int
	// Waits and Refused count those that had to wait, and those that were told to come
	// again, since the start; LastRefused is zero when there were none.
	Waits, Refused uint64
	LastRefused    time.Time
}

// InFlight tells how much mail is coming in now.
func (i *Ingest) InFlight() InFlight {
	b := i.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return InFlight{
		Bytes: b.taken, Limit: b.limit, Waiting: len(b.small) + len(b.big),
		Waits: b.waits, Refused: b.refused, LastRefused: b.lastRefused,
	}
}

// declaredSize is the size that the sender's client says the message has (RFC 1870
// section 6); 0 when it says none.
func declaredSize(sender *message.Path) int64 {
	for _, arg := range sender.Args {
		if key, value, _ := strings.Cut(arg, "="); strings.EqualFold(key, "SIZE") {
			n, _ := strconv.ParseInt(value, 10, 64) // the largest number there is when it is larger
			return max(0, n)
		}
	}
	return 0
}
