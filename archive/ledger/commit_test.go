package ledger

import (
	"errors"
	"os"
	"os/exec"
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
