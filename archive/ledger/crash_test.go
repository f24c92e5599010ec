package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// load is a ledger under the load of several writers, who keep a list of what
// was acknowledged.
type load struct {
	applied
	mu    sync.Mutex
	acked [][]Record // one Append each
	ended chan struct{}
	stop  atomic.Bool
}

// run appends from several goroutines until stop is set or each did its share.
func (o *load) run(t *testing.T, l *Ledger, rng *rand.Rand, writers, each int) {
	var wg sync.WaitGroup
	for w := range writers {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for i := 0; i < each && !o.stop.Load(); i++ {
				maxBody := []int{100, 2000, 12000}[rng.IntN(3)]
				records := randomRecords(rng, fmt.Sprintf("writer%d-%d", w, i), maxBody)
				if err := l.Append(anything, records); err != nil {
					if !errors.Is(err, syscall.EIO) {
						t.Errorf("Append: %v", err)
					}
					continue
				}
				o.mu.Lock()
				o.acked = append(o.acked, records)
				o.mu.Unlock()
			}
		})
	}
	o.ended = make(chan struct{})
	go func() { wg.Wait(); close(o.ended) }()
}

func (o *load) acknowledged() [][]Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.acked)
}

// checkHistory fails unless the ledger is undamaged and holds, in whole, every
// Append that was acknowledged, and of every other either all or nothing.
func checkHistory(t *testing.T, l *Ledger, acked [][]Record) {
	t.Helper()
	if d := l.Recovery().Damage; len(d) > 0 {
		t.Fatalf("Open reports damage: %v", &d[0])
	}
	records, damage := scanAll(t, l)
	if len(damage) > 0 {
		t.Fatalf("Scan reports damage: %v", &damage[0])
	}
	for _, a := range acked {
		checkRead(t, l, a)
	}
	checkPlaces(t, records)
	parts := map[string]int{}
	for _, r := range records {
		name, rest, _ := strings.Cut(string(r.Body), " ")
		var part, of int
		fmt.Sscanf(rest, "%d/%d", &part, &of)
		if parts[name]++; parts[name] != part {
			t.Fatalf("%s: part %d stands at place %d", name, part, parts[name])
		}
		if parts[name] == of {
			parts[name] = 0
		}
	}
	for name, n := range parts {
		if n != 0 {
			t.Fatalf("of %s only %d records are there", name, n)
		}
	}
	visited := map[Location]bool{}
	for _, r := range records {
		visited[r.At] = true
	}
	for _, a := range acked {
		for _, r := range a {
			if !visited[r.At] {
				t.Fatalf("Scan does not visit the acknowledged record %s", describe(r))
			}
		}
	}
}

// checkCrash opens what a crash left, twice from the mark and once from zero, and
// appends each time.
func checkCrash(t *testing.T, fs *vfs.MemFS, acked [][]Record, from Mark, segmentSize int64) {
	t.Helper()
	var live applied
	for i, mark := range []Mark{from, {}, from} {
		var a applied
		l := mustOpen(t, fs, "/", Options{SegmentSize: segmentSize, From: mark, Apply: a.apply})
		checkHistory(t, l, acked)
		if i == 2 && len(a.groups) < len(live.groups) {
			t.Fatalf("%d groups are replayed, at first it were %d", len(a.groups), len(live.groups))
		}
		after := mustAppend(t, l,
			Record{Flags: Numbered, Body: fmt.Appendf(nil, "after-crash-%d 1/2", i)}, Record{Body: fmt.Appendf(nil, "after-crash-%d 2/2", i)})
		checkRead(t, l, after)
		acked = append(acked, after)
		if i == 0 {
			live.groups = a.groups
		}
		if i == 1 { // not closed: what was acknowledged must not depend on that
			fs = fs.CrashClone(vfs.CrashCloneCfg{})
		}
		mustClose(t, l)
	}
}

// TestCrashClones takes the power away at random instants under load, with some
// of what was not synced kept; half of the runs have I/O errors too.
func TestCrashClones(t *testing.T) {
	rng := seeded(t)
	const clonesPerRun = 15
	clones, acknowledged := 0, 0
	for run := range size(20, 1334) {
		mem := vfs.NewCrashableMem()
		fs := newFaultFS(mem)
		segmentSize := int64(4<<10 + rng.IntN(100<<10))
		var o load
		l := mustOpen(t, fs, "/", Options{SegmentSize: segmentSize, Apply: o.apply})
		if run%2 == 1 {
			faults := rand.New(rand.NewPCG(rng.Uint64(), 0))
			fs.setPlan(func(op string, _ int) (effect, error) { // one call at a time
				if op == "read" || op == "open" || op == "list" || faults.IntN(30) > 0 {
					return works, nil
				}
				return effect(1 + faults.IntN(int(effectsN)-1)), syscall.EIO
			})
		}
		o.run(t, l, rng, 1+rng.IntN(6), 40)
		for range clonesPerRun {
			time.Sleep(time.Duration(rng.IntN(600)) * time.Microsecond)
			mark, acked := o.last(), o.acknowledged()
			percent := []int{0, 10, 50, 100}[rng.IntN(4)]
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			checkCrash(t, clone, acked, mark, segmentSize)
			clones++
			acknowledged += len(acked)
		}
		o.stop.Store(true)
		<-o.ended
		fs.setPlan(nil)
		checkHistory(t, l, o.acknowledged())
		mustClose(t, l)
	}
	t.Logf("%d clones with %d acknowledged appends", clones, acknowledged)
	if acknowledged < clones {
		t.Errorf("only %d appends were acknowledged before %d crashes: too few to show anything", acknowledged, clones)
	}
}

// TestCrashInFirstCreation takes the power away at every step of making a ledger.
func TestCrashInFirstCreation(t *testing.T) {
	rng := seeded(t)
	for k := 1; ; k++ {
		mem := vfs.NewCrashableMem()
		fs := newFaultFS(mem)
		fs.setPlan(dead(k, refused, syscall.EIO))
		if l, err := Open(anything, "/", Options{FS: fs}); err == nil {
			mustClose(t, l)
			if k < 10 {
				t.Errorf("a ledger is made in %d steps: the test sees too few", k)
			}
			return
		}
		for _, percent := range []int{0, 30, 50, 70, 100} {
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			checkCrash(t, clone, nil, Mark{}, 1<<20)
		}
	}
}

// dead has everything fail from operation k on.
func dead(k int, e effect, err error) func(string, int) (effect, error) {
	return func(_ string, n int) (effect, error) {
		switch {
		case n < k:
			return works, nil
		case n == k:
			return e, err
		}
		return refused, err
	}
}

// once has operation k fail.
func once(k int, e effect, err error) func(string, int) (effect, error) {
	return func(_ string, n int) (effect, error) {
		if n == k {
			return e, err
		}
		return works, nil
	}
}
