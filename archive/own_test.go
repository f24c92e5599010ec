package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/archive/dictionary"
	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/s2"
)

// plainReceipt is mail as a server hands it over.
func plainReceipt(tenant string, n int) *Receipt {
	e := plainEntry(n)
	r := receipt(noise(200, uint64(n)), e.Envelope.Sender.Address, e.Envelope.Recipients[0].Address)
	r.Tenant, r.Source, r.Received, r.Envelope, r.Summary, r.Decision = tenant, e.Source, e.Received, e.Envelope, e.Summary, e.Decision
	r.Identity = &Identity{MessageID: e.Identity.MessageID, Canonical: e.Identity.Canonical}
	r.Join = e.Join
	return r
}

// fed appends n entries of a tenant, and waits for what is done in the background.
func fed(t testing.TB, a *Archive, tenant string, from, n int) (ids []uint64) {
	t.Helper()
	for i := range n {
		ids = append(ids, appendOne(t, a, plainReceipt(tenant, from+i)).ID)
		a.school.work.Wait()
	}
	return ids
}

// usedBy gives the number of the dictionary that an entry was compressed with.
func usedBy(t testing.TB, a *Archive, id uint64) uint32 {
	t.Helper()
	facts := fields{b: storedAs(t, a, id)}
	if facts.byte() == factsRaw {
		return 0
	}
	facts.bytes(facts.uvarint(1 << 20))
	return uint32(facts.uvarint(1 << 32))
}

