package ledger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	long     = flag.Bool("long", false, "run the tests at their long sizes")
	fixed    = flag.Uint64("seed", 0, "seed of the random tests; 0 takes one from the clock")
	anything = context.Background()
)

// seeded gives a source of random numbers and logs how to get it again.
func seeded(t testing.TB) *rand.Rand {
	seed := *fixed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("go test -run '^%s$' -seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// size picks the size of a test.
func size(commit, longer int) int {
	if *long {
		return longer
	}
	return commit
}

// applied is what Options.Apply was given: one string a record, one list a group.
type applied struct {
	mu     sync.Mutex
	groups [][]string
	marks  []Mark
}

func (a *applied) apply(records []Record, end Mark) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var group []string
	for _, r := range records {
		group = append(group, describe(r))
	}
	a.groups = append(a.groups, group)
	a.marks = append(a.marks, end)
	return nil
}

// last is the mark of the last group applied.
func (a *applied) last() Mark {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.marks) == 0 {
		return Mark{}
	}
	return a.marks[len(a.marks)-1]
}

func describe(r Record) string {
	return fmt.Sprintf("type %d flags %x seq %d at %d:%d+%d sum %08x",
		r.Type, r.Flags, r.Seq, r.At.Segment, r.At.Offset, r.At.Length, crc(0, r.Body))
}

func mustOpen(t testing.TB, fs vfs.FS, dir string, o Options) *Ledger {
	t.Helper()
	o.FS = fs
	if o.room == (roomRule{}) {
		o.room = roomRule{size: 700, small: 1 << 20, after: 1} // small ones are met often
	}
	l, err := Open(anything, dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return l
}

func mustAppend(t testing.TB, l *Ledger, records ...Record) []Record {
	t.Helper()
	if err := l.Append(anything, records); err != nil {
		t.Fatalf("Append: %v", err)
	}
	return records
}

func mustClose(t testing.TB, l *Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// scanAll gives what Scan visits and reports.
func scanAll(t testing.TB, l *Ledger) (records []Record, damage []Damage) {
	t.Helper()
	visit := func(group []Record) error { records = append(records, group...); return nil }
	if err := l.Scan(anything, visit, func(d Damage) { damage = append(damage, d) }); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	return records, damage
}

// same reports whether a record read back is the one that was appended.
func same(got, want Record) bool {
	return got.Type == want.Type && got.Flags == want.Flags && got.Seq == want.Seq &&
		got.At == want.At && bytes.Equal(got.Body, want.Body)
}

// checkRead fails unless every record can be read back as it was.
func checkRead(t testing.TB, l *Ledger, want []Record) {
	t.Helper()
	for _, w := range want {
		got, err := l.Read(w.At)
		if err != nil {
			t.Fatalf("Read of record %s: %v", describe(w), err)
		}
		if !same(got, w) {
			t.Fatalf("Read gives %s, appended was %s", describe(got), describe(w))
		}
	}
}

// checkWhole fails unless the ledger holds these records, no others, undamaged.
func checkWhole(t testing.TB, l *Ledger, want []Record) {
	t.Helper()
	checkRead(t, l, want)
	if d := l.Recovery().Damage; len(d) > 0 {
		t.Fatalf("Open reports damage: %v", &d[0])
	}
	got, damage := scanAll(t, l)
	if len(damage) > 0 {
		t.Fatalf("Scan reports damage: %v", &damage[0])
	}
	if !reflect.DeepEqual(descriptions(got), descriptions(want)) {
		t.Fatalf("Scan visits %d records, appended were %d, or they differ:\n%q\n%q",
			len(got), len(want), descriptions(got), descriptions(want))
	}
}

func descriptions(records []Record) []string {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = describe(r)
	}
	return all
}

// randomRecords makes the records of one Append. Their bodies begin with name,
// the number of the part and that of the parts.
func randomRecords(rng *rand.Rand, name string, maxBody int) []Record {
	records := make([]Record, 1+rng.IntN(4))
	for i := range records {
		body := make([]byte, rng.IntN(maxBody)) // zeros, sometimes
		if rng.IntN(8) > 0 {
			rand.NewChaCha8([32]byte{byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}).Read(body)
		}
		body = append(fmt.Appendf(nil, "%s %d/%d ", name, i+1, len(records)), body...)
		records[i] = Record{Type: uint8(rng.IntN(4)), Flags: uint8(rng.IntN(2)) | uint8(rng.IntN(16))<<4, Body: body}
	}
	return records
}

// files gives the content of every file in the folder.
func files(t testing.TB, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, info.Size())
		if len(b) > 0 {
			if _, err := f.ReadAt(b, 0); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		all[name] = b
	}
	return all
}

