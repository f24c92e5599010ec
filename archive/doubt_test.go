package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// doubtful is how many messages an archive has that takes several blocks of its catalog,
// and has no dictionary of its own in there.
const doubtful = 800

// doubtfulFiles gives a disk with an archive whose catalog stands in tables, with
// messages of one entry each.
func doubtfulFiles(t *testing.T) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	var receipts []*Receipt
	for i := range doubtful {
		receipts = append(receipts, joinReceipt(t, fmt.Sprintf("0s source=gateway id=%d@x content=one bytes=%d", i, i)))
	}
	together(t, a, receipts)
	a.Close()
	open(t, "data", Options{FS: fs}).Close() // moves the catalog from its log to tables
	return fs
}

// isTable tells whether a path is of a table of the catalog.
func isTable(path string) bool { return strings.HasSuffix(path, ".sst") }

// spoilTables turns over bytes of the tables of the catalog, behind the block that has
// its state.
func spoilTables(t *testing.T, fs vfs.FS) {
	t.Helper()
	changeTables(t, fs, func(_ string, b []byte) {
		for i := 5000; i < len(b)*3/4; i += 100 {
			b[i] ^= 0xff
		}
	})
}

// changeTables writes the tables of the catalog anew with what change makes of their
// bytes.
func changeTables(t *testing.T, fs vfs.FS, change func(path string, b []byte)) {
	t.Helper()
	dir := "data/" + catalogDir
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, name := range names {
		if !isTable(name) {
			continue
		}
		path := fs.PathJoin(dir, name)
		b := fileBytes(t, fs, path)
		change(path, b)
		f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		changed++
	}
	if changed == 0 {
		t.Fatal("the catalog has no tables")
	}
}

// The catalog cannot be read while mail comes in: the mail is archived, the trouble is
// named, and at the next opening the catalog is what it would have been.
func TestDamagedCatalogKeepsNoMailOut(t *testing.T) {
	for _, kind := range []string{"disk", "bytes"} {
		fs := doubtfulFiles(t)
		var failing atomic.Bool
		watched := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if failing.Load() && op.Kind == errorfs.OpFileReadAt && isTable(op.Path) {
				return syscall.EIO
			}
			return nil
		}))
		if kind == "bytes" {
			spoilTables(t, fs)
		}
		a := open(t, "data", Options{FS: watched})
		failing.Store(kind == "disk")
		bodies := map[uint64]string{}
		for i := range 100 {
			e := appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=journal id=%d@x content=one bytes=%d+report", i, i)))
			bodies[e.ID] = fmt.Sprintf("%d+report", i)
		}
		failing.Store(false)
		doubts := a.Stats().Doubts
		if doubts == 0 || kind == "disk" && doubts < 10 {
			t.Errorf("%s: of 100 entries %d found the catalog unreadable", kind, doubts)
		}
		named := false
		a.Verify(t.Context(), nil, func(d Damage) {
			named = named || strings.Contains(d.Reason, fmt.Sprintf("could not be read %d times", doubts))
		})
		if !named {
			t.Errorf("%s: Verify does not tell of %d doubts", kind, doubts)
		}
		a.Close()
		for _, readOnly := range []bool{true, false, true} {
			a = open(t, "data", Options{FS: fs, ReadOnly: readOnly})
			s := a.Stats()
			if s.Doubts != 0 || s.Messages != doubtful || s.Entries != doubtful+100 || len(messageNumbers(t, a, Query{})) != doubtful {
				t.Errorf("%s, read-only %v: %d doubts, %d messages of %d entries", kind, readOnly, s.Doubts, s.Messages, s.Entries)
			}
			checkTotals(t, a)
			verified(t, a)
			for id, want := range bodies {
				if string(body(t, a, id)) != want {
					t.Errorf("%s, read-only %v: entry %d has other bytes", kind, readOnly, id)
				}
			}
			a.Close()
		}
	}
}

