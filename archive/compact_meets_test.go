package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// steps is a compaction that is taken step by step.
func steps(t *testing.T, a *Archive) (*compactor, []standing) {
	t.Helper()
	s, err := a.survey(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	idle, err := s.idle()
	if err != nil {
		t.Fatal(err)
	}
	return &compactor{a: a, s: s}, idle
}

// An append and a compaction of the content that it needs meet, at every step of the
// one that matters.
func TestAppendMeetsCompaction(t *testing.T) {
	raw := noise(300<<10, 1)
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		append  string // when the append happens
		dropped int    // how many records are
		copies  uint64 // how many there are then
	}{
		{"before the survey", "first", 0, 1},
		{"between the survey and the choice", "surveyed", 0, 1},
		{"it has found the content, and not yet written its entry", "pinned", 0, 1},
		{"after the choice", "chosen", 1, 1},
		{"after the event", "given up", 1, 1},
		{"after the segment was rewritten", "dropped", 1, 1},
	} {
		fs := vfs.NewMem()
		a := open(t, "data", Options{FS: fs})
		leave(t, a, "default", raw)
		rotate(t, a)
		var id uint64
		at := func(step string) {
			if step == c.append {
				id = appendOne(t, a, receipt(raw, "a@b", "c@d")).ID
			}
		}
		at("first")
		k, idle := steps(t, a)
		at("surveyed")
		held := &contents{a: a, tenant: "default"}
		if c.append == "pinned" {
			if err := held.put(ctx, Digest(hashOf(raw)), raw); err != nil || len(held.records) > 0 {
				t.Fatalf("%s: the content is not found (%v)", c.name, err)
			}
		}
		drop, err := k.choose(ctx, idle)
		if err != nil || len(drop) != c.dropped {
			t.Errorf("%s: %d records are chosen (%v), want %d", c.name, len(drop), err, c.dropped)
		}
		held.end()
		at("pinned")
		at("chosen")
		if len(drop) > 0 {
			if err := k.giveUp(ctx, 1, drop); err != nil {
				t.Fatal(err)
			}
			at("given up")
			if err := k.drop(ctx, 1, drop); err != nil {
				t.Fatal(err)
			}
		}
		a.pins.spare()
		at("dropped")
		if _, r := orphans(t, a); r.Contents != c.copies {
			t.Errorf("%s: %d copies are there, want %d", c.name, r.Contents, c.copies)
		}
		a = sameRebuilt(t, a, "data", fs)
		checkBodies(t, a, map[uint64][]byte{id: raw})
		if len(a.pins.held) != 0 || len(a.pins.doomed) != 0 {
			t.Errorf("%s: %d pins and %d marks are left", c.name, len(a.pins.held), len(a.pins.doomed))
		}
		a.Close()
	}
}

// The segment that is written to is ended when it is compacted, or has been since the
// ledger was read; what has come into it meanwhile is kept, and counted.
func TestSegmentGrowsWhileItIsCompacted(t *testing.T) {
	for _, ended := range []bool{false, true} {
		fs := vfs.NewMem()
		a := open(t, "data", Options{FS: fs})
		leave(t, a, "default", noise(5000, 1))
		k, idle := steps(t, a)
		raw := noise(300<<10, 2)
		id := appendOne(t, a, receipt(raw, "a@b", "c@d")).ID
		leave(t, a, "default", noise(5000, 3))
		if ended {
			rotate(t, a)
		}
		if err := k.segment(context.Background(), idle); err != nil || k.report.Records != 1 {
			t.Errorf("ended before %v: %+v, %v", ended, k.report, err)
		}
		counted(t, a)
		a = sameRebuilt(t, a, "data", fs)
		counted(t, a)
		checkBodies(t, a, map[uint64][]byte{id: raw})
		if r := compact(t, a); r.Records != 1 {
			t.Errorf("the other orphan: %+v", r)
		}
		counted(t, a)
		a.Close()
	}
}

// A read has looked up a copy that another one supersedes, and which is dropped, before
// the bytes are read.
func TestReadMeetsCompaction(t *testing.T) {
	a, bodies, _, _ := mixed(t, vfs.NewMem())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				checkBodies(t, a, bodies)
			}
		})
	}
	for n := range 10 {
		rotate(t, a)
		leave(t, a, "default", noise(400<<10, 1))
		if n%2 == 0 {
			if _, err := a.Verify(context.Background(), nil, func(d Damage) { t.Errorf("verify: %v", d.Error()) }); err != nil {
				t.Error(err)
			}
		}
		if r := compact(t, a); r.Records == 0 {
			t.Errorf("round %d: nothing was dropped", n)
		}
	}
	close(stop)
	wg.Wait()
}

