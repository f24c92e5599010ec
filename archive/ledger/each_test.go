package ledger

import (
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ReadEach gives what Read gives, for any places in any order: of whole, dropped and
// damaged records, and where none can stand.
func TestReadEach(t *testing.T) {
	rng := seeded(t)
	mem := vfs.NewMem()
	const segments = 64 << 10
	l := mustOpen(t, mem, "/", Options{SegmentSize: segments})
	var all []Record
	for range size(150, 1500) {
		all = append(all, mustAppend(t, l, randomRecords(rng, "each", []int{50, 500, 20_000}[rng.IntN(3)])...)...)
	}
	compactSealed(t, l, keepRest)
	end := l.Mark()
	mustClose(t, l)
	content := files(t, mem, "/")
	for name, b := range content {
		if len(b) > 2*headerSize && rng.IntN(2) == 0 {
			b[headerSize+rng.IntN(len(b)-2*headerSize)] ^= 1 << rng.IntN(8)
		}
		content[name] = b
	}
	l = mustOpen(t, memory(t, content), "/", Options{ReadOnly: true, From: end})
	defer l.Close()
	for range size(100, 1000) {
		var at []Location
		first := rng.IntN(len(all))
		for _, r := range all[first:min(len(all), first+rng.IntN(60))] {
			if rng.IntN(4) > 0 {
				at = append(at, r.At)
			}
		}
		for range rng.IntN(3) {
			odd := []Location{{1, math.MaxInt64, 5}, {1, math.MaxInt64 - 10, math.MaxUint32}, {1, -1, 1}, {999, 64, 9}, {1, 0, 0}, {1, 65, 70}}[rng.IntN(6)]
			at = slices.Insert(at, rng.IntN(len(at)+1), odd)
		}
		if rng.IntN(5) == 0 {
			rng.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
		}
		checkEach(t, l, at)
	}
}

func checkEach(t *testing.T, l *Ledger, at []Location) {
	t.Helper()
	next := 0
	l.ReadEach(at, func(i int, r Record, err error) bool {
		want, wantErr := l.Read(at[i])
		if i != next || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() || err == nil && !same(r, want) {
			t.Fatalf("place %d of %d, %+v: %s, %v; Read gives %s, %v", i, len(at), at[i], describe(r), err, describe(want), wantErr)
		}
		next++
		return true
	})
	if next != len(at) {
		t.Fatalf("%d of %d were visited", next, len(at))
	}
}

// Records that stand near each other are read at once, and no more than is asked for.
func TestReadEachReadsFew(t *testing.T) {
	fs := newFaultFS(vfs.NewMem())
	l := mustOpen(t, fs, "/", Options{})
	defer l.Close()
	var at []Location
	for range 1000 {
		r := mustAppend(t, l, Record{Flags: Numbered, Body: make([]byte, 400)})
		at = append(at, r[0].At)
	}
	mustAppend(t, l, Record{Flags: Numbered, Body: make([]byte, 2*eachGap)})
	far := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("far")})
	at = append(at, far[0].At)
	if _, err := l.Read(at[0]); err != nil { // which opens the segment
		t.Fatal(err)
	}
	before := fs.counted("read")
	checked := 0
	l.ReadEach(at, func(_ int, _ Record, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		checked++
		return true
	})
	// 428,000 bytes in windows of 256 KiB, and the one that is far.
	if n := fs.counted("read") - before; n != 3 || checked != len(at) {
		t.Errorf("%d reads for %d records", n, checked)
	}
	l.ReadEach(at, func(i int, _ Record, _ error) bool {
		if i > 5 {
			t.Errorf("record %d is visited", i)
		}
		return i < 5
	})
}
