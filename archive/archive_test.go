package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens an archive that is closed when the test ends.
func open(t testing.TB, dir string, o Options) *Archive {
	t.Helper()
	if o.minContent == 0 {
		o.minContent = 200 // so that short bodies have contents
	}
	o.Logger = quiet()
	a, err := Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// receipt makes a receipt of a message's bytes.
func receipt(body []byte, sender string, recipients ...string) *Receipt {
	r := &Receipt{
		Tenant: "default", Source: "test", Received: time.Unix(1_700_000_000, 0),
		Envelope: message.Envelope{Sender: message.Path{Address: sender}},
		Body:     bytes.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256(body),
		Summary: message.Summarize(body),
	}
	for _, to := range recipients {
		r.Envelope.Recipients = append(r.Envelope.Recipients, message.Path{Address: to, Args: []string{"NOTIFY=NEVER"}})
	}
	return r
}

func appendOne(t testing.TB, a *Archive, r *Receipt) Entry {
	t.Helper()
	e, err := a.Append(context.Background(), r)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return e
}

func body(t testing.TB, a *Archive, id uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteTo(context.Background(), id, &b); err != nil {
		t.Fatalf("read entry %d: %v", id, err)
	}
	return b.Bytes()
}

func list(t testing.TB, a *Archive, q Query) []Entry {
	t.Helper()
	var all []Entry
	for e, err := range a.List(context.Background(), q) {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		all = append(all, e)
	}
	return all
}

func numbers(list []Entry) []uint64 {
	var n []uint64
	for _, e := range list {
		n = append(n, e.ID)
	}
	return n
}

// verified fails the test unless the archive is whole.
func verified(t testing.TB, a *Archive) VerifyReport {
	t.Helper()
	r, err := a.Verify(context.Background(), nil, func(d Damage) { t.Errorf("verify: %v", d.Error()) })
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return r
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestEveryByteComesBack(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"nothing", nil},
		{"one byte", []byte{0}},
		{"text", bytes.Repeat([]byte("Subject: hello\r\n"), 500)},
		{"no text", noise(10_000, 1)},
		{"one piece, full", noise(maxPiece, 2)},
		{"one piece and a byte", noise(maxPiece+1, 3)},
		{"many pieces", append(noise(5*maxPiece, 4), make([]byte, 7*maxPiece)...)},
	} {
		e := appendOne(t, a, receipt(c.body, "a@example.com", "b@example.org"))
		if got := body(t, a, e.ID); !bytes.Equal(got, c.body) {
			t.Errorf("%s: %d bytes came back of %d, or other ones", c.name, len(got), len(c.body))
		}
	}
	verified(t, a)
}

