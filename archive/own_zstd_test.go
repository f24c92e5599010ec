package archive

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The third archive has 128 entries of anna, three of another tenant, then a dictionary
// that was trained on the first, and 68 entries more of anna with it.
const (
	thirdBefore = 131
	thirdAfter  = 68
)

// shortly describes some of the entries, and has a digest of all.
func shortly(t *testing.T, a *Archive) string {
	t.Helper()
	all := describe(t, a)
	list := strings.Split(strings.TrimPrefix(all, "entry "), "\nentry ")
	some := "entry " + list[0] + "\n...\nentry " + list[len(list)-1]
	return fmt.Sprintf("%s...\n%d entries, SHA-256 %x\n", some, len(list), sha256.Sum256([]byte(all)))
}

// An archive whose facts and dictionary are compressed with zstd is read. New entries
// are compressed with S2 and the words of that dictionary, until there is a better one.
func TestArchiveOfZstdFacts(t *testing.T) {
	fs := load(t, archiveFiles(t, thirdArchive))
	var old OwnDictionary
	for _, o := range []Options{{FS: fs, ReadOnly: true}, {FS: fs}, {FS: fs, ReadOnly: true}} {
		a := open(t, "data", o)
		for _, d := range a.Damage() {
			t.Error(d.Error())
		}
		golden(t, "testdata/v3.txt", shortly(t, a))
		own, err := a.OwnDictionaries()
		if err != nil || len(own) != 1 || own[0].Copies != ownCopies || own[0].Tenant != "anna" {
			t.Fatalf("dictionaries %+v, %v", own, err)
		}
		old = own[0]
		if n := numbers(list(t, a, Query{Sender: "anna.1000@example.com"})); len(n) != 1 || n[0] != thirdBefore+1 {
			t.Errorf("entries %v are found by their sender", n)
		}
		verified(t, a)
		a.Close()
	}
	a := open(t, "data", Options{FS: fs})
	first := fed(t, a, "anna", 5000, 2)
	for _, id := range []uint64{1, thirdBefore + 1, first[0]} {
		as, want := storedAs(t, a, id)[0], byte(factsBlocks)
		if id == first[0] {
			want = factsS2
		}
		used := usedBy(t, a, id)
		if as != want || (used == old.ID) != (id > thirdBefore) {
			t.Errorf("entry %d is stored in the way %d with dictionary %d", id, as, used)
		}
	}
	a = remade(t, a, fs)
	verified(t, a)
	last := fed(t, a, "anna", 6000, maxSamples+1)
	own, err := a.OwnDictionaries()
	if err != nil || len(own) != 2 {
		t.Fatalf("dictionaries %+v, %v", own, err)
	}
	if used := usedBy(t, a, last[maxSamples]); used == old.ID || usedBy(t, a, last[0]) != old.ID {
		t.Errorf("there is a better dictionary than %d, and entry %d has number %d", old.ID, last[maxSamples], used)
	}
	a = remade(t, a, fs)
	for i, id := range last {
		if e, err := a.Entry(id); err != nil || e.Summary != plainReceipt("anna", 6000+i).Summary {
			t.Errorf("entry %d is %+v, %v", id, e, err)
		}
	}
	verified(t, a)
}

// Without either copy of the dictionary what needs it is named, also entries with S2.
func TestZstdDictionaryIsLost(t *testing.T) {
	fs := load(t, archiveFiles(t, thirdArchive))
	a := open(t, "data", Options{FS: fs})
	ids := fed(t, a, "anna", 5000, 2)
	lostDictionary(t, a, fs)
	a = open(t, "data", Options{FS: fs})
	for id := uint64(1); id <= ids[1]; id++ {
		_, err := a.Entry(id)
		d := (*Damage)(nil)
		if lost := errors.As(err, &d) && strings.Contains(d.Reason, "both copies are lost"); lost != (id > thirdBefore) {
			t.Errorf("entry %d: %v", id, err)
		}
	}
}

// lostDictionary damages both copies of an archive's dictionary, and makes the catalog
// anew.
func lostDictionary(t *testing.T, a *Archive, fs vfs.FS) {
	t.Helper()
	own, err := a.OwnDictionaries()
	if err != nil || len(own) != 1 {
		t.Fatalf("dictionaries %+v, %v", own, err)
	}
	var at [ownCopies]ledger.Location
	for n := range at {
		if at[n], err = location(a.catalog.reader(), ownCopyKey(own[0].ID, byte(n))); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	for _, at := range at {
		spoilRecord(t, fs, at)
	}
	if _, err := Rebuild(t.Context(), "data", Options{FS: fs, Logger: quiet()}, nil, func(Damage) {}); err != nil {
		t.Fatal(err)
	}
}
