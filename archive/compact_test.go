package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// leave writes a content that nothing refers to, as an append does that does not come
// to its end.
func leave(t testing.TB, a *Archive, tenant string, raw []byte) Digest {
	t.Helper()
	hash := Digest(sha256.Sum256(raw))
	body := a.press.pack(nil, tenant, hash, raw)
	if err := a.write(context.Background(), []ledger.Record{{Type: typeContent, Body: body}}); err != nil {
		t.Fatalf("write a content: %v", err)
	}
	return hash
}

// rotate ends the segment that is written to.
func rotate(t testing.TB, a *Archive) {
	t.Helper()
	if err := a.ledger.Rotate(context.Background()); err != nil {
		t.Fatalf("rotate: %v", err)
	}
}

// orphans gives what Orphans finds.
func orphans(t testing.TB, a *Archive) ([]Orphan, OrphanReport) {
	t.Helper()
	var list []Orphan
	r, err := a.Orphans(context.Background(), nil, func(o Orphan) { list = append(list, o) })
	if err != nil {
		t.Fatalf("orphans: %v", err)
	}
	return list, r
}

func compact(t testing.TB, a *Archive) CompactReport {
	t.Helper()
	r, err := a.Compact(context.Background(), CompactOptions{}, nil)
	if err != nil {
		t.Fatalf("compact: %v", err)
	}
	return r
}

// counted fails the test unless the catalog counts the content records that there are.
func counted(t testing.TB, a *Archive) {
	t.Helper()
	there := map[uint32]map[string]held{}
	err := a.ledger.Scan(context.Background(), func(list []ledger.Record) error {
		for _, r := range list {
			if r.Type != typeContent {
				continue
			}
			c, err := decodeContent(r.Body)
			if err != nil {
				return err
			}
			if there[r.At.Segment] == nil {
				there[r.At.Segment] = map[string]held{}
			}
			h := there[r.At.Segment][c.tenant]
			there[r.At.Segment][c.tenant] = held{h.Records + 1, h.Bytes + length(&r)}
		}
		return nil
	}, func(d ledger.Damage) { t.Errorf("scan: %v", d) })
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range a.ledger.Segments() {
		known, err := readHeld(a.catalog.reader(), info.Number)
		if err != nil {
			t.Fatal(err)
		}
		for tenant, h := range known {
			if h != there[info.Number][tenant] {
				t.Errorf("segment %d has %+v of tenant %q, and the catalog counts %+v", info.Number, there[info.Number][tenant], tenant, h)
			}
		}
		for tenant, h := range there[info.Number] {
			if _, ok := known[tenant]; !ok {
				t.Errorf("segment %d has %+v of tenant %q, and the catalog counts nothing", info.Number, h, tenant)
			}
		}
	}
}

// sameRebuilt fails the test unless a catalog that is made anew is the same, byte for
// byte. It gives the archive, opened again.
func sameRebuilt(t testing.TB, a *Archive, dir string, fs vfs.FS) *Archive {
	t.Helper()
	verified(t, a)
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), dir, Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Errorf("rebuild: %v", d.Error()) }); err != nil {
		t.Fatalf("rebuild: %v", err)
	}
	a = open(t, dir, Options{FS: fs})
	if after := dump(t, a); after != before {
		t.Errorf("the rebuilt catalog differs:\n%s", difference(before, after))
	}
	verified(t, a)
	return a
}

// difference gives the lines that only one of two texts has.
func difference(before, after string) string {
	var b bytes.Buffer
	one, two := bytes.Split([]byte(before), []byte("\n")), bytes.Split([]byte(after), []byte("\n"))
	for i, lists := range [][2][][]byte{{one, two}, {two, one}} {
		for _, line := range lists[0] {
			if !slices.ContainsFunc(lists[1], func(l []byte) bool { return bytes.Equal(l, line) }) && b.Len() < 4000 {
				fmt.Fprintf(&b, "%c %s\n", "-+"[i], line)
			}
		}
	}
	return b.String()
}

// mixed is an archive with contents that are used, and two orphans, one of each sort,
// in its first segment.
func mixed(t testing.TB, fs vfs.FS) (a *Archive, bodies map[uint64][]byte, unused, superseded Digest) {
	a = open(t, "data", Options{FS: fs})
	bodies = map[uint64][]byte{}
	add := func(raw []byte) {
		bodies[appendOne(t, a, receipt(raw, "a@b", "c@d")).ID] = raw
	}
	shared := noise(400<<10, 1)
	superseded = leave(t, a, "default", shared)
	add(shared)
	add(noise(300<<10, 2))
	unused = leave(t, a, "default", noise(5000, 3))
	add(bytes.Repeat([]byte("Subject: hello\r\n"), 400))
	policy := []byte("the text of a policy")
	if _, err := a.KeepPolicy(context.Background(), Digest{1}, []PolicyFile{policyFile("x", policy)}, Event{}); err != nil {
		t.Fatal(err)
	}
	rotate(t, a)
	leave(t, a, "default", shared) // a copy that counts from now on
	add([]byte("the last one"))
	return a, bodies, unused, superseded
}

