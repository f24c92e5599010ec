package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var upgradeStep = flag.Int("upgradestep", 4, "test a crash at every so many operations of an upgrade")

// The folder testdata/v1 is an archive of the first version, with records and a
// catalog as they were before decisions, quarantine and policies.
// In testdata/v2 they are as they were before identities. In testdata/v3 facts and their
// dictionary are compressed with zstd.
const (
	oldArchive    = "testdata/v1"
	secondArchive = "testdata/v2"
	thirdArchive  = "testdata/v3"
)

// oldFiles reads the old archive, under the name "data".
func oldFiles(t *testing.T) map[string][]byte {
	t.Helper()
	return archiveFiles(t, oldArchive)
}

func archiveFiles(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"ledger/*", "catalog/*"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s/%s: %d files, %v", folder, pattern, len(paths), err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files["data"+strings.TrimPrefix(filepath.ToSlash(path), folder)] = b
		}
	}
	return files
}

// describe writes down everything that an archive holds, for people.
func describe(t *testing.T, a *Archive) string {
	t.Helper()
	var b bytes.Buffer
	for _, e := range list(t, a, Query{}) {
		body := body(t, a, e.ID)
		fmt.Fprintf(&b, "entry %d: %s %s %s, %d bytes %x, flags %q\n", e.ID, e.Tenant, e.Source, e.Received.Format("2006-01-02T15:04:05.999999999Z"),
			len(body), sha256.Sum256(body), e.Flags)
		v, s := e.Envelope, e.Summary
		fmt.Fprintf(&b, "  from %q %q to %q, queue %s, client %s %s %s, macros %q\n", v.Sender.Address, v.Sender.Args, v.Addresses(),
			v.QueueID, v.Client.Address, v.Client.Helo, v.Client.Protocol, v.Macros)
		fmt.Fprintf(&b, "  Message-ID %q, subject %q, from %q, date %d\n", s.MessageID, s.Subject, s.From, s.Date)
		fmt.Fprintf(&b, "  decision %q, quarantine %q\n", e.Decision.Action, e.Quarantine)
	}
	for e, err := range a.Events(context.Background(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "event %d: %s %s %q, %d bytes %v\n", e.ID, e.Kind, e.Time.Format("2006-01-02T15:04:05.999999999Z"), e.Text, e.Size, e.SHA256)
		if e.Envelope != nil {
			fmt.Fprintf(&b, "  from %q to %q\n", e.Envelope.Sender.Address, e.Envelope.Addresses())
		}
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// An archive of an older version is read, and opened for writing its catalog is
// replaced by what a rebuild would make.
func TestOldArchiveIsRead(t *testing.T) {
	fs := load(t, oldFiles(t))
	for _, o := range []Options{{FS: fs, ReadOnly: true}, {FS: fs}, {FS: fs}, {FS: fs, ReadOnly: true}} {
		a := open(t, "data", o)
		for _, d := range a.Damage() {
			t.Error(d.Error())
		}
		golden(t, "testdata/v1.txt", describe(t, a))
		for _, e := range list(t, a, Query{}) {
			if sender, by := e.Sender(); e.Truth != nil || sender != "anna@example.com" || by != message.EvidenceEnvelope {
				t.Errorf("entry %d has the truth %+v, and was sent by %q", e.ID, e.Truth, sender)
			}
		}
		if n := numbers(list(t, a, Query{MessageID: "1@example.com"})); len(n) != 2 {
			t.Errorf("entries %v have the Message-ID, want two", n)
		}
		verified(t, a)
		a.Close()
	}
	a := open(t, "data", Options{FS: fs})
	quarantined(t, a, "new beside old")
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, "data", Options{FS: fs})
	if dump(t, a) != before {
		t.Error("the rebuilt catalog differs from the one that was replaced")
	}
	verified(t, a)
	names, err := fs.List("data")
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{lockName, catalogDir, ledgerDir, markName}) {
		t.Errorf("the folder has %v, %v", names, err)
	}
}