// A catalog that is in doubt cannot be made anew: it stays in use, and mail comes in.
func TestCatalogInDoubtStaysInUse(t *testing.T) {
	fs := doubtfulFiles(t)
	var failing, full atomic.Bool
	watched := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch {
		case failing.Load() && op.Kind == errorfs.OpFileReadAt && isTable(op.Path):
			return syscall.EIO
		case full.Load() && strings.Contains(op.Path, rebuildDir) && op.Kind == errorfs.OpCreate:
			return syscall.ENOSPC
		}
		return nil
	}))
	a := open(t, "data", Options{FS: watched})
	failing.Store(true)
	appendOne(t, a, joinReceipt(t, "1s source=journal id=5@x content=one bytes=report"))
	failing.Store(false)
	a.Close()
	full.Store(true)
	a = open(t, "data", Options{FS: watched})
	if s := a.Stats(); s.Doubts == 0 || s.Entries != doubtful+1 || s.Messages != doubtful+1 {
		t.Errorf("%+v", s)
	}
	appendOne(t, a, joinReceipt(t, "1s source=journal id=6@x content=one bytes=report"))
	a.Close()
	full.Store(false)
	a = open(t, "data", Options{FS: watched})
	if s := a.Stats(); s.Doubts != 0 || s.Entries != doubtful+2 || s.Messages != doubtful {
		t.Errorf("%+v", s)
	}
	verified(t, a)
}

// What is in a record that the ledger finds whole cannot be decoded: it is named, and
// keeps nothing else from being read, now and when it is read again.
func TestRecordThatCannotBeDecoded(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a := open(t, "data", Options{FS: fs})
	good := appendOne(t, a, receipt([]byte("good"), "a@b", "c@d"))
	e := &Entry{Tenant: "default", Source: "test", formula: &formula{}}
	facts, _, err := a.codec.encodeFacts(e, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	bad := []ledger.Record{
		newEntryRecord(e, facts, &element{as: textChained, start: good.ID, index: maxSpan + 1}, nil),
		{Type: typeEntry, Flags: ledger.Numbered, Body: []byte("no entry")},
		{Type: typeEvent, Flags: ledger.Numbered, Body: []byte("no event")},
		{Type: typeContent, Body: []byte{contentVersion}},
		{Type: typeDictionary, Body: []byte{ownVersion}},
	}
	if err := a.ledger.Append(context.Background(), bad); err != nil {
		t.Fatal(err)
	}
	last := appendOne(t, a, receipt([]byte("last"), "a@b", "c@d"))
	want := dump(t, a)
	clone := fs.CrashClone(vfs.CrashCloneCfg{})
	a.Close()
	a = open(t, "data", Options{FS: clone})
	if have := dump(t, a); have != want {
		t.Errorf("replayed the catalog is\n%s\nwant\n%s", have, want)
	}
	for id := good.ID + 1; id <= good.ID+2; id++ {
		d := (*Damage)(nil)
		if _, err := a.Entry(id); !errors.As(err, &d) || d.Entry != id {
			t.Errorf("entry %d: %v", id, err)
		}
	}
	for _, e := range []Entry{good, last} {
		if b := body(t, a, e.ID); len(b) != 4 {
			t.Errorf("entry %d has the bytes %q", e.ID, b)
		}
	}
	if n := a.Stats().Doubts; n != 0 {
		t.Errorf("%d doubts: the catalog would be made anew each time", n)
	}
	a.Close()
}

// slowFS takes longer to finish a table than the catalog's close waits for.
type slowFS struct{ vfs.FS }

type slowTable struct{ vfs.File }

func (f slowFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err != nil || !isTable(name) {
		return file, err
	}
	return slowTable{file}, nil
}

func (f slowTable) Close() error {
	time.Sleep(flushTime + time.Second)
	return f.File.Close()
}

// A new catalog is waited for, however slow the disk.
func TestRebuildOnSlowDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	a.Close()
	if _, err := Rebuild(t.Context(), "data", Options{FS: slowFS{fs}, Logger: quiet()}, nil, func(Damage) {}); err != nil {
		t.Error(err)
	}
}
