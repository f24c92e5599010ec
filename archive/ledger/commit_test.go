package ledger

import (
	"os"
	"os/exec"
	"strings"
	"sync"
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