// Appends that fail half-way, and others that bring the same contents, while one
// compaction follows the other: everything archived comes back.
func TestCompactionUnderLoad(t *testing.T) {
	t.Logf("seed %d", *seed)
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs, SegmentSize: 4 << 20})
	bodies := make([][]byte, 8)
	for i := range bodies {
		bodies[i] = noise(flushBytes+i*1000, uint64(i))
	}
	var mu sync.Mutex
	done := map[uint64][]byte{}
	var wg sync.WaitGroup
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	for w := range 4 {
		r := rand.New(rand.NewPCG(*seed, uint64(w)))
		wg.Go(func() {
			for range rounds {
				raw := bodies[r.IntN(len(bodies))]
				one := receipt(raw, "a@b", "c@d")
				ctx, cancel := context.WithCancel(context.Background())
				if r.IntN(2) == 0 {
					one.Body = &cutShort{ReaderAt: bytes.NewReader(raw), cancel: cancel, at: int64(r.IntN(len(raw)))}
				}
				e, err := a.Append(ctx, one)
				cancel()
				if err == nil {
					mu.Lock()
					done[e.ID] = raw
					mu.Unlock()
				}
				if id := leaveHalf(a, noise(flushBytes+5000, r.Uint64())); id != 0 {
					t.Errorf("a message with another digest was archived as %d", id)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	dropped := uint64(0)
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		dropped += compact(t, a).Records
	}
	dropped += compact(t, a).Records
	if list, _ := orphans(t, a); len(list) > 0 {
		t.Errorf("%d orphans are left", len(list))
	}
	counted(t, a)
	t.Logf("%d entries, %d records dropped", len(done), dropped)
	if dropped == 0 || len(done) == 0 {
		t.Error("nothing was tried")
	}
	a = sameRebuilt(t, a, "data", fs)
	checkBodies(t, a, done)
}

// cutShort ends the append that reads it.
type cutShort struct {
	io.ReaderAt
	cancel func()
	at     int64
}

func (f *cutShort) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > f.at {
		f.cancel()
	}
	return f.ReaderAt.ReadAt(p, offset)
}

// leaveHalf has an append fail when its contents are written: its bytes have another
// digest than was said.
func leaveHalf(a *Archive, raw []byte) uint64 {
	r := receipt(raw, "a@b", "c@d")
	r.SHA256[0] ^= 1
	e, err := a.Append(context.Background(), r)
	if err == nil {
		return e.ID
	}
	return 0
}

// The machine loses power in the middle of compactions, while mail comes in.
func TestPowerLossDuringCompaction(t *testing.T) {
	t.Logf("seed %d", *seed)
	clones := 80
	if testing.Short() {
		clones = 40
	}
	r := rand.New(rand.NewPCG(*seed, 77))
	compactions, checked := uint64(0), 0
	for done := 0; done < clones && !t.Failed(); {
		fs := vfs.NewCrashableMem()
		a := open(t, "data", Options{FS: fs, SegmentSize: 64 << 10})
		b := &book{}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 3 {
			writer := uint64(done*10 + w + 1)
			wg.Go(func() { b.write(t, a, writer, stop) })
		}
		wg.Go(func() { b.shared(t, a, stop) })
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if b.full() {
					time.Sleep(100 * time.Microsecond)
					continue
				}
				leave(t, a, "default", noise(8000, n))
				compactions += compact(t, a).Records
			}
		})
		for i := 0; i < 20 && done < clones && !t.Failed(); i++ {
			b.allow(100)
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
			known := b.now()
			percent := []int{0, 10, 50, 100}[r.IntN(4)]
			clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(*seed, uint64(done)))})
			checkClone(t, fmt.Sprintf("clone %d, %d %%, seed %d", done, percent, *seed), clone, known, done%10 == 0)
			checked += len(known)
			done++
		}
		close(stop)
		wg.Wait()
		if !t.Failed() {
			sameRebuilt(t, a, "data", fs).Close()
		}
		a.Close()
	}
	t.Logf("%d records dropped, %d acknowledged messages looked for", compactions, checked)
	if compactions == 0 || checked == 0 {
		t.Error("nothing was dropped, or nothing had been acknowledged")
	}
}

// shared writes contents that nothing refers to, and then, often, messages made of
// them.
func (b *book) shared(t *testing.T, a *Archive, stop chan struct{}) {
	for n := uint64(0); ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if b.full() {
			time.Sleep(100 * time.Microsecond)
			continue
		}
		raw := noise(maxInline+1000, n%5)
		leave(t, a, "default", raw)
		time.Sleep(time.Millisecond)
		r := receipt(raw, fmt.Sprintf("shared%d@x", n), "c@d")
		r.Decision = Decision{Action: ActionArchive, Rule: fmt.Sprintf("shared%d@x", n)}
		e, err := a.Append(context.Background(), r)
		if err != nil {
			t.Errorf("append: %v", err)
			return
		}
		b.add(acked{id: e.ID, digest: r.SHA256, sender: fmt.Sprintf("shared%d@x", n)})
	}
}
