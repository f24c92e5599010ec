package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const scriptSegments = 5000 // bytes

// script is a life of a ledger: opened, appended to, read, scanned, reopened.
// What fails in it is left out; it gives what was acknowledged, the last mark
// and the ledger, nil when it could not be opened.
func script(t *testing.T, fs vfs.FS) (l *Ledger, acked [][]Record, mark Mark) {
	var a applied
	rng := rand.New(rand.NewPCG(1, 1))
	n := 0
	for life := range 3 {
		var err error
		for range 2 {
			if l, err = Open(anything, "/", Options{FS: fs, SegmentSize: scriptSegments, Apply: a.apply, From: a.last()}); err == nil {
				break
			}
		}
		if err != nil {
			return nil, acked, a.last()
		}
		for range 6 {
			n++
			records := randomRecords(rng, fmt.Sprintf("script-%d", n), []int{50, 1500, 6000}[n%3])
			if err := l.Append(anything, records); err == nil {
				acked = append(acked, records)
			} else if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Append: %v, want the injected error", err)
			}
		}
		if len(acked) > 0 {
			l.Read(acked[0][0].At)
		}
		l.Scan(anything, func([]Record) error { return nil }, func(Damage) {})
		if life < 2 {
			mustClose(t, l)
		}
	}
	return l, acked, a.last()
}

// TestEveryOperationFails has each operation of the script fail, once and for
// good, without effect, by half, and after it took effect.
func TestEveryOperationFails(t *testing.T) {
	counting := newFaultFS(vfs.NewCrashableMem())
	l, acked, _ := script(t, counting)
	operations := counting.ops
	if len(acked) != 18 || len(operations) < 100 {
		t.Fatalf("%d appends and %d operations without a fault: the script does not run", len(acked), len(operations))
	}
	mustClose(t, l)
	runs, refusedAppends := 0, 0
	for i, op := range operations {
		k := i + 1
		for _, e := range effectsOf(op) {
			for forGood, plan := range map[bool]func(int, effect, error) func(string, int) (effect, error){true: dead, false: once} {
				for j, fault := range []error{syscall.EIO, syscall.ENOSPC} {
					if !*long && j != (k+int(e))%2 {
						continue
					}
					t.Run(fmt.Sprintf("%d %s %s %v for good %t", k, op, e, fault, forGood), func(t *testing.T) {
						runs++
						refusedAppends += 18 - faultRun(t, plan(k, e, fault))
					})
				}
			}
		}
	}
	t.Logf("%d operations, %d runs, %d appends failed", len(operations), runs, refusedAppends)
}

// effectsOf gives the ways in which an operation can fail.
func effectsOf(op string) []effect {
	switch op {
	case "write":
		return []effect{refused, partial, unheard}
	case "open", "open folder", "list", "read", "stat":
		return []effect{refused}
	}
	return []effect{refused, unheard}
}

// faultRun plays the script under a plan, has the fault go away, and checks that
// nothing acknowledged is missing: in the same process, after a restart, and
// after the power failed. It gives the number of appends acknowledged.
func faultRun(t *testing.T, plan func(string, int) (effect, error)) int {
	mem := vfs.NewCrashableMem()
	fs := newFaultFS(mem)
	fs.setPlan(plan)
	l, acked, mark := script(t, fs)
	count := len(acked)
	checkCrash(t, mem.CrashClone(vfs.CrashCloneCfg{}), acked, mark, scriptSegments)
	fs.setPlan(nil)
	if l != nil {
		acked = append(acked, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("fault-gone 1/1")}))
		checkHistory(t, l, acked)
		mark = l.Mark()
		mustClose(t, l)
	}
	checkCrash(t, mem, acked, mark, scriptSegments)
	return count
}

// TestFullDiskBreedsNoFiles has every record refused, but not the small headers.
func TestFullDiskBreedsNoFiles(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := newFaultFS(mem)
	l := mustOpen(t, fs, "/", Options{})
	acked := [][]Record{mustAppend(t, l, Record{Flags: Numbered, Body: []byte("before 1/1")})}
	for i := range 50 {
		fs.setPlan(func(op string, _ int) (effect, error) {
			if op == "sync data" {
				return effect(1 + i%2), syscall.ENOSPC
			}
			return works, nil
		})
		if err := l.Append(anything, []Record{{Body: []byte("refused 1/1")}}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Append on a full disk: %v", err)
		}
		l.Read(Location{Segment: 2, Offset: headerSize, Length: 11}) // must not keep a file that is replaced
	}
	fs.setPlan(nil)
	acked = append(acked, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("after 1/1")}))
	checkHistory(t, l, acked)
	l.jobs.Wait() // the parity of a segment that a failed write has ended is made in the background
	if got := files(t, mem, "/"); len(got) != 4 {
		t.Errorf("%d files after 50 failed appends, want the identity, two segments and the parity of the first", len(got))
	}
	mark := l.Mark()
	mustClose(t, l)
	checkCrash(t, mem, acked, mark, DefaultSegmentSize)
}

// TestFailedGroupStaysOut loses the header of the segment that seals a failed
// group off: the group must not come back in the place of the one that was
// acknowledged under its number.
func TestFailedGroupStaysOut(t *testing.T) {
	for e := partial; e < effectsN; e++ {
		mem := vfs.NewCrashableMem()
		fs := newFaultFS(mem)
		l := mustOpen(t, fs, "/", Options{})
		want := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("before")})
		fs.setPlan(func(op string, _ int) (effect, error) {
			if op == "write" {
				return e, syscall.EIO
			}
			return works, nil
		})
		if err := l.Append(anything, []Record{{Body: []byte("a")}, {Flags: Numbered, Body: []byte("failed")}}); err == nil {
			t.Fatal("Append gives no error")
		}
		fs.setPlan(nil)
		want = append(want, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("after")})...)
		mark := l.Mark()
		mustClose(t, l)
		content := files(t, mem, "/")
		content[SegmentName(2)][20] ^= 1
		for _, from := range []Mark{{}, mark} {
			l = mustOpen(t, memory(t, content), "/", Options{From: from})
			got, damage := scanAll(t, l)
			if fmt.Sprint(descriptions(got)) != fmt.Sprint(descriptions(want)) {
				t.Errorf("%s: Scan visits %q, want %q", e, descriptions(got), descriptions(want))
			}
			if len(damage) != 1 || damage[0].Segment != 2 || damage[0].Length != headerSize {
				t.Errorf("%s: Scan reports %+v, want the header of segment 2", e, damage)
			}
			mustClose(t, l)
		}
	}
}