// Entries that are older than joining are read, and each is a message of its own:
// also beside copies of the same mail that come in now.
func TestOldEntriesAreMessagesOfTheirOwn(t *testing.T) {
	fs := load(t, archiveFiles(t, secondArchive))
	for _, o := range []Options{{FS: fs, ReadOnly: true}, {FS: fs}, {FS: fs, ReadOnly: true}} {
		a := open(t, "data", o)
		for _, d := range a.Damage() {
			t.Error(d.Error())
		}
		golden(t, "testdata/v2.txt", describe(t, a)+describeMessages(t, a))
		checkTotals(t, a)
		verified(t, a)
		a.Close()
	}
	a := open(t, "data", Options{FS: fs})
	line := "0s source=gateway id=1@example.com content=hello bytes=hello"
	one, two := appendOne(t, a, joinReceipt(t, line)), appendOne(t, a, joinReceipt(t, line))
	if one.Joined != "" || one.Collides != 0 || two.Message != one.ID {
		t.Errorf("beside old entries: %+v and %+v", one, two)
	}
	verified(t, a)
	remade(t, a, fs)
}

// Power is lost at every operation of an upgrade: the next opening does it, and
// everything is there. It may be lost in that one, too.
func TestUpgradeSurvivesPowerLoss(t *testing.T) {
	t.Logf("seed %d", *seed)
	step := *upgradeStep
	if testing.Short() {
		step = max(step, 7)
	}
	want, err := os.ReadFile("testdata/v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(*seed, 3))
	tried, again := 0, 0
	for at := 1; ; at += step {
		clone, reached := crashDuringOpen(t, syncedOld(t), at, r)
		if !reached {
			break
		}
		tried++
		if second, reached := crashDuringOpen(t, clone, 1+r.IntN(200), r); reached {
			clone = second
			again++
		}
		a := open(t, "data", Options{FS: clone})
		for _, d := range a.Damage() {
			t.Errorf("operation %d: %v", at, d.Error())
		}
		if describe(t, a) != string(want) {
			t.Errorf("operation %d: the archive answers otherwise", at)
		}
		verified(t, a)
		a.Close()
		if t.Failed() {
			t.Fatalf("again with -seed %d", *seed)
		}
	}
	t.Logf("%d operations, %d of them with another power loss behind", tried, again)
	if tried < 5 || again == 0 {
		t.Error("the upgrade was not reached")
	}
}

// syncedOld is the old archive on a disk that can lose power.
func syncedOld(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	for path, b := range oldFiles(t) {
		if err := fs.MkdirAll(fs.PathDir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"data/ledger", "data/catalog", "data", ""} {
		if err := syncFolder(fs, dir); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

// crashDuringOpen opens and closes an archive and gives what is on the disk when
// power is lost before one of its operations.
func crashDuringOpen(t *testing.T, fs *vfs.MemFS, at int, r *rand.Rand) (clone *vfs.MemFS, reached bool) {
	t.Helper()
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[r.IntN(3)], RNG: rand.New(rand.NewPCG(r.Uint64(), 1))}
	var mu sync.Mutex
	n := 0
	watched := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == at {
			clone = fs.CrashClone(cfg)
		}
		return nil
	}))
	a := open(t, "data", Options{FS: watched})
	a.Close()
	mu.Lock()
	defer mu.Unlock()
	return clone, clone != nil
}

// What an old catalog knew to have been acknowledged is not forgotten with it.
func TestUpgradeRemembersWhatWasLost(t *testing.T) {
	files := oldFiles(t)
	last := "data/ledger/" + ledger.SegmentName(1)
	files[last] = files[last][:len(files[last])-100]
	delete(files, "data/ledger/"+ledger.SegmentName(2))
	for _, readOnly := range []bool{true, false} {
		fs := load(t, files)
		a := open(t, "data", Options{FS: fs, ReadOnly: readOnly})
		named := map[uint64]bool{}
		for _, d := range a.Damage() {
			named[d.Entry] = true
		}
		if !named[7] {
			t.Errorf("read-only %v: event 7 is lost, and the damage names %v", readOnly, named)
		}
		if readOnly {
			continue
		}
		if e := appendOne(t, a, receipt([]byte("new"), "a@b", "c@d")); e.ID <= 7 {
			t.Errorf("number %d is given again", e.ID)
		}
		events := 0
		for e := range a.Events(context.Background(), Query{Kind: EventDamage}) {
			if e.ID > 7 {
				events++
			}
		}
		if events == 0 {
			t.Error("no event tells of the damage")
		}
	}
}