func TestAnEntryKeepsWhatTheReceiptSaid(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	r := receipt([]byte("Message-ID: <1@x>\r\nSubject: gr\xfc\xdfe\r\n\r\nhello"), "\xff\xfe@example.com", "b@example.org", "b@example.org")
	r.Envelope.Client = message.Client{Address: "2001:db8::1", Name: "mx", Helo: "h", Protocol: "ESMTPS", User: "u", TLS: "TLSv1.3"}
	r.Envelope.QueueID = "4Xy"
	r.Envelope.Macros = map[string]map[string]string{"connect": {"j": "host"}, "mail": {"i": "4Xy", "{mail_addr}": "\xff"}}
	r.Flags = []string{"odd"}
	want := appendOne(t, a, r)
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	got, err := a.Entry(want.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Entry{&got, &want} {
		e.formula, e.text = nil, element{} // where its bytes stand is no part of what was said
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestNumbersAscendFromOne(t *testing.T) {
	dir := t.TempDir()
	for want := uint64(1); want <= 6; want += 2 {
		a := open(t, dir, Options{})
		if e := appendOne(t, a, receipt([]byte("x"), "a@b", "c@d")); e.ID != want {
			t.Errorf("the entry has number %d, want %d", e.ID, want)
		}
		ev, err := a.AppendEvent(context.Background(), Event{Kind: EventGap, Time: time.Now(), Text: "test"})
		if err != nil || ev.ID != want+1 {
			t.Errorf("the event has number %d and error %v, want %d", ev.ID, err, want+1)
		}
		a.Close()
	}
}

func TestList(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for i := range 10 {
		r := receipt(fmt.Appendf(nil, "Message-ID: <%d@x>\r\n\r\n", i%5), fmt.Sprintf("S%d@Example.com", i%2), "r@example.org", fmt.Sprintf("r%d@example.org", i))
		r.Received = time.Unix(int64(1000-i*10), 0) // the clock runs backwards
		if i == 7 {
			r.Tenant, r.Source = "other", "elsewhere"
		}
		appendOne(t, a, r)
	}
	for _, c := range []struct {
		name string
		q    Query
		want []uint64
	}{
		{"all", Query{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"limit", Query{Limit: 2}, []uint64{1, 2}},
		{"the last two", Query{Limit: 2, Reverse: true}, []uint64{10, 9}},
		{"between", Query{After: 3, Before: 6}, []uint64{4, 5}},
		{"sender, other case", Query{Sender: "s1@example.COM"}, []uint64{2, 4, 6, 8, 10}},
		{"sender, after, reverse", Query{Sender: "s1@example.com", After: 4, Reverse: true}, []uint64{10, 8, 6}},
		{"recipient", Query{Recipient: "R3@example.org"}, []uint64{4}},
		{"recipient and sender", Query{Recipient: "r@example.org", Sender: "s0@example.com", Limit: 2}, []uint64{1, 3}},
		{"Message-ID", Query{MessageID: "<2@x>"}, []uint64{3, 8}},
		{"Message-ID without brackets", Query{MessageID: "2@x"}, []uint64{3, 8}},
		{"tenant", Query{Tenant: "other"}, []uint64{8}},
		{"source", Query{Source: "elsewhere"}, []uint64{8}},
		{"time", Query{Since: time.Unix(950, 0), Until: time.Unix(990, 0)}, []uint64{3, 4, 5, 6}},
		{"time, reverse, before", Query{Since: time.Unix(950, 0), Before: 5, Reverse: true}, []uint64{4, 3, 2, 1}},
		{"nobody", Query{Recipient: "x@example.org"}, nil},
	} {
		if got := numbers(list(t, a, c.q)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestConcurrentAppends(t *testing.T) {
	a := open(t, t.TempDir(), Options{SegmentSize: 64 << 10})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b := noise(1000+i, uint64(w*1000+i))
				if i%10 == 0 {
					b = []byte("the same in all")
				}
				e, err := a.Append(context.Background(), receipt(b, "a@b", "c@d"))
				if err != nil {
					t.Error(err)
					return
				}
				var got bytes.Buffer
				if err := a.WriteTo(context.Background(), e.ID, &got); err != nil || !bytes.Equal(got.Bytes(), b) {
					t.Errorf("entry %d read at once: %v", e.ID, err)
				}
			}
		})
	}
	wg.Wait()
	if r := verified(t, a); r.Entries != 400 {
		t.Errorf("%d entries, want 400", r.Entries)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir+"/none", Options{ReadOnly: true, Logger: quiet()}); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("reading an archive that is not there: %v", err)
	}
	a := open(t, dir, Options{})
	if _, err := Open(dir, Options{Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second opening: %v", err)
	}
	if _, err := Open(dir, Options{ReadOnly: true, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second opening for reading: %v", err)
	}
	a.Close()
	if _, err := a.Append(context.Background(), receipt(nil, "a@b", "c@d")); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

func TestSpoolThatChangedIsNotArchived(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, size := range []int{0, 100, 3 * maxPiece} {
		raw := noise(size, 1)
		digest := sha256.Sum256(raw)
		for _, c := range []struct {
			name  string
			sum   uint64
			bytes []byte // other ones than the digest is of; nil: those
			other byte   // of the digest
			kept  bool
		}{
			{"another digest", 0, nil, 1, false},
			{"another checksum", xxhash.Sum64(raw) + 1, nil, 0, false},
			{"the checksum", xxhash.Sum64(raw), nil, 0, true},
			{"a byte that has changed, and the digest", 0, altered(raw), 0, size == 0},
			{"a byte that has changed, and the checksum", xxhash.Sum64(raw), altered(raw), 0, size == 0},
		} {
			r := receipt(raw, "a@b", "c@d")
			if c.bytes != nil {
				r.Body = bytes.NewReader(c.bytes)
			}
			r.SHA256, r.XXH64 = digest, c.sum
			r.SHA256[0] ^= c.other
			if _, err := a.Append(context.Background(), r); (err == nil) != c.kept {
				t.Errorf("%d bytes with %s: %v", size, c.name, err)
			}
		}
	}
}

// altered is a copy with another last byte.
func altered(raw []byte) []byte {
	b := bytes.Clone(raw)
	if len(b) > 0 {
		b[len(b)-1] ^= 0x40
	}
	return b
}

func TestFloorOfFreeSpace(t *testing.T) {
	a := open(t, t.TempDir(), Options{MinFree: 1 << 62})
	if _, err := a.Append(context.Background(), receipt([]byte("x"), "a@b", "c@d")); !errors.Is(err, ErrNoSpace) {
		t.Errorf("append below the floor: %v", err)
	}
	if s := a.Stats(); s.Refused == nil || s.Entries != 0 {
		t.Errorf("stats below the floor: %+v", s)
	}
}

// The catalog is a view: without it, and after Rebuild, the archive answers as
// before.
func TestRebuildGivesTheSameAnswers(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{SegmentSize: 32 << 10})
	for i := range 200 {
		appendOne(t, a, receipt(noise(i*13, uint64(i%150)), "a@b", fmt.Sprintf("r%d@x", i%7)))
	}
	before := dump(t, a)
	a.Close()

	if _, err := Rebuild(context.Background(), dir, Options{Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, Options{})
	if after := dump(t, a); after != before {
		t.Error("the rebuilt catalog differs from the one before")
	}
	verified(t, a)
	a.Close()

	if err := vfs.Default.RemoveAll(dir + "/catalog"); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		a = open(t, dir, Options{ReadOnly: readOnly})
		if after := dump(t, a); after != before {
			t.Errorf("without its catalog the archive answers otherwise (read-only %v)", readOnly)
		}
		verified(t, a)
		a.Close()
	}
}

// dump writes out every key and value of the catalog, and how far it has come.
func dump(t testing.TB, a *Archive) string {
	t.Helper()
	it, err := a.catalog.reader().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var b bytes.Buffer
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Fprintf(&b, "%q %x\n", it.Key(), it.Value())
	}
	return b.String()
}

// Several may read at once what nobody writes to.
func TestReadersShareTheArchive(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	e := appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	a.Close()
	one, two := open(t, dir, Options{ReadOnly: true}), open(t, dir, Options{ReadOnly: true})
	if string(body(t, one, e.ID)) != "x" || string(body(t, two, e.ID)) != "x" {
		t.Error("other bytes came back")
	}
	if _, err := Open(dir, Options{Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened for writing beside readers: %v", err)
	}
}

// The catalog is gone, and the end of the ledger too: the mark tells a rebuild what had
// been acknowledged, as it tells Open.
func TestRebuildLooksAtTheMark(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	var ends []int64
	for i := range 5 {
		appendOne(t, a, receipt(noise(500, uint64(i)), "a@b", "c@d"))
		ends = append(ends, a.ledger.Mark().Offset)
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(1)
	cut := slices.Clone(fileBytes(t, fs, segment)[:ends[2]])
	f, err := fs.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(cut)
	f.Close()
	if err := fs.RemoveAll("data/" + catalogDir); err != nil {
		t.Fatal(err)
	}
	lost := map[uint64]bool{}
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { lost[d.Entry] = true }); err != nil {
		t.Fatal(err)
	}
	delete(lost, 0) // the place itself
	if !lost[4] || !lost[5] || len(lost) != 2 {
		t.Errorf("rebuild names %v, want the entries 4 and 5", lost)
	}
	a = open(t, "data", Options{FS: fs})
	if e := appendOne(t, a, receipt([]byte("new"), "a@b", "c@d")); e.ID <= 5 {
		t.Errorf("number %d is given again", e.ID)
	}
}

// Figures are asked for while the archive is closed: they come, or none do.
func TestFiguresWhileClosing(t *testing.T) {
	a := open(t, "data", Options{FS: vfs.NewMem()})
	appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.Collectors()...)
	var wg sync.WaitGroup
	ready := make(chan struct{}, 3)
	for _, ask := range []func() bool{
		func() bool { return a.Stats().Refused == ErrClosed },
		func() bool { _, err := a.OwnDictionaries(); return err == ErrClosed },
		func() bool { _, err := registry.Gather(); return err != nil || a.Stats().Refused == ErrClosed },
	} {
		wg.Go(func() {
			ask()
			ready <- struct{}{}
			for !ask() {
			}
		})
	}
	for range 3 {
		<-ready
	}
	a.Close()
	wg.Wait()
	if s := a.Stats(); s.Entries != 0 || s.Refused != ErrClosed {
		t.Errorf("%+v", s)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

// A rebuild does not forget what was lost: the numbers are not given again, and
// verify goes on naming the loss.
func TestRebuildRemembersWhatWasLost(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	var ends []int64
	for i := range 10 {
		appendOne(t, a, receipt(noise(500, uint64(i)), "a@b", "c@d"))
		ends = append(ends, a.ledger.Mark().Offset)
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(1)
	cut := fileBytes(t, fs, segment)[:ends[6]]
	f, err := fs.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(slices.Clone(cut))
	f.Close()

	lost := map[uint64]bool{}
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { lost[d.Entry] = true }); err != nil {
		t.Fatal(err)
	}
	delete(lost, 0) // the place itself
	if !lost[8] || !lost[9] || !lost[10] || len(lost) != 3 {
		t.Errorf("rebuild names %v, want the entries 8 to 10", lost)
	}
	a = open(t, "data", Options{FS: fs})
	if len(a.Damage()) == 0 {
		t.Error("the loss is forgotten at the next opening")
	}
	if e := appendOne(t, a, receipt([]byte("new"), "a@b", "c@d")); e.ID <= 10 {
		t.Errorf("number %d is given again", e.ID)
	}
	a.Close()
	a = open(t, "data", Options{FS: fs})
	report, err := a.Verify(context.Background(), nil, func(Damage) {})
	if err != nil || report.Damage == 0 || report.Entries != 8 {
		t.Errorf("verify afterwards: %+v, %v", report, err)
	}
}

// A store that has lost the file which names its manifest would open as a new one.
func TestCatalogWithoutItsMarkerIsDamaged(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	a.Close()
	markers, _ := filepath.Glob(filepath.Join(dir, catalogDir, "marker.manifest.*"))
	for _, m := range markers {
		os.Remove(m)
	}
	for _, readOnly := range []bool{true, false} {
		if _, err := Open(dir, Options{ReadOnly: readOnly, Logger: quiet()}); !errors.Is(err, ErrCatalog) || len(markers) == 0 {
			t.Errorf("opened with %d markers removed: %v", len(markers), err)
		}
	}
}

func TestTimesFarAway(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	for _, year := range []int{2100, 2300, 9999} {
		q := Query{Since: time.Date(-400, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}
		if n := len(list(t, a, q)); n != 1 {
			t.Errorf("until %d: %d entries, want 1", year, n)
		}
	}
	if n := len(list(t, a, Query{After: math.MaxUint64})); n != 0 {
		t.Errorf("after the highest number there are %d entries", n)
	}
}

// Close while others append: each append ends, and what it promised is there.
func TestCloseUnderLoad(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		a := open(t, dir, Options{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := map[uint64][]byte{}
		for w := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					b := noise(3000, uint64(round*1_000_000+w*100_000+i))
					e, err := a.Append(context.Background(), receipt(b, "a@b", "c@d"))
					if err != nil {
						return
					}
					mu.Lock()
					done[e.ID] = b
					mu.Unlock()
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		a.Close()
		wg.Wait()
		a = open(t, dir, Options{})
		for id, b := range done {
			if !bytes.Equal(body(t, a, id), b) {
				t.Errorf("entry %d has other bytes", id)
			}
		}
		a.Close()
	}
}

// A killed daemon leaves an end of the ledger that was never synced. After a
// rebuild and a power loss the archive is whole: the catalog knows of no more than
// the disk holds.
func TestRebuildOfWhatWasNotSynced(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a := open(t, "data", Options{FS: fs})
	appendOne(t, a, receipt([]byte("one"), "a@b", "c@d"))
	before := a.ledger.Mark().Offset
	appendOne(t, a, receipt([]byte("two"), "a@b", "c@d"))
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(1)
	whole := fileBytes(t, fs, segment)
	// The second message again, behind what is synced.
	clone := fs.CrashClone(vfs.CrashCloneCfg{})
	f, err := clone.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(slices.Clone(whole[:before]))
	f.Sync()
	f.Write(slices.Clone(whole[before:]))
	f.Close()
	if d, err := clone.OpenDir("data/ledger"); err != nil || d.Sync() != nil {
		t.Fatal("sync the folder")
	}
	if err := clone.RemoveAll("data/catalog"); err != nil {
		t.Fatal(err)
	}
	if _, err := Rebuild(context.Background(), "data", Options{FS: clone, Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, "data", Options{FS: clone.CrashClone(vfs.CrashCloneCfg{})})
	for _, d := range a.Damage() {
		t.Errorf("after the power loss: %v", d.Error())
	}
	verified(t, a)
}
