package archive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// unsyncedFS is a disk that refuses to sync the ledger while told so.
func unsyncedFS(refusing *atomic.Bool) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData && strings.Contains(op.Path, ledgerDir) && refusing.Load() {
			return syscall.EIO
		}
		return nil
	}))
}

// A mail that could not be synced was not archived: the next one has its number, is not
// joined to it, and nothing is found by what was in it.
func TestWhatWasNotSyncedIsForgotten(t *testing.T) {
	var refusing atomic.Bool
	fs := unsyncedFS(&refusing)
	a := open(t, "data", Options{FS: fs})
	appendOne(t, a, joinReceipt(t, "0s source=one id=1@x content=one bytes=one"))
	refusing.Store(true)
	if _, err := a.Append(context.Background(), joinReceipt(t, "1s source=one to=gone@example.org id=2@x content=two bytes=two")); !errors.Is(err, syscall.EIO) {
		t.Fatalf("append: %v, want the error of the disk", err)
	}
	refusing.Store(false)
	e := appendOne(t, a, joinReceipt(t, "2s source=two to=there@example.org id=2@x content=two bytes=two"))
	if e.ID != 2 || e.Message != 2 || e.Joined != "" || e.Collides != 0 {
		t.Errorf("the next mail is %d of message %d, joined by %q, collides with %d", e.ID, e.Message, e.Joined, e.Collides)
	}
	for e, err := range a.List(context.Background(), Query{Recipient: "gone@example.org"}) {
		t.Errorf("found by what was not archived: %d, %v", e.ID, err)
	}
	if s := a.Stats(); s.Entries != 2 || s.Messages != 2 {
		t.Errorf("%d entries, %d messages, want 2 and 2", s.Entries, s.Messages)
	}
	sameRebuilt(t, a, "data", fs)
}

// Whatever is refused in between, the catalog is that of what was acknowledged: made anew
// from the ledger it is the same, byte for byte.
func TestCatalogOfWhatWasSynced(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var refusing atomic.Bool
	fs := unsyncedFS(&refusing)
	a := open(t, "data", Options{FS: fs, SegmentSize: 64 << 10})
	refused, taken := 0, 0
	for range 400 {
		refusing.Store(rng.IntN(5) == 0)
		n := rng.IntN(40)
		r := joinReceipt(t, fmt.Sprintf("%ds tenant=%d source=%d to=r%d@example.org id=%d@x content=%d bytes=%s",
			rng.IntN(900), n%3, rng.IntN(3), rng.IntN(9), n, rng.IntN(4), strings.Repeat(fmt.Sprint(rng.IntN(50), "+"), 150)))
		if _, err := a.Append(context.Background(), r); err == nil {
			taken++
		} else if errors.Is(err, syscall.EIO) {
			refused++
		} else {
			t.Fatal(err)
		}
	}
	refusing.Store(false)
	if s := a.Stats(); refused < 20 || s.Entries != uint64(taken) {
		t.Fatalf("%d refused, %d acknowledged, %d entries", refused, taken, s.Entries)
	}
	sameRebuilt(t, a, "data", fs)
}