func checkBodies(t testing.TB, a *Archive, bodies map[uint64][]byte) {
	t.Helper()
	for id, want := range bodies {
		var b bytes.Buffer
		if err := a.WriteTo(context.Background(), id, &b); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("entry %d: %v, or other bytes", id, err)
		}
	}
}

func TestOrphansAreNamedAndDropped(t *testing.T) {
	fs := vfs.NewMem()
	a, bodies, unused, superseded := mixed(t, fs)
	list, report := orphans(t, a)
	if len(list) != 2 || list[0].SHA256 != superseded || list[0].Why != OrphanSuperseded || list[1].SHA256 != unused || list[1].Why != OrphanUnused {
		t.Fatalf("orphans: %+v", list)
	}
	for _, o := range list {
		if o.Segment != 1 || o.Tenant != "default" || o.Bytes < 5000 {
			t.Errorf("an orphan is %+v", o)
		}
	}
	if s := report.Segments; report.Orphans != 2 || report.Unsure || len(s) != 1 || s[0].Records != 2 || s[0].Bytes != report.Bytes || s[0].Size <= s[0].Bytes {
		t.Errorf("the report: %+v", report)
	}
	stored := a.Stats().Tenants[0].StoredBytes
	trial, err := a.Compact(context.Background(), CompactOptions{DryRun: true}, nil)
	if again, _ := orphans(t, a); err != nil || trial.Records != 2 || trial.Bytes != report.Bytes || len(again) != 2 {
		t.Errorf("what would be done: %+v, %v; then %d orphans are there", trial, err, len(again))
	}
	done := compact(t, a)
	if done.Records != 2 || len(done.Segments) != 1 || done.Bytes < report.Bytes-1000 {
		t.Errorf("what was done: %+v", done)
	}
	if got := a.Stats().Tenants[0].StoredBytes; int64(stored-got) != report.Bytes {
		t.Errorf("%d bytes are stored after %d, and %d were dropped", got, stored, report.Bytes)
	}
	counted(t, a)
	if list, _ := orphans(t, a); len(list) != 0 {
		t.Errorf("orphans are left: %+v", list)
	}
	if again := compact(t, a); again.Records != 0 || again.Segments != nil {
		t.Errorf("compacted again: %+v", again)
	}
	a = sameRebuilt(t, a, "data", fs)
	checkBodies(t, a, bodies)
	checkPolicyText(t, "after the compaction", a, Digest{1}, "x", []byte("the text of a policy"))
	for e, err := range a.Events(context.Background(), Query{Kind: EventCompaction}) {
		if err != nil || e.Compaction.Segment != 1 || e.Compaction.Records != 2 || e.Compaction.Bytes != report.Bytes {
			t.Errorf("the event: %+v, %v", e.Compaction, err)
		}
		return
	}
	t.Error("there is no event of the compaction")
}

// A content that was given up is written again when it comes, and found.
func TestWhatWasDroppedMayComeAgain(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	raw := noise(300<<10, 1)
	leave(t, a, "default", raw)
	leave(t, a, "default", raw)
	if r := compact(t, a); r.Records != 2 {
		t.Errorf("dropped: %+v", r)
	}
	e := appendOne(t, a, receipt(raw, "a@b", "c@d"))
	leave(t, a, "other", raw)
	rotate(t, a)
	if r := compact(t, a); r.Records != 1 {
		t.Errorf("dropped of another tenant: %+v", r)
	}
	a = sameRebuilt(t, a, "data", fs)
	checkBodies(t, a, map[uint64][]byte{e.ID: raw})
}

func TestOnlyWhatPaysIsRewritten(t *testing.T) {
	a, _, _, _ := mixed(t, vfs.NewMem())
	if r, err := a.Compact(context.Background(), CompactOptions{MinWaste: 0.9}, nil); err != nil || r.Records != 0 {
		t.Errorf("at 90 %%: %+v, %v", r, err)
	}
	if r, err := a.Compact(context.Background(), CompactOptions{MinWaste: 0.3}, nil); err != nil || r.Records != 2 {
		t.Errorf("at 30 %%: %+v, %v", r, err)
	}
	for _, share := range []float64{-0.1, 1.1} {
		if _, err := a.Compact(context.Background(), CompactOptions{MinWaste: share}, nil); err == nil {
			t.Errorf("a share of %v is taken", share)
		}
	}
}

// The copy that counts is damaged: the older one is kept.
func TestTheOnlyGoodCopyIsKept(t *testing.T) {
	fs := vfs.NewMem()
	a, _, unused, _ := mixed(t, fs)
	at, _, err := contentPlace(a.catalog.reader(), contentKey("default", hashOf(noise(400<<10, 1))))
	if err != nil {
		t.Fatal(err)
	}
	f, err := fs.OpenReadWrite("data/ledger/"+ledger.SegmentName(at.Segment), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), at.Offset+1000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	list, report := orphans(t, a)
	if len(list) != 0 || report.Guarded != 1 || !report.Unsure {
		t.Errorf("orphans %+v, report %+v; want none of damage that may hide an entry, and the copy guarded", list, report)
	}
	r := compact(t, a)
	if r.Records != 0 || r.Guarded != 1 || !r.Unsure {
		t.Errorf("dropped: %+v (unused is %v)", r, unused)
	}
}

