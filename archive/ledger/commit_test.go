package ledger

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A caller of Append that takes its own panics for less must not go on after one of
// Apply, which may have happened in its goroutine.
func TestAPanicInApplyEndsTheProcess(t *testing.T) {
	const asked = "DAYBOOK_TEST_PANIC_IN_APPLY"
	if os.Getenv(asked) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), asked+"=1")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "ledger: apply has a mistake") {
			t.Errorf("the process ended with %v and\n%s", err, out)
		}
		return
	}
	defer func() { recover() }()
	l := mustOpen(t, vfs.NewMem(), "/", Options{Apply: func([]Record, Mark) error { panic("apply has a mistake") }})
	l.Append(anything, []Record{{Type: 'a', Flags: Numbered, Body: []byte("one")}})
	os.Exit(0)
}

// Whoever appends is heard, alone and in a crowd, whatever the one before did: in all
// the ways in which a writer takes over from another, nobody waits for ever.
func TestNobodyWaitsForEver(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), "/", Options{SegmentSize: 64 << 10})
	defer l.Close()
	const senders, each = 12, 400
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range each {
				records := []Record{{Type: 'a', Flags: Numbered, Body: make([]byte, 10+sender)}}
				if i%7 == sender%7 {
					if err := l.Rotate(anything); err != nil {
						t.Error(err)
					}
				}
				if err := l.Append(anything, records); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	if got := l.Mark().Seq; got != senders*each+1 {
		t.Errorf("the next number is %d after %d records", got, senders*each)
	}
}

// Close comes while many append, each in a thread, rotate, and every now and then the
// disk refuses: all of them are told, and what they were told is there, is there.
func TestCloseWhileManyAppend(t *testing.T) {
	for senders := 1; senders <= 6; senders++ {
		mem := vfs.NewMem()
		disk := newFaultFS(mem)
		l := mustOpen(t, disk, "/", Options{SegmentSize: 4 << 10})
		disk.setPlan(func(_ string, n int) (effect, error) {
			if n%23 == 0 {
				return refused, syscall.EIO
			}
			return works, nil
		})
		var mu sync.Mutex
		acked := map[uint64]Location{}
		enough := make(chan struct{})
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				appendUntilClosed(t, l, 10+100*sender, func(r Record) {
					mu.Lock()
					defer mu.Unlock()
					if acked[r.Seq] = r.At; len(acked) == 200 {
						close(enough)
					}
				})
			})
		}
		<-enough
		_ = l.Close() // the disk may refuse that too
		sending.Wait()

		again := mustOpen(t, mem, "/", Options{})
		if found := again.Recovery(); len(found.Damage) > 0 {
			t.Errorf("%d senders: %v", senders, found.Damage)
		}
		for seq, at := range acked {
			if r, err := again.Read(at); err != nil || r.Seq != seq {
				t.Errorf("%d senders: record %d was acknowledged: %d, %v", senders, seq, r.Seq, err)
			}
		}
		mustClose(t, again)
	}
}

// appendUntilClosed appends records of a size, and rotates, until the ledger is closed.
func appendUntilClosed(t *testing.T, l *Ledger, size int, acked func(Record)) {
	thread := new(Thread)
	for i := 0; ; i++ {
		if thread.Broken() {
			thread = new(Thread)
		}
		records := []Record{{Type: 'a', Flags: Numbered, Body: make([]byte, size)}}
		wait, err := l.Submit(anything, thread, records)
		if err == nil {
			err = wait()
		}
		switch {
		case err == nil:
			acked(records[0])
		case errors.Is(err, ErrClosed):
			return
		case !errors.Is(err, syscall.EIO) && !errors.Is(err, ErrThread):
			t.Error(err)
			return
		}
		if i%30 == 29 {
			_ = l.Rotate(anything) // refused, or closed: the next append tells
		}
	}
}

