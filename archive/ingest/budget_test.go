package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// holdOf begins a message that waits for ever, and takes n bytes of the budget.
func holdOf(t *testing.T, b *budget, n int64) *hold {
	t.Helper()
	h := b.begin(context.Background(), time.Hour)
	if err := h.use(n); err != nil {
		t.Fatal(err)
	}
	return h
}

// waits has a message use more bytes in a goroutine, and returns when it waits.
func waits(t *testing.T, h *hold, n int64) <-chan error {
	t.Helper()
	before := h.budget.waiting()
	done := make(chan error, 1)
	go func() { done <- h.use(n) }()
	for h.budget.waiting() == before {
		select {
		case err := <-done:
			t.Fatalf("it does not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	return done
}

func (b *budget) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.small) + len(b.big)
}

const mib = 1 << 20

func TestBudgetKeepsRoomForSmallMessages(t *testing.T) {
	b := newBudget(8 * mib)
	large := holdOf(t, b, 7*mib)
	next := b.begin(context.Background(), time.Hour)
	served := waits(t, next, smallMessage+1)
	for range 4 { // all that is left
		holdOf(t, b, smallMessage)
	}
	small := b.begin(context.Background(), 0)
	if err := small.use(1); !errors.Is(err, errBusy) {
		t.Errorf("beyond the limit: %v", err)
	}
	small.give(1)
	large.give(7 * mib)
	if err := <-served; err != nil {
		t.Errorf("after a large message ended: %v", err)
	}
	if b.taken > b.limit || b.refused != 1 || b.waits != 2 {
		t.Errorf("%+v", b)
	}
}

func TestBudgetServesInOrder(t *testing.T) {
	b := newBudget(16 * mib)
	first, all := holdOf(t, b, mib), holdOf(t, b, 12*mib)
	second := holdOf(t, b, mib)
	fresh := b.begin(context.Background(), time.Hour)
	newOne := waits(t, fresh, mib)
	younger := waits(t, second, 2*mib)
	older := waits(t, first, 2*mib)
	all.give(12*mib - 10*mib) // room for one of them
	if err := <-older; err != nil {
		t.Fatal(err)
	}
	if n := b.waiting(); n != 2 {
		t.Fatalf("%d wait, and not 2", n)
	}
	all.give(2 * mib)
	if err := <-younger; err != nil {
		t.Fatal(err)
	}
	if n := b.waiting(); n != 1 {
		t.Fatalf("%d wait, and not the new one", n)
	}
	all.give(8 * mib)
	if err := <-newOne; err != nil {
		t.Fatal(err)
	}
}

// All that hold something wait for more: the last of them has to go, until the first
// has room.
func TestBudgetKeepsGettingOn(t *testing.T) {
	b := newBudget(8 * mib)
	var holds []*hold
	for range 7 {
		holds = append(holds, holdOf(t, b, mib))
	}
	first := waits(t, holds[0], 2*mib)
	var others []<-chan error
	for _, h := range holds[1:6] {
		others = append(others, waits(t, h, mib))
	}
	if err := holds[6].use(mib); !errors.Is(err, errBusy) {
		t.Fatalf("the last one: %v", err)
	}
	holds[6].give(2 * mib)
	if err := <-others[4]; !errors.Is(err, errBusy) {
		t.Fatalf("the last but one: %v", err)
	}
	holds[5].give(2 * mib)
	if err := <-first; err != nil {
		t.Fatalf("the first one: %v", err)
	}
	if n := b.waiting(); n != 4 {
		t.Errorf("%d wait, and not those between", n)
	}
	holds[0].give(3 * mib)
	for _, other := range others[:3] {
		if err := <-other; err != nil {
			t.Error(err)
		}
	}
}

func TestBudgetOfOneThatIsTooLarge(t *testing.T) {
	b := newBudget(8 * mib)
	h := holdOf(t, b, mib)
	if err := h.use(7 * mib); !errors.Is(err, errBusy) {
		t.Errorf("a message above the limit: %v", err)
	}
	h.give(8 * mib)
	if b.taken != 0 || b.large != 0 || b.holders != 0 {
		t.Errorf("%+v is left", b)
	}
}

func TestBudgetWaitEnds(t *testing.T) {
	b := newBudget(8 * mib)
	holdOf(t, b, 6*mib)
	impatient := b.begin(context.Background(), 10*time.Millisecond)
	if err := impatient.use(2 * mib); !errors.Is(err, errBusy) || impatient.patience != 0 {
		t.Errorf("without patience: %v, %v left", err, impatient.patience)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone := b.begin(ctx, time.Hour)
	done := waits(t, gone, 2*mib)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("without a server: %v", err)
	}
	if b.waiting() != 0 || b.refused != 1 {
		t.Errorf("%+v", b)
	}
	gone.ctx = context.Background()
	gone.give(2 * mib)
	done = waits(t, gone, 2*mib)
	b.resize(16 * mib)
	if err := <-done; err != nil {
		t.Errorf("a larger budget: %v", err)
	}
}

// What a message is said to be is taken before it comes, and given back when it is not
// that.
func TestBudgetDeclared(t *testing.T) {
	b := newBudget(160 * mib)
	for _, c := range []struct {
		size, want int64
	}{
		{0, firstClaim}, {100, firstClaim}, {200_000, 200_000}, {mib, mib}, {mib + 1, mib + 1 + fileBuffers},
		{1 << 62, 10*mib + fileBuffers}, {1<<63 - 1, 10*mib + fileBuffers},
	} {
		h := b.begin(context.Background(), 0)
		if err := h.expect(c.size); err != nil || b.taken != c.want {
			t.Errorf("SIZE=%d: %d taken, and not %d: %v", c.size, b.taken, c.want, err)
		}
		if err := h.use(1000); err != nil {
			t.Error(err)
		}
		if h.give(0); b.taken != 1000 {
			t.Errorf("SIZE=%d: %d are kept", c.size, b.taken)
		}
		h.give(1000)
	}
}

// Messages of all sizes come and go in all orders, the budget holds, and all of it is
// free in the end.
func TestBudgetAtRandom(t *testing.T) {
	const limit = 24 * mib
	b := newBudget(limit)
	var inUse, failed atomic.Int64
	var running sync.WaitGroup
	for n := range 40 {
		running.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for range 50 {
				h := b.begin(context.Background(), 5*time.Second)
				size := int64(1) << random.IntN(25)
				var err error
				if random.IntN(2) == 0 {
					err = h.expect(size)
				}
				tried, got := int64(0), int64(0)
				for tried < size && err == nil {
					step := min(size-tried, 1+random.Int64N(mib))
					tried += step
					if err = h.use(step); err == nil {
						got += step
						if n := inUse.Add(step); n > limit {
							t.Errorf("%d bytes in use", n)
						}
						runtime.Gosched()
					}
				}
				if err != nil {
					failed.Add(1)
				}
				inUse.Add(-got)
				h.give(tried)
			}
		})
	}
	running.Wait()
	t.Logf("%d of 2000 messages did not find room; %d waits", failed.Load(), b.waits)
	if b.taken != 0 || b.large != 0 || b.holders != 0 || b.waiting() != 0 {
		t.Errorf("%+v is left", b)
	}
}