// storedAs gives the facts of an entry as they are stored.
func storedAs(t testing.TB, a *Archive, id uint64) []byte {
	t.Helper()
	at, _, err := place(a.catalog.reader(), id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.ledger.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	f := fields{b: r.Body[1:]}
	return f.bytes(f.uvarint(1 << 20))
}

// A daybook that knows only the version before meets a newer one.
func TestNewerDictionary(t *testing.T) {
	b := recordsOf(t, thirdArchive, typeDictionary)[0]
	b[0] = ownVersion + 1
	if _, err := decodeOwn(b); !errors.Is(err, errNewer) {
		t.Errorf("a dictionary of a newer daybook: %v", err)
	}
}

func TestWhenDictionariesAreTrained(t *testing.T) {
	var got []uint64
	for n := uint64(0); len(got) < 6; n = got[len(got)-1] {
		got = append(got, nextTraining(n))
	}
	want := []uint64{256, 2048, 16384, 131072, 262144, 393216}
	if !slices.Equal(got, want) {
		t.Errorf("at %v entries, want %v", got, want)
	}
}

// After some hundred entries of a tenant there is a dictionary of its own, and a while
// later a second copy of it. The entries of others do without.
func TestArchiveLearns(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	other := fed(t, a, "other", 0, 3)
	first := fed(t, a, "anna", 0, 256)
	list, err := a.OwnDictionaries()
	if err != nil || len(list) != 1 || list[0].Tenant != "anna" || list[0].Entries != 256 || list[0].Copies != 1 ||
		list[0].ID < dictionary.FirstOwn || list[0].Saving < 3 || list[0].Bytes > maxOwn {
		t.Fatalf("dictionaries %+v, %v", list, err)
	}
	after := fed(t, a, "anna", 1000, copiesApart+1)
	other = append(other, fed(t, a, "other", 5000, 3)...)
	if list, err = a.OwnDictionaries(); err != nil || len(list) != 1 || list[0].Copies != 2 {
		t.Fatalf("dictionaries %+v, %v", list, err)
	}
	check := func(name string) {
		t.Helper()
		for _, id := range append(slices.Clone(first), other...) {
			if used := usedBy(t, a, id); used >= dictionary.FirstOwn {
				t.Errorf("%s: entry %d uses dictionary %d", name, id, used)
			}
		}
		for _, id := range after {
			if used := usedBy(t, a, id); used != list[0].ID {
				t.Errorf("%s: entry %d uses dictionary %d, want %d", name, id, used, list[0].ID)
			}
		}
		for i, id := range after {
			if e, err := a.Entry(id); err != nil || e.Summary != plainReceipt("anna", 1000+i).Summary {
				t.Errorf("%s: entry %d is %+v, %v", name, id, e, err)
			}
		}
		verified(t, a)
	}
	check("at once")
	a = remade(t, a, fs)
	after = append(after, fed(t, a, "anna", 2000, 2)...)
	after = slices.Delete(after, len(after)-2, len(after)) // their summaries are others
	check("made anew")
	a.Close()
	a = open(t, "data", Options{FS: fs, ReadOnly: true})
	check("read only")
	a.Close()
}

// What is trained is tried on other entries, and kept only when it saves enough.
func TestTrainingNow(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	fed(t, a, "anna", 0, minSamples-1)
	if err := a.Train(t.Context(), "anna"); !errors.Is(err, errFewFacts) {
		t.Errorf("with too few entries: %v", err)
	}
	fed(t, a, "anna", 500, 1)
	if err := a.Train(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	if err := a.Train(t.Context(), "anna"); !errors.Is(err, errNoBetter) {
		t.Errorf("a second time: %v", err)
	}
	if err := a.Train(t.Context(), "nobody"); !errors.Is(err, errFewFacts) {
		t.Errorf("for a tenant that is not there: %v", err)
	}
	fed(t, a, "anna", 600, 3)
	verified(t, a)
	a.Close()
	if err := a.Train(t.Context(), "anna"); err == nil {
		t.Error("a closed archive trains")
	}
}

// learned is an archive whose dictionary has both copies, its files, and the places of
// the copies.
func learned(t *testing.T) (vfs.FS, [ownCopies]ledger.Location, []uint64) {
	t.Helper()
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	fed(t, a, "anna", 0, minSamples)
	if err := a.Train(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	ids := fed(t, a, "anna", 1000, copiesApart+2)
	list, err := a.OwnDictionaries()
	if err != nil || len(list) != 1 || list[0].Copies != ownCopies {
		t.Fatalf("dictionaries %+v, %v", list, err)
	}
	var at [ownCopies]ledger.Location
	for n := range at {
		if at[n], err = location(a.catalog.reader(), ownCopyKey(list[0].ID, byte(n))); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	return fs, at, ids
}

// spoilRecord changes a byte in the middle of a record.
func spoilRecord(t *testing.T, fs vfs.FS, at ledger.Location) {
	t.Helper()
	path := "data/ledger/" + ledger.SegmentName(at.Segment)
	b := fileBytes(t, fs, path)
	b[at.Offset+int64(at.Length)/2] ^= 1
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(b)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Any whole copy of a dictionary serves, wherever it stands. Without one the entries
// that need it are named, and no others.
func TestDamagedDictionaries(t *testing.T) {
	for _, lost := range [][]int{{0}, {1}, {0, 1}} {
		fs, at, ids := learned(t)
		for _, n := range lost {
			spoilRecord(t, fs, at[n])
		}
		name := fmt.Sprintf("copies %v are lost", lost)
		check := func(a *Archive, readable bool) {
			t.Helper()
			for _, id := range ids {
				d := (*Damage)(nil)
				if _, err := a.Entry(id); (err == nil) != readable || err != nil && (!errors.As(err, &d) || !strings.Contains(d.Reason, "both copies are lost")) {
					t.Errorf("%s: entry %d: %v", name, id, err)
				}
			}
			for id := uint64(1); id <= minSamples; id++ {
				if _, err := a.Entry(id); err != nil {
					t.Errorf("%s: entry %d, which does without: %v", name, id, err)
				}
			}
		}
		a := open(t, "data", Options{FS: fs})
		check(a, true) // the catalog has it
		found := 0
		if _, err := a.Verify(t.Context(), nil, func(d Damage) { found++ }); err != nil || found < len(lost) {
			t.Errorf("%s: Verify finds %d damaged places, %v", name, found, err)
		}
		a.Close()
		if _, err := Rebuild(t.Context(), "data", Options{FS: fs, Logger: quiet()}, nil, func(Damage) {}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a = open(t, "data", Options{FS: fs})
		check(a, len(lost) < ownCopies)
		if readable := len(lost) < ownCopies; readable {
			if n := len(list(t, a, Query{Sender: "anna.1000@example.com"})); n != 1 {
				t.Errorf("%s: %d entries are found by their sender", name, n)
			}
		} else {
			named := map[uint64]bool{}
			if _, err := a.Verify(t.Context(), nil, func(d Damage) { named[d.Entry] = true }); err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if !named[id] {
					t.Errorf("%s: Verify does not name entry %d", name, id)
				}
			}
		}
		fed(t, a, "anna", 9000, 2)
		a.Close()
	}
}

// Facts that make no dictionary, or none that is of use, leave things as they are.
func TestTrainingOnLittle(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	fed(t, a, "anna", 0, minSamples)
	l, err := a.lesson(context.Background(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	for name, sample := range map[string]func(i int) []byte{
		"nothing":                 func(int) []byte { return nil },
		"zeros":                   func(int) []byte { return make([]byte, 40) },
		"noise":                   func(i int) []byte { return noise(300, uint64(i)) },
		"samples that are so big": func(i int) []byte { return noise(maxOwn+1, uint64(i)) },
	} {
		for i := range l.samples {
			l.samples[i] = sample(i)
		}
		if err := a.school.teach(l); err == nil {
			t.Errorf("a dictionary was made of %s", name)
		}
	}
	fed(t, a, "anna", 500, 2)
	if list, err := a.OwnDictionaries(); err != nil || len(list) != 0 {
		t.Errorf("dictionaries %+v, %v", list, err)
	}
	verified(t, a)
}

// Many tenants take turns: the memory that they take is bounded, and nothing is mixed
// up.
func TestManyTenantsLearn(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for n := range 3 * maxPupils {
		tenant := fmt.Sprint("tenant", n)
		fed(t, a, tenant, 1000*n, 2)
		a.school.mu.Lock()
		if len(a.school.pupils) > maxPupils {
			t.Errorf("%d tenants are sampled", len(a.school.pupils))
		}
		a.school.mu.Unlock()
	}
	verified(t, a)
}

// The first copy of a dictionary is damaged, and entries that need it are applied again:
// the catalog is what it was.
func TestDamagedDictionaryIsReplayed(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		fs := vfs.NewCrashableMem()
		a := open(t, "data", Options{FS: fs})
		fed(t, a, "anna", 0, minSamples)
		if err := a.Train(t.Context(), "anna"); err != nil {
			t.Fatal(err)
		}
		r := plainReceipt("anna", 5000)
		r.Decision = sampleDecision(ActionQuarantine)
		held := appendOne(t, a, r).ID
		fed(t, a, "anna", 1000, copiesApart+2)
		own, err := a.OwnDictionaries()
		if err != nil || len(own) != 1 || own[0].Copies != ownCopies {
			t.Fatalf("dictionaries %+v, %v", own, err)
		}
		at, err := location(a.catalog.reader(), ownCopyKey(own[0].ID, 0))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Count(dump(t, a), "\n")
		clone := fs.CrashClone(vfs.CrashCloneCfg{})
		a.Close()
		spoilRecord(t, clone, at)
		a = open(t, "data", Options{FS: clone, ReadOnly: readOnly})
		if n := len(list(t, a, Query{Sender: "anna.1000@example.com"})); n != 1 {
			t.Errorf("read-only %v: %d entries are found by their sender", readOnly, n)
		}
		if have := strings.Count(dump(t, a), "\n"); have < want-3 {
			t.Errorf("read-only %v: the catalog has %d keys, and had %d", readOnly, have, want)
		}
		if e, err := a.Entry(held); err != nil || e.Quarantine != QuarantineWaiting {
			t.Errorf("read-only %v: entry %d was in quarantine, and is %q, %v", readOnly, held, e.Quarantine, err)
		}
		if n := a.Stats().Doubts; n != 0 {
			t.Errorf("read-only %v: %d doubts are left", readOnly, n)
		}
		a.Close()
	}
}

// A tenant that others take the place of gets the second copy of its dictionary.
func TestSecondCopyAmongManyTenants(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	fed(t, a, "anna", 0, minSamples)
	if err := a.Train(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	for n := range copiesApart/maxPupils + 2 {
		fed(t, a, "anna", 10000+n, 1)
		for k := range maxPupils {
			fed(t, a, fmt.Sprint("t", k), 1000*k+n, 1)
		}
	}
	if own, err := a.OwnDictionaries(); err != nil || len(own) != 1 || own[0].Copies != ownCopies {
		t.Errorf("dictionaries %+v, %v", own, err)
	}
}

func FuzzOwnRecord(f *testing.F) {
	f.Add((&ownRecord{version: ownVersion, purpose: purposeFacts, id: dictionary.FirstOwn, tenant: "t", entries: 256, saving: 300, size: 5, data: []byte("12345")}).encode())
	f.Add([]byte{ownVersion + 1})
	for _, b := range recordsOf(f, thirdArchive, typeDictionary) {
		f.Add(b)
		b = slices.Clone(b)
		b[0] = ownVersion
		f.Add(b)
	}
	o, err := newOwned()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := decodeOwn(b)
		if err != nil {
			return
		}
		two, err := decodeOwn(one.encode())
		if err != nil || !reflect.DeepEqual(one, two) || !bytes.HasSuffix(b, two.data) {
			t.Fatalf("%+v is read back as %+v: %v", one, two, err)
		}
		d, err := one.open(o.dec)
		if err != nil {
			return
		}
		if len(d.raw) > maxOwn || (d.blocks == nil) != (one.version == ownVersion) {
			t.Fatalf("a dictionary of %d bytes, of version %d: %v", len(d.raw), one.version, d.blocks)
		}
		if d.words == nil {
			return
		}
		words := []byte("in the dictionary, or not in it: " + string(d.raw[:len(d.raw)/2]))
		if back, err := d.words.Decode(nil, d.words.EncodeBetter(make([]byte, s2.MaxEncodedLen(len(words))), words)); err != nil || !bytes.Equal(back, words) {
			t.Fatalf("%q is read back as %q: %v", words, back, err)
		}
	})
}

func BenchmarkOwnDictionary(b *testing.B) {
	a := open(b, b.TempDir(), Options{})
	fed(b, a, "anna", 0, minSamples)
	began := time.Now()
	if err := a.Train(context.Background(), "anna"); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	own, e := a.school.dictionary("anna"), plainEntry(5000)
	for b.Loop() {
		if _, _, err := a.codec.encodeFacts(e, own, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took.Milliseconds()), "ms/training")
}