// What is appended is prepared between the write and the sync, and applied after it;
// when the disk refuses the sync it is not applied, and others come with its numbers.
func TestPrepare(t *testing.T) {
	disk := newFaultFS(vfs.NewMem())
	var steps []string
	step := func(name string) func([]Record, Mark) error {
		return func(records []Record, end Mark) error {
			steps = append(steps, disk.ops...)
			disk.ops = nil
			steps = append(steps, fmt.Sprintf("%s %s as %d, to %d", name, records[0].Body, records[0].Seq, end.Seq))
			return nil
		}
	}
	l := mustOpen(t, disk, "/", Options{Prepare: step("prepare"), Apply: step("apply"), room: roomRule{small: -1}})
	defer l.Close()
	appendOne := func(body string) error {
		return l.Append(anything, []Record{{Flags: Numbered, Body: []byte(body)}})
	}
	if err := appendOne("one"); err != nil {
		t.Fatal(err)
	}
	disk.setPlan(func(op string, _ int) (effect, error) {
		if op == "sync data" {
			return refused, syscall.EIO
		}
		return works, nil
	})
	if err := appendOne("two"); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Append: %v, want the error of the disk", err)
	}
	disk.setPlan(nil)
	disk.ops, steps = nil, steps[slices.Index(steps, "prepare one as 1, to 2")-2:]
	if err := appendOne("three"); err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(steps, func(s string) bool {
		return strings.HasPrefix(s, "open") || s == "create" || s == "rename" || s == "sync"
	})
	want := []string{
		"write", "sync to", "prepare one as 1, to 2", "sync data", "apply one as 1, to 2",
		"write", "sync to", "prepare two as 2, to 3",
		"write", "write", "sync to", "prepare three as 2, to 3", "sync data", "apply three as 2, to 3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps were\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A file system that can do no less than sync all of a file is not asked to do so twice,
// and what it refuses is not acknowledged.
func TestFullSyncAhead(t *testing.T) {
	disk := newFaultFS(fullSyncFS{vfs.NewMem()})
	l := mustOpen(t, disk, "/", Options{room: roomRule{small: -1}})
	defer l.Close()
	before := disk.counted("sync data")
	mustAppend(t, l, Record{Body: []byte("one")})
	if n := disk.counted("sync data") - before; n != 0 {
		t.Errorf("it was synced %d times more", n)
	}
	disk.setPlan(func(op string, _ int) (effect, error) {
		if op == "sync to" {
			return refused, syscall.EIO
		}
		return works, nil
	})
	if err := l.Append(anything, []Record{{Body: []byte("two")}}); !errors.Is(err, syscall.EIO) {
		t.Errorf("Append: %v, want the error of the disk", err)
	}
	disk.setPlan(nil)
	mustAppend(t, l, Record{Body: []byte("three")})
}

// fullSyncFS has files whose SyncTo syncs all of them.
type fullSyncFS struct{ vfs.FS }

func (fs fullSyncFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return fullSyncFile{f}, err
}

func (fs fullSyncFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	return fullSyncFile{f}, err
}

type fullSyncFile struct{ vfs.File }

func (f fullSyncFile) SyncTo(int64) (bool, error) { return true, f.Sync() }

// What cannot be prepared is not applied, and ends the ledger's use as if it could not be
// applied.
func TestPrepareErrorStopsLedger(t *testing.T) {
	refuse := errors.New("no room in the catalog")
	var a applied
	l := mustOpen(t, vfs.NewMem(), "/", Options{Apply: a.apply, Prepare: func(r []Record, _ Mark) error {
		if string(r[0].Body) == "bad" {
			return refuse
		}
		return nil
	}})
	defer l.Close()
	mustAppend(t, l, Record{Body: []byte("good")})
	for _, body := range []string{"bad", "good"} {
		if err := l.Append(anything, []Record{{Body: []byte(body)}}); !errors.Is(err, refuse) {
			t.Errorf("Append: %v, want the error of Prepare", err)
		}
	}
	if l.Mark() != a.last() || len(a.groups) != 1 {
		t.Errorf("the mark is %v, and %d groups were applied", l.Mark(), len(a.groups))
	}
}