// A replacement that ended between its two steps is done by the next opening, for
// which nothing is lost.
func TestReplacementIsFinished(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		fs := load(t, oldFiles(t))
		if err := fs.Rename("data/catalog", "data/catalog.old"); err != nil {
			t.Fatal(err)
		}
		cut := "data/ledger/" + ledger.SegmentName(2)
		if err := fs.Remove(cut); err != nil {
			t.Fatal(err)
		}
		a := open(t, "data", Options{FS: fs, ReadOnly: readOnly})
		if len(a.Damage()) == 0 {
			t.Errorf("read-only %v: the loss is forgotten", readOnly)
		}
		if n := len(list(t, a, Query{})); n != 5 {
			t.Errorf("read-only %v: %d entries, want 5", readOnly, n)
		}
	}
}

// What a newer daybook wrote is refused in clear words; its catalog is replaced.
func TestNewerVersions(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []uint8{typeEntry, typeEvent} {
		body, err := c.enc.Marshal(map[int]any{1: recordVersion + 1, 99: "new"})
		if err != nil {
			t.Fatal(err)
		}
		r := ledger.Record{Type: kind, Seq: 5, Body: body}
		if kind == typeEntry {
			_, err = c.decodeEntry(r)
		} else {
			_, err = c.decodeEvent(r)
		}
		if err == nil || !strings.Contains(err.Error(), "newer daybook") {
			t.Errorf("type %d: %v", kind, err)
		}
	}
	dir := t.TempDir()
	a := open(t, dir, Options{})
	appendOne(t, a, receipt([]byte("x"), "a@b", "c@d"))
	before := dump(t, a)
	newer := append(a.catalog.state.encode(), 1, 2, 3)
	newer[0] = catalogVersion + 1
	if err := a.catalog.db.Set(stateKey(), newer, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	a.Close()
	a = open(t, dir, Options{})
	if dump(t, a) != before {
		t.Error("the catalog that was replaced differs")
	}
	verified(t, a)
}

// Keys that a later daybook adds within a version are stepped over.
func TestUnknownKeysAreTolerated(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.enc.Marshal(map[int]any{
		1: lastOldEntry, 2: "t", 8: make([]byte, 32), 99: []string{"new"},
		11: map[int]any{1: "quarantine", 6: []string{"hr"}, 77: "new"},
		12: map[int]any{1: "report", 5: []any{map[int]any{1: []string{"a@b"}, 77: "new"}}, 9: []any{map[int]any{2: 5, 77: 1}}, 77: "new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	words, err := c.enc.Marshal(map[int]any{
		1: "t", 99: []string{"new"}, 3: map[int]any{1: "quarantine", 6: []string{"hr"}, 77: "new"},
		17: map[int]any{1: "report", 5: []any{map[int]any{1: []string{"a@b"}, 77: "new"}}, 9: []any{map[int]any{2: 5, 77: 1}}, 77: "new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	facts := c.facts.pack(nil, false, appendNumbers(nil, &Entry{formula: &formula{}}), words)
	for _, body := range [][]byte{body, newEntryRecord(&Entry{}, facts, nil, nil).Body} {
		unknownKeys(t, c, body)
	}
}

func unknownKeys(t *testing.T, c codec, body []byte) {
	t.Helper()
	e, err := c.decodeEntry(ledger.Record{Type: typeEntry, Seq: 5, Body: body})
	if err != nil || e.Tenant != "t" || e.Decision.Action != ActionQuarantine || len(e.Decision.Tags) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	want := &message.Truth{
		Evidence: message.EvidenceReport, Recipients: []message.Recipient{{Address: "a@b"}}, Originals: []message.Original{{End: 5}},
	}
	if !reflect.DeepEqual(e.Truth, want) {
		t.Errorf("truth %+v, want %+v", e.Truth, want)
	}
}
