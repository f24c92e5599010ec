package archive

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// lookups is a catalog's store of small tables in many levels, and what it must hold.
type lookups struct {
	t       *testing.T
	r       *rand.Rand
	fs      vfs.FS
	db      *pebble.DB
	filters int // kinds of filters that it was opened with
	want    map[string]string
	hits    int64
}

// open opens the store with the filters of now, with those that it had before there were
// others, or with none.
func (l *lookups) open() {
	l.t.Helper()
	o := Options{FS: l.fs, Logger: quiet()}
	o.setDefaults()
	p := storeOptions(&o)
	p.MemTableSize, p.L0CompactionThreshold, p.LBaseMaxBytes = 64<<10, 2, 64<<10
	for i := range p.TargetFileSizes {
		p.TargetFileSizes[i] = 8 << 10
	}
	for i := range p.Levels {
		switch last := i == len(p.Levels)-1; {
		case l.filters%4 == 1 && !last:
			p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		case l.filters%4 == 1 || l.filters%4 == 2:
			p.Levels[i].FilterPolicy = pebble.NoFilterPolicy
		}
	}
	l.filters++
	var err error
	if l.db, err = openStore("store", p); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lookups) close() {
	l.hits += l.db.Metrics().Filter.Hits
	if err := l.db.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// key is one of some thousand, of all kinds and of several lengths.
func (l *lookups) key() []byte {
	const kinds = string(rune(keyJoin)) + string(rune(keyContent)) + string(rune(keyEntry)) + string(rune(keyTime)) + string(rune(keyMember))
	kind := kinds[l.r.IntN(len(kinds))]
	return textPrefix(kind, fmt.Sprint(l.r.IntN(1500)))[:5+l.r.IntN(5)]
}

// change sets and deletes keys.
func (l *lookups) change(b *pebble.Batch, want map[string]string) {
	for range 1 + l.r.IntN(300) {
		key := l.key()
		if l.r.IntN(4) == 0 {
			delete(want, string(key))
			b.Delete(key, nil)
			continue
		}
		value := fmt.Sprintf("%x%032x", key, l.r.Uint64())
		want[string(key)] = value
		b.Set(key, []byte(value), nil)
	}
}

// compare looks for keys that are there and keys that are not, by all ways.
func (l *lookups) compare(from pebble.Reader, want map[string]string) {
	l.t.Helper()
	keys := make([][]byte, 0, 400)
	for range cap(keys) {
		keys = append(keys, l.key())
	}
	if l.r.IntN(2) == 0 {
		slices.SortFunc(keys, bytes.Compare) // as those of one place in a table
	}
	for _, all := range []bool{true, false} {
		p := newPass()
		for _, key := range keys {
			value, found, err := p.seek(from, key, all)
			expected, there := want[string(key)]
			if err != nil || found != there || string(value) != expected {
				l.t.Fatalf("filters of the last level %v: %q is %q, %v, %v; want %q", all, key, value, found, err, expected)
			}
		}
		p.end()
	}
	for _, key := range keys {
		value, closer, err := from.Get(key)
		expected, there := want[string(key)]
		if there != (err == nil) || err != nil && !errors.Is(err, pebble.ErrNotFound) || string(value) != expected {
			l.t.Fatalf("%q is %q, %v; want %q", key, value, err, expected)
		}
		if err == nil {
			closer.Close()
		}
	}
}

// What is in the catalog is found, whatever level it is in and whatever was deleted above
// and below it, in tables with filters of now, of before and without, and with changes of
// an archive that is open for reading.
func TestFiltersHideNothing(t *testing.T) {
	t.Logf("seed %d", *seed)
	l := &lookups{t: t, r: rand.New(rand.NewPCG(*seed, 11)), fs: vfs.NewMem(), want: map[string]string{}}
	l.open()
	var levels [7]bool
	for range 60 {
		b := l.db.NewBatch()
		l.change(b, l.want)
		if err := b.Commit(pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		switch l.r.IntN(12) {
		case 0, 1, 2:
			if err := l.db.Flush(); err != nil {
				t.Fatal(err)
			}
		case 3:
			if err := l.db.Compact(t.Context(), []byte{keyContent}, []byte{keyTime + 1}, false); err != nil {
				t.Fatal(err)
			}
		case 4:
			if err := l.db.Flush(); err != nil { // there is no log
				t.Fatal(err)
			}
			l.close()
			l.open()
		}
		l.compare(l.db, l.want)
		for i, level := range l.db.Metrics().Levels {
			levels[i] = levels[i] || level.TablesCount > 0
		}
		overlay, want := l.db.NewIndexedBatch(), maps.Clone(l.want)
		for range 3 {
			l.change(overlay, want)
			l.compare(overlay, want)
		}
		overlay.Close()
	}
	l.close()
	if l.hits == 0 || !levels[0] || !levels[6] || !slices.Contains(levels[1:6], true) {
		t.Errorf("filters kept %d tables from being read; there were tables in levels %v", l.hits, levels)
	}
}
