package archive

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// repairable makes an archive of letters in chains and of contents that many of
// them share, in several segments.
func repairable(t *testing.T) (fs vfs.FS, want map[uint64][]byte) {
	t.Helper()
	fs, want = vfs.NewMem(), map[uint64][]byte{}
	a := open(t, "data", Options{FS: fs, SegmentSize: 256 << 10})
	r := rand.New(rand.NewPCG(*seed, 7))
	for n := range 600 {
		m := letter(n, r)
		if n%20 == 0 {
			m = append(m, noise(1000+r.IntN(200_000), uint64(n%5))...)
		}
		want[appendOne(t, a, receipt(m, "a@b", "c@d")).ID] = m
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return fs, want
}

// ledgerFiles gives the files of the ledger's folder.
func ledgerFiles(t *testing.T, fs vfs.FS) map[string][]byte {
	t.Helper()
	names, err := fs.List("data/ledger")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		all[name] = fileBytes(t, fs, "data/ledger/"+name)
	}
	return all
}

// A place in each segment is damaged: verify says that it can be mended, repair
// mends it, and then all is as it was.
func TestRepair(t *testing.T) {
	t.Logf("seed %d", *seed)
	fs, want := repairable(t)
	whole := ledgerFiles(t, fs)
	r := rand.New(rand.NewPCG(*seed, 8))
	segments := 0
	for name, b := range whole {
		if !strings.HasSuffix(name, ".seg") {
			continue
		}
		segments++
		b = slices.Clone(b)
		at := r.IntN(len(b) - 4096)
		noise := noise(1+r.IntN(4096), r.Uint64())
		copy(b[at:], noise)
		overwrite(t, fs, "data/ledger/"+name, b)
	}
	if segments < 3 {
		t.Fatalf("only %d segments", segments)
	}
	found := verifyDamage(t, fs)
	for _, d := range found {
		if d.Segment != "" && !strings.Contains(d.Reason, "`daybook repair` can mend it") {
			t.Errorf("verify does not say of %v that it can be mended", d)
		}
	}
	if len(found) < segments {
		t.Errorf("verify finds %d damaged places in %d segments", len(found), segments)
	}
	var told []ledger.Mending
	report, err := Repair(context.Background(), "data", Options{FS: fs, Logger: quiet()}, false, func(m ledger.Mending) { told = append(told, m) })
	if err != nil || report != (RepairReport{Segments: segments, Mended: segments}) {
		t.Fatalf("repair: %+v, %v: %+v", report, err, told)
	}
	now := ledgerFiles(t, fs)
	maps.DeleteFunc(now, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".damaged") })
	if !maps.EqualFunc(now, whole, bytes.Equal) {
		t.Error("the ledger is not what it was")
	}
	if found := verifyDamage(t, fs); len(found) > 0 {
		t.Errorf("verify after the repair: %v", &found[0])
	}
	a := open(t, "data", Options{FS: fs, ReadOnly: true})
	for id, m := range want {
		if !bytes.Equal(body(t, a, id), m) {
			t.Errorf("entry %d is not what it was", id)
		}
	}
}

// What cannot be mended is named, and verify does not say that it can be.
func TestRepairOfTwoPlaces(t *testing.T) {
	fs, _ := repairable(t)
	b := fileBytes(t, fs, "data/ledger/0000000001.seg")
	b[1000] ^= 1
	b[200_000] ^= 1
	overwrite(t, fs, "data/ledger/0000000001.seg", b)
	for _, d := range verifyDamage(t, fs) {
		if strings.Contains(d.Reason, "repair") {
			t.Errorf("verify says of %v that it can be mended", &d)
		}
	}
	report, err := Repair(context.Background(), "data", Options{FS: fs, Logger: quiet()}, false, func(ledger.Mending) {})
	if err != nil || report.Hopeless != 1 || report.Mended != 0 {
		t.Errorf("repair: %+v, %v", report, err)
	}
	if !bytes.Equal(fileBytes(t, fs, "data/ledger/0000000001.seg"), b) {
		t.Error("the segment was changed")
	}
}

// An archive that is in use, and a folder without one, are left alone.
func TestRepairNeedsAStoppedArchive(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := Repair(context.Background(), "data", Options{FS: fs}, false, nil); err == nil {
		t.Error("a folder that is not there was repaired")
	}
	a := open(t, "data", Options{FS: fs})
	defer a.Close()
	if _, err := Repair(context.Background(), "data", Options{FS: fs}, true, nil); err != ErrLocked {
		t.Errorf("repair of an archive in use: %v", err)
	}
}

func overwrite(t *testing.T, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.Write(slices.Clone(b))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(fmt.Errorf("overwrite: %w", err))
	}
}

func verifyDamage(t *testing.T, fs vfs.FS) (found []Damage) {
	t.Helper()
	a := open(t, "data", Options{FS: fs, ReadOnly: true})
	defer a.Close()
	if _, err := a.Verify(context.Background(), nil, func(d Damage) { found = append(found, d) }); err != nil {
		t.Fatalf("verify: %v", err)
	}
	return found
}
