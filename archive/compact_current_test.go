package archive

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// hookedContext calls hook, once, when it is asked for the n-th time. A compaction asks
// at each of its steps.
type hookedContext struct {
	context.Context
	n    int
	hook func()
}

func (c *hookedContext) ask() {
	if c.n--; c.n == 0 {
		c.hook()
	}
}

func (c *hookedContext) Done() <-chan struct{} { c.ask(); return c.Context.Done() }
func (c *hookedContext) Err() error            { c.ask(); return c.Context.Err() }

// gatedBody stops a read that begins at or behind an offset until gate is closed.
type gatedBody struct {
	*bytes.Reader
	at      int64
	once    sync.Once
	reached chan struct{}
	gate    chan struct{}
}

func (b *gatedBody) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > b.at {
		b.once.Do(func() { close(b.reached) })
		<-b.gate
	}
	return b.Reader.ReadAt(p, offset)
}

// Mail brings contents that are given up, at every step of the compaction of the
// segments that they stand in, one of which is written to; of a large message a part is
// written at the step, and the entry later.
func TestAppendAtEveryStepOfCompaction(t *testing.T) {
	for _, large := range []bool{false, true} {
		size, steps := 300<<10, 0
		if large {
			size = 3 << 20
		}
		raw := noise(size, 1)
		for n, met := 1, true; met && !t.Failed(); n++ {
			met = appendAtStep(t, raw, large, n)
			steps = n
		}
		t.Logf("large %v: %d steps", large, steps)
		if steps < 10 {
			t.Errorf("large %v: a compaction has %d steps", large, steps)
		}
	}
}

// appendAtStep archives a message at the n-th step, and reports false when there are not
// so many.
func appendAtStep(t *testing.T, raw []byte, large bool, n int) (met bool) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	appendOne(t, a, receipt(noise(50<<10, 9), "a@b", "c@d"))
	for range 2 { // in two segments
		rotate(t, a)
		half := receipt(raw, "a@b", "c@d")
		half.SHA256[0] ^= 1
		if _, err := a.Append(t.Context(), half); err == nil {
			t.Fatal("a message with another digest was archived")
		}
		leave(t, a, "default", raw[:min(len(raw), 1<<20)])
	}
	body := &gatedBody{Reader: bytes.NewReader(raw), at: int64(len(raw)) - 1, reached: make(chan struct{}), gate: make(chan struct{})}
	one, entry := receipt(raw, "a@b", "c@d"), make(chan Entry, 1)
	if large {
		// It is read once, from the beginning to the end.
		one.Body, one.Structure = body, &message.Structure{Parts: []message.Part{{
			Parent: -1, Body: message.Range{End: one.Size}, MediaType: "application/octet-stream",
		}}}
	} else {
		close(body.gate)
	}
	ctx := &hookedContext{Context: t.Context(), n: n, hook: func() {
		met = true
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			e, err := a.Append(context.Background(), one)
			if err != nil {
				t.Errorf("step %d: %v", n, err)
			}
			entry <- e
		}()
		if !large {
			body.reached = ended
		}
		<-body.reached
	}}
	k := &compactor{a: a}
	if err := k.run(ctx, nil); err != nil {
		t.Fatalf("step %d: %v", n, err)
	}
	if large {
		close(body.gate)
	}
	if met {
		bodies := map[uint64][]byte{(<-entry).ID: raw}
		checkBodies(t, a, bodies)
		leave(t, a, "default", noise(5000, 8)) // so that the last segment is not empty
		a = sameRebuilt(t, a, "data", fs)
		checkBodies(t, a, bodies)
	}
	a.Close()
	return met
}

// Mail and a compaction of the segment that is written to, at the same time.
func TestAppendsWhileCurrentSegmentIsCompacted(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 25
	}
	for round := range rounds {
		a := open(t, "data", Options{FS: vfs.NewMem()})
		var raws [6][]byte
		for n := range raws {
			raws[n] = noise(20<<10, uint64(100*round+n))
			leave(t, a, "default", raws[n])
		}
		bodies, mu := map[uint64][]byte{}, sync.Mutex{}
		var wg sync.WaitGroup
		for n := range raws {
			wg.Go(func() {
				time.Sleep(time.Duration(n*60) * time.Microsecond)
				e, err := a.Append(context.Background(), receipt(raws[n], "a@b", "c@d"))
				if err != nil {
					t.Errorf("round %d: %v", round, err)
				}
				mu.Lock()
				defer mu.Unlock()
				bodies[e.ID] = raws[n]
			})
		}
		compact(t, a)
		wg.Wait()
		checkBodies(t, a, bodies)
		a.Close()
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// A copy that stands in the segment, behind those that are dropped, counts on.
func TestGivenUpBeforeACopyInTheSegment(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	raw := noise(300<<10, 1)
	leave(t, a, "default", raw)
	k, idle := steps(t, a)
	drop, err := k.choose(t.Context(), idle)
	if err != nil || len(drop) != 1 {
		t.Fatalf("%d chosen, %v", len(drop), err)
	}
	e := appendOne(t, a, receipt(raw, "a@b", "c@d"))
	if at, err := location(a.catalog.reader(), contentKey("default", hashOf(raw))); err != nil || at.Segment != 1 || at == (ledger.Location{}) {
		t.Fatalf("the new copy stands at %v, %v", at, err)
	}
	rotate(t, a)
	if err := k.giveUp(t.Context(), 1, drop); err != nil {
		t.Fatal(err)
	}
	if err := k.drop(t.Context(), 1, drop); err != nil {
		t.Fatal(err)
	}
	a.pins.spare()
	counted(t, a)
	a = sameRebuilt(t, a, "data", fs)
	checkBodies(t, a, map[uint64][]byte{e.ID: raw})
}
