package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkShrunk fails unless the ledger is undamaged and holds every Append that
// was acknowledged, but for the records that may have been dropped.
func checkShrunk(t *testing.T, l *Ledger, acked [][]Record) {
	t.Helper()
	if d := l.Recovery().Damage; len(d) > 0 {
		t.Fatalf("Open reports damage: %v", &d[0])
	}
	records, damage := scanAll(t, l)
	if len(damage) > 0 {
		t.Fatalf("Scan reports damage: %v", &damage[0])
	}
	visited, seq := map[Location]bool{}, uint64(1)
	for i, r := range records {
		if i > 0 && r.At.End().Before(records[i-1].At.End()) || r.Seq != seq {
			t.Fatalf("Scan visits %s, number %d is due, behind %s", describe(r), seq, describe(records[max(i, 1)-1]))
		}
		if r.Flags&Numbered != 0 {
			seq++
		}
		visited[r.At] = true
	}
	for _, a := range acked {
		checkMaybeDropped(t, l, a)
		for _, r := range a {
			_, err := l.Read(r.At)
			if visited[r.At] != (err == nil) {
				t.Fatalf("Scan visits %s: %t, but Read gives %v", describe(r), visited[r.At], err)
			}
		}
	}
}

// checkShrunkCrash opens what a crash left, from the mark and from zero, appends
// and compacts.
func checkShrunkCrash(t *testing.T, fs *vfs.MemFS, acked [][]Record, from Mark) {
	t.Helper()
	for i, mark := range []Mark{from, {}, from} {
		l := mustOpen(t, fs, "/", Options{SegmentSize: scriptSegments, From: mark})
		checkNoneUnfinished(t, fs)
		checkShrunk(t, l, acked)
		acked = append(acked, mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, "after crash", i)}))
		compactSealed(t, l, sparing(2<<i))
		checkShrunk(t, l, acked)
		if i == 1 { // not closed: what was done must not depend on that
			fs = fs.CrashClone(vfs.CrashCloneCfg{})
		}
		mustClose(t, l)
	}
}

// shrinkScript is a life of a ledger that is compacted again and again. What
// fails in it is left out. done is told of each step.
func shrinkScript(t *testing.T, fs vfs.FS, done func(acked [][]Record, mark Mark)) (l *Ledger, acked [][]Record, mark Mark) {
	var a applied
	rng := rand.New(rand.NewPCG(1, 1))
	check := func(err error) {
		if err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatalf("%v, want the injected error", err)
		}
	}
	for life := range 2 {
		var err error
		for range 2 {
			if l, err = Open(anything, "/", Options{FS: fs, SegmentSize: scriptSegments, Apply: a.apply, From: a.last()}); err == nil {
				break
			}
		}
		if err != nil {
			return nil, acked, a.last()
		}
		for step := range 3 {
			for i := range 2 {
				records := randomRecords(rng, fmt.Sprintf("shrink-%d-%d-%d", life, step, i), 900)
				records = append(records, Record{Body: bytes.Repeat([]byte{byte(step)}, 200+i)})
				if err := l.Append(anything, records); err == nil {
					acked = append(acked, records)
				} else {
					check(err)
				}
				done(acked, a.last())
			}
			check(l.Rotate(anything))
			for _, s := range l.Segments() {
				if s.Sealed {
					_, err := l.Compact(anything, s.Number, sparing(1<<(1+step)))
					check(err)
				}
			}
			for _, r := range acked {
				l.Read(r[0].At)
			}
		}
		if life == 0 {
			mustClose(t, l)
		}
	}
	return l, acked, a.last()
}

// TestEveryOperationOfCompactionFails has each operation of the script fail, once
// and for good, without effect, by half, and after it took effect.
func TestEveryOperationOfCompactionFails(t *testing.T) {
	quiet := func([][]Record, Mark) {}
	counting := newFaultFS(vfs.NewCrashableMem())
	l, acked, _ := shrinkScript(t, counting, quiet)
	operations := counting.ops
	compacted := 0
	for _, s := range l.Segments() {
		if s.Compacted {
			compacted++
		}
	}
	if len(acked) != 12 || compacted < 4 {
		t.Fatalf("%d appends and %d compacted segments without a fault: the script does not run", len(acked), compacted)
	}
	mustClose(t, l)
	runs := 0
	for i, op := range operations {
		k := i + 1
		for j, e := range effectsOf(op) {
			for forGood, plan := range map[bool]func(int, effect, error) func(string, int) (effect, error){true: dead, false: once} {
				if !*long && (k+j)%3 != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%d %s %s for good %t", k, op, e, forGood), func(t *testing.T) {
					runs++
					mem := vfs.NewCrashableMem()
					fs := newFaultFS(mem)
					fs.setPlan(plan(k, e, syscall.EIO))
					l, acked, mark := shrinkScript(t, fs, quiet)
					checkShrunkCrash(t, mem.CrashClone(vfs.CrashCloneCfg{}), acked, mark)
					fs.setPlan(nil)
					if l != nil {
						if !forGood && op != "remove" {
							checkNoneUnfinished(t, mem)
						}
						acked = append(acked, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("fault gone")}))
						checkShrunk(t, l, acked)
						compactSealed(t, l, keepRest)
						checkShrunk(t, l, acked)
						mark = l.Mark()
						mustClose(t, l)
					}
					checkShrunkCrash(t, mem, acked, mark)
				})
			}
		}
	}
	t.Logf("%d operations, %d runs", len(operations), runs)
}