func hashOf(raw []byte) []byte {
	h := sha256.Sum256(raw)
	return h[:]
}

func TestMarks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m, want := marks{}, map[uint64]bool{}
	for range 20_000 {
		if v := r.Uint64N(10_000); r.IntN(10) > 0 {
			m.add(v)
			want[v] = true
		} else if m.has(v) != want[v] {
			t.Fatalf("%d is there: %v, want %v", v, m.has(v), want[v])
		}
	}
}

// The event that gives a content up may stand in one group with a new copy of it.
func TestGivenUpInOneGroupWithANewCopy(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	raw := noise(5000, 1)
	hash := leave(t, a, "default", raw)
	rotate(t, a)
	e := Event{Kind: EventCompaction, Compaction: &Compaction{
		Segment: 1, Records: 1, gone: []goneContents{{"default", hash[:]}}, left: []leftContents{{Tenant: "default"}},
	}}
	record := ledger.Record{Type: typeContent, Body: a.press.pack(nil, "default", hash, raw)}
	if _, err := a.appendEvent(context.Background(), []ledger.Record{record}, e); err != nil {
		t.Fatal(err)
	}
	if !a.present("default", hash, len(raw)) {
		t.Error("the new copy is not found")
	}
	sameRebuilt(t, a, "data", fs)
}

// The process ends between the event and the rewriting of the segment: the records are
// there, nobody finds them, and the next compaction drops them.
func TestGivenUpAndNotDropped(t *testing.T) {
	fs := vfs.NewMem()
	a, bodies, _, _ := mixed(t, fs)
	k, idle := steps(t, a)
	drop, err := k.choose(context.Background(), idle)
	if err != nil || len(drop) != 2 {
		t.Fatalf("%d chosen, %v", len(drop), err)
	}
	if err := k.giveUp(context.Background(), 1, drop); err != nil {
		t.Fatal(err)
	}
	a.pins.spare()
	before := dump(t, a)
	a = sameRebuilt(t, a, "data", fs)
	if list, _ := orphans(t, a); len(list) != 2 {
		t.Errorf("%d orphans, want 2", len(list))
	}
	c := &compactor{a: a}
	if err := c.drop(context.Background(), 1, drop); err != nil {
		t.Fatal(err)
	}
	a = sameRebuilt(t, a, "data", fs)
	if dump(t, a) != before {
		t.Error("the catalog is another one when the records are gone")
	}
	checkBodies(t, a, bodies)
	if list, _ := orphans(t, a); len(list) != 0 {
		t.Errorf("orphans are left: %+v", list)
	}
}

// A compaction that is cut short says so, and does no harm; one of an archive that is
// closed, or open for reading, does nothing.
func TestCompactionEnds(t *testing.T) {
	fs := vfs.NewMem()
	a, bodies, _, _ := mixed(t, fs)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := a.Compact(ctx, CompactOptions{}, func(int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	began, ended := make(chan struct{}), make(chan error)
	go func() {
		var once sync.Once
		_, err := a.Compact(context.Background(), CompactOptions{}, func(int64, int64) {
			once.Do(func() { close(began) })
			<-a.ending
		})
		ended <- err
	}()
	<-began
	a.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("closed meanwhile: %v", err)
	}
	if _, err := a.Compact(context.Background(), CompactOptions{}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	a = open(t, "data", Options{FS: fs, ReadOnly: true})
	if _, err := a.Compact(context.Background(), CompactOptions{}, nil); !errors.Is(err, errCompactReading) {
		t.Errorf("open for reading: %v", err)
	}
	if list, _ := orphans(t, a); len(list) != 2 {
		t.Errorf("%d orphans, want 2", len(list))
	}
	checkBodies(t, a, bodies)
}

func TestCompactionRecordIsReadBack(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*Compaction{
		{Segment: 1},
		{Segment: 7, Records: 2, Bytes: 99, gone: []goneContents{{"a", hashOf(nil)}, {"", append(hashOf(nil), hashOf([]byte{1})...)}},
			left: []leftContents{{"a", held{1, 2}}, {"", held{}}}, until: 4711},
	} {
		body, err := c.encodeEvent(&Event{Kind: EventCompaction, Compaction: want})
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.decodeEvent(ledger.Record{Seq: 1, Body: body})
		if err != nil || fmt.Sprintf("%+v", e.Compaction) != fmt.Sprintf("%+v", want) {
			t.Errorf("%+v came back as %+v, %v", want, e.Compaction, err)
		}
	}
	for name, bad := range map[string]*Compaction{
		"no segment":            {},
		"a negative place":      {Segment: 1, until: -1},
		"half a digest":         {Segment: 1, gone: []goneContents{{"a", []byte{1, 2}}}},
		"a tenant of 300 bytes": {Segment: 1, left: []leftContents{{string(make([]byte, 300)), held{}}}},
	} {
		body, err := c.encodeEvent(&Event{Kind: EventCompaction, Compaction: bad})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decodeEvent(ledger.Record{Seq: 1, Body: body}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
