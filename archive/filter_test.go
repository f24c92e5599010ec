package archive

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A filter of rosters and contents leaves out most of their keys that are not in the
// table, none that are, and no other keys.
func TestStoreFilter(t *testing.T) {
	f := upperFilter()
	f.kinds = string([]byte{keyJoin, keyContent})
	key := func(kind byte, n int) []byte { return textPrefix(kind, fmt.Sprint(n)) }
	const count = 5000
	for _, kinds := range [][]byte{{keyJoin}, {keyContent}, {keyMessageID}, {keyContent, keyJoin, keyMessageID}, nil} {
		w := f.NewWriter(0)
		for _, kind := range kinds {
			for n := range count {
				w.AddKey(key(kind, n))
			}
		}
		filter := w.Finish(nil)
		if most := count * len(kinds); len(filter) > most*filterBits/8+100 {
			t.Errorf("%q: the filter has %d bytes", kinds, len(filter))
		}
		for _, kind := range []byte{keyJoin, keyContent, keyMessageID, keyEntry, keyState} {
			there, passed := 0, 0
			for n := range 2 * count {
				switch may := f.MayContain(0, filter, key(kind, n)); {
				case may && n < count:
					there++
				case may:
					passed++
				}
			}
			wanted, most := 0, count/8
			switch in := len(kinds) > 0 && (kinds[0] == kind || len(kinds) > 1); {
			case kind != keyJoin && kind != keyContent:
				wanted, most = count, count
			case in:
				wanted = count
			case len(kinds) == 0 || kinds[0] == keyMessageID:
				most = 0
			}
			if there < wanted || passed > most {
				t.Errorf("%q: of keys %c that are there %d pass, and %d of others", kinds, kind, there, passed)
			}
		}
	}
	w := lastFilter().NewWriter(0)
	w.AddKey(key(keyJoin, 1))
	if filter := w.Finish(nil); lastFilter().MayContain(0, filter, key(keyJoin, 2)) || !lastFilter().MayContain(0, filter, key(keyContent, 2)) {
		t.Error("in the last level rosters are not filtered, or contents are, which nobody asks for there")
	}
	w = upperFilter().NewWriter(0)
	w.AddKey(key(keyEntry, 1))
	if filter := w.Finish(nil); !upperFilter().MayContain(0, filter, key(keyEntry, 1)) || upperFilter().MayContain(0, filter, key(keyTime, 2)) {
		t.Error("above the last level entries and times are not filtered")
	}
	if !f.MayContain(0, nil, nil) {
		t.Error("a key of no bytes is left out")
	}
}

// Filters keep the catalog from being read for mail that is new, and hide none of the
// mail that is known; when they are damaged it is found without them.
func TestRostersAreFilteredInTheLastLevel(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		t.Run(fmt.Sprintf("damaged=%v", damaged), func(t *testing.T) {
			fs := doubtfulFiles(t) // the catalog is packed: all of it is in the last level
			if damaged {
				spoilFilters(t, fs)
			}
			a := open(t, "data", Options{FS: fs})
			for i := range 200 {
				e := appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=gateway id=new%d@x content=one bytes=new%d", i, i)))
				if e.Message != e.ID {
					t.Fatalf("new mail is joined to message %d", e.Message)
				}
			}
			hits := a.catalog.db.Metrics().Filter.Hits
			if hits < 150 != damaged {
				t.Errorf("of 200 Message-IDs %d were told by filters to be new", hits)
			}
			for i := range 50 {
				e := appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=journal id=%d@x content=one bytes=%d+report", i, i)))
				if e.Message == e.ID || e.Message > doubtful {
					t.Fatalf("a copy of mail %d is message %d", i, e.Message)
				}
			}
			if s := a.Stats(); s.Messages != doubtful+200 || s.Doubts != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// spoilFilters turns over a byte of the filter of each table of the catalog.
func spoilFilters(t *testing.T, fs vfs.FS) {
	t.Helper()
	spoiled := 0
	changeTables(t, fs, func(path string, b []byte) {
		for _, filter := range layoutOf(t, fs, path).Filter {
			b[filter.Offset] ^= 0xff
			spoiled++
		}
	})
	if spoiled == 0 {
		t.Fatal("no table has a filter")
	}
}

func layoutOf(t *testing.T, fs vfs.FS, path string) *sstable.Layout {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := sstable.NewSimpleReadable(f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sstable.NewReader(t.Context(), file, sstable.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return l
}