// lyingFS changes a byte of what is written to the unfinished file, and reports
// nothing.
type lyingFS struct {
	vfs.FS
	at int64 // the byte
}

func (fs *lyingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return &lyingFile{File: f, fs: fs}, err
}

type lyingFile struct {
	vfs.File
	fs      *lyingFS
	written int64
}

func (f *lyingFile) Write(p []byte) (int, error) {
	if i := f.fs.at - f.written; i >= 0 && i < int64(len(p)) {
		p = bytes.Clone(p)
		p[i] ^= 8
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}

// TestCompactReadsBack has the disk write another byte than it was given: each
// place is found before the old file is given up.
func TestCompactReadsBack(t *testing.T) {
	s := newSample(t, seeded(t))
	fs := &lyingFS{FS: memory(t, s.content), at: -1}
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	defer l.Close()
	segment := s.records[slices.IndexFunc(s.records, droppable)].At.Segment
	size := l.Segments()[segment-1].Bytes
	for fs.at = 0; ; fs.at += 7 {
		report, err := l.Compact(anything, segment, keepRest)
		if err == nil {
			if fs.at < report.After {
				t.Errorf("byte %d of %d is written wrongly, Compact gives no error", fs.at, report.After)
			}
			break
		}
		if now := l.Segments()[segment-1].Bytes; now != size || !sameFiles(files(t, fs, "/"), s.content, segment) {
			t.Fatalf("byte %d: the segment was changed", fs.at)
		}
		checkNoneUnfinished(t, fs)
	}
	sealed := sealedBefore(l)
	checkCompacted(t, l, s.records, func(r Record) bool { return r.At.Segment == segment && sealed(r) && droppable(r) })
}

// TestCrashInCompaction takes the power away before every operation of the
// script, with some of what was not synced kept.
func TestCrashInCompaction(t *testing.T) {
	rng := seeded(t)
	mem := vfs.NewCrashableMem()
	fs := newFaultFS(mem)
	var mu sync.Mutex
	var acked [][]Record
	var mark Mark
	type crash struct {
		fs    *vfs.MemFS
		acked [][]Record
		mark  Mark
		op    string
	}
	var crashes []crash
	fs.setPlan(func(op string, n int) (effect, error) {
		if op == "read" || op == "open" || op == "stat" || op == "list" {
			return works, nil // changes nothing
		}
		mu.Lock()
		defer mu.Unlock()
		for _, percent := range []int{0, 50, 100}[:size(2, 3)] {
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			crashes = append(crashes, crash{clone, acked, mark, fmt.Sprint(op, " ", n)})
		}
		return works, nil
	})
	l, _, _ := shrinkScript(t, fs, func(a [][]Record, m Mark) {
		mu.Lock()
		defer mu.Unlock()
		acked, mark = a[:len(a):len(a)], m
	})
	fs.setPlan(nil)
	mustClose(t, l)
	for _, c := range crashes {
		t.Run(c.op, func(t *testing.T) { checkShrunkCrash(t, c.fs, c.acked, c.mark) })
	}
	t.Logf("%d crashes", len(crashes))
}

// TestCrashWhileCompacting takes the power away at random instants under load
// and compaction.
func TestCrashWhileCompacting(t *testing.T) {
	rng := seeded(t)
	for range size(5, 500) {
		mem := vfs.NewCrashableMem()
		var o load
		l := mustOpen(t, mem, "/", Options{SegmentSize: scriptSegments, Apply: o.apply})
		o.run(t, l, rng, 3, 40)
		var wg sync.WaitGroup
		wg.Go(func() {
			for bit := uint32(2); !o.stop.Load(); bit = max(2, bit<<1) {
				compactSealed(t, l, sparing(bit))
			}
		})
		for range 10 {
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Microsecond)
			mark, acked := o.last(), o.acknowledged()
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rng})
			checkShrunkCrash(t, clone, acked, mark)
		}
		o.stop.Store(true)
		<-o.ended
		wg.Wait()
		checkShrunk(t, l, o.acknowledged())
		mustClose(t, l)
	}
}