// memory makes an in-memory file system whose root holds these files, durably.
func memory(t testing.TB, content map[string][]byte) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	for name, b := range content {
		f, err := fs.Create("/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(bytes.Clone(b)); err != nil { // Write may change what it is given
			t.Fatal(err)
		}
		f.Sync()
		f.Close()
	}
	if err := syncDir(fs, "/"); err != nil {
		t.Fatal(err)
	}
	return fs
}

// effect is what an operation of a faultFS does.
type effect int

const (
	works    effect = iota
	refused         // nothing happens, an error is returned
	partial         // a write takes effect by half, an error is returned
	unheard         // it takes effect in full, an error is returned
	effectsN        // how many there are
)

func (e effect) String() string {
	return [...]string{"works", "refused", "by half", "unheard"}[e]
}

// faultFS lets plan decide what becomes of each operation, by name and number.
// Closing always works.
type faultFS struct {
	vfs.FS
	mu     sync.Mutex
	count  int
	counts map[string]int
	ops    []string // all, in order
	plan   func(op string, n int) (effect, error)
}

func newFaultFS(fs vfs.FS) *faultFS { return &faultFS{FS: fs, counts: map[string]int{}} }

func (fs *faultFS) setPlan(plan func(op string, n int) (effect, error)) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.plan, fs.count = plan, 0
}

func (fs *faultFS) counted(op string) int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.counts[op]
}

func (fs *faultFS) next(op string) (effect, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.count++
	fs.counts[op]++
	fs.ops = append(fs.ops, op)
	if fs.plan == nil {
		return works, nil
	}
	return fs.plan(op, fs.count)
}

func (fs *faultFS) do(op string, work func() error) error {
	e, fault := fs.next(op)
	if e == works || e == unheard {
		if err := work(); err != nil {
			return err
		}
	}
	if e != works {
		return fault
	}
	return nil
}

func (fs *faultFS) open(op string, work func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := fs.do(op, func() (err error) { f, err = work(); return err })
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return &faultFile{f, fs}, nil
}

func (fs *faultFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.open("create", func() (vfs.File, error) { return fs.FS.Create(name, c) })
}

func (fs *faultFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return fs.open("open", func() (vfs.File, error) { return fs.FS.Open(name, o...) })
}

func (fs *faultFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return fs.open("open for writing", func() (vfs.File, error) { return fs.FS.OpenReadWrite(name, c, o...) })
}

func (fs *faultFS) OpenDir(name string) (vfs.File, error) {
	return fs.open("open folder", func() (vfs.File, error) { return fs.FS.OpenDir(name) })
}

func (fs *faultFS) Remove(name string) error {
	return fs.do("remove", func() error { return fs.FS.Remove(name) })
}

func (fs *faultFS) Rename(old, name string) error {
	return fs.do("rename", func() error { return fs.FS.Rename(old, name) })
}

func (fs *faultFS) List(name string) (names []string, err error) {
	err = fs.do("list", func() (err error) { names, err = fs.FS.List(name); return err })
	return names, err
}

type faultFile struct {
	vfs.File
	fs *faultFS
}

func (f *faultFile) ReadAt(p []byte, offset int64) (n int, err error) {
	if e, fault := f.fs.next("read"); e != works {
		return 0, fault
	}
	return f.File.ReadAt(p, offset)
}

func (f *faultFile) Read(p []byte) (n int, err error) {
	if e, fault := f.fs.next("read"); e != works {
		return 0, fault
	}
	return f.File.Read(p)
}

func (f *faultFile) Write(p []byte) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.File.Write(p) })
}

func (f *faultFile) WriteAt(p []byte, offset int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.File.WriteAt(p, offset) })
}

func (f *faultFile) write(p []byte, work func([]byte) (int, error)) (int, error) {
	switch e, fault := f.fs.next("write"); e {
	case refused:
		return 0, fault
	case partial:
		n, err := work(p[:len(p)/2])
		return n, errors.Join(fault, err)
	case unheard:
		n, err := work(p)
		return n, errors.Join(fault, err)
	}
	return work(p)
}

func (f *faultFile) Stat() (info vfs.FileInfo, err error) {
	err = f.fs.do("stat", func() (err error) { info, err = f.File.Stat(); return err })
	return info, err
}

func (f *faultFile) Sync() error     { return f.fs.do("sync", f.File.Sync) }
func (f *faultFile) SyncData() error { return f.fs.do("sync data", f.File.SyncData) }

func (f *faultFile) SyncTo(length int64) (full bool, err error) {
	err = f.fs.do("sync to", func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}

// withoutRoom cuts off what stands behind a mark, as Close does on a disk.
func withoutRoom(content map[string][]byte, mark Mark) map[string][]byte {
	name := SegmentName(mark.Segment)
	content[name] = content[name][:mark.Offset]
	return content
}
