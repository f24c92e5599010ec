package archive

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Power is lost while dictionaries are trained and put to use: whatever Append said is
// archived is there, with the dictionary that it needs.
func TestPowerLossWhileLearning(t *testing.T) {
	t.Logf("seed %d", *seed)
	clones, r := 30, rand.New(rand.NewPCG(*seed, 4))
	if testing.Short() {
		clones = 8
	}
	fs := vfs.NewCrashableMem()
	a := open(t, "data", Options{FS: fs, SegmentSize: 64 << 10})
	fed(t, a, "anna", 0, minSamples)
	var last atomic.Uint64 // the latest number that was acknowledged
	var work sync.WaitGroup
	work.Go(func() {
		for n := range 200 {
			time.Sleep(time.Millisecond)
			e, err := a.Append(t.Context(), plainReceipt("anna", 1000+n))
			if err != nil {
				t.Error(err)
				return
			}
			last.Store(e.ID)
		}
	})
	trained := make(chan error, 1)
	work.Go(func() { trained <- a.Train(t.Context(), "anna") })
	var checks []func() // later: they take longer than what they are about
	for i := range clones {
		known := last.Load()
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[i%3], RNG: r})
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		checks = append(checks, func() { checkLearned(t, fmt.Sprintf("clone %d", i), clone, known) })
	}
	work.Wait()
	for _, check := range checks {
		check()
	}
	if err := <-trained; err != nil {
		t.Error(err)
	}
	verified(t, a)
	a.Close()
	checkLearned(t, "at the end", fs, last.Load())
}

// checkLearned opens what a crash left, and reads the entries up to a number.
func checkLearned(t *testing.T, name string, fs vfs.FS, known uint64) {
	t.Helper()
	a, err := Open("data", Options{FS: fs, Logger: quiet(), SegmentSize: 64 << 10})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer func() { a.Close() }()
	for id := uint64(1); id <= known; id++ {
		var b bytes.Buffer
		if err := a.WriteTo(t.Context(), id, &b); err != nil || b.Len() != 200 {
			t.Errorf("%s: entry %d of %d has %d bytes, %v", name, id, known, b.Len(), err)
			return
		}
	}
	verified(t, a)
	fed(t, a, "anna", 500_000, 2)
	a = remade(t, a, fs)
	verified(t, a)
}
