package ledger

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// bigSample is a ledger whose segments are longer than a stride, with records that
// are, too. Its first segments are compacted.
func bigSample(t *testing.T, rng *rand.Rand) *sample {
	t.Helper()
	fs := vfs.NewMem()
	var a applied
	s := &sample{}
	l := mustOpen(t, fs, "/", Options{SegmentSize: 400 << 10, Apply: a.apply})
	for i := 0; l.Mark().Segment < 6 || l.Mark().Offset < 200<<10; i++ {
		largest := []int{2500, 30_000, 160_000}[rng.IntN(3)]
		s.records = append(s.records, mustAppend(t, l, randomRecords(rng, fmt.Sprint("big-", i), largest)...)...)
		if i%7 == 6 { // goes on where it was
			from := l.Mark()
			mustClose(t, l)
			l = mustOpen(t, fs, "/", Options{SegmentSize: 400 << 10, Apply: a.apply, From: from})
		}
	}
	for n := uint32(1); n <= 3; n++ {
		if _, err := l.Compact(anything, n, keepRest); err != nil {
			t.Fatalf("Compact: %v", err)
		}
	}
	s.mark = l.Mark()
	mustClose(t, l)
	s.content = withoutRoom(files(t, fs, "/"), s.mark)
	s.names = slices.DeleteFunc(slices.Sorted(maps.Keys(s.content)), func(name string) bool {
		return !strings.HasSuffix(name, suffix)
	})
	return s
}

// mustRepair repairs and gives what was told.
func mustRepair(t testing.TB, fs vfs.FS, mark Mark, dry bool) ([]Mending, RepairReport) {
	t.Helper()
	var told []Mending
	o := RepairOptions{FS: fs, DryRun: dry, Acknowledged: mark.Position}
	report, err := Repair(anything, "/", o, func(m Mending) { told = append(told, m) })
	if err != nil {
		t.Fatalf("Repair: %v", err)
	}
	return told, report
}

// TestParityIsThatOfTheFiles has Repair read all segments: what the committer and
// the compaction have kept agrees with it.
func TestParityIsThatOfTheFiles(t *testing.T) {
	s := bigSample(t, seeded(t))
	told, report := mustRepair(t, memory(t, s.content), s.mark, false)
	if len(told) > 0 || report != (RepairReport{Segments: len(s.names)}) {
		t.Errorf("Repair of a whole ledger of %d segments tells %+v, %+v", len(s.names), told, report)
	}
	for _, name := range s.names {
		if s.content[strings.TrimSuffix(name, suffix)+sidecarSuffix] == nil {
			t.Errorf("%s has no parity file", name)
		}
	}
}

// burst damages one place of a file, of up to size bytes.
func burst(rng *rand.Rand, old []byte, size int) (data []byte, what string) {
	n := 1 + rng.IntN(min(size, len(old)))
	at := rng.IntN(len(old) - n + 1)
	data = bytes.Clone(old)
	switch rng.IntN(6) {
	case 0:
		return data[:len(old)-n], fmt.Sprintf("%d bytes cut off", n)
	case 1:
		data[at] ^= 1 << rng.IntN(8)
		return data, fmt.Sprintf("bit flipped at %d", at)
	case 2:
		at %= 96
		data[at] ^= 1 << rng.IntN(8)
		return data, fmt.Sprintf("bit flipped at %d", at)
	case 3:
		clear(data[at : at+n])
		return data, fmt.Sprintf("zeros from %d to %d", at, at+n)
	case 4:
		data[at] ^= 1
		data[at+n-1] ^= 2
		return data, fmt.Sprintf("bits flipped at %d and %d", at, at+n-1)
	}
	rand.NewChaCha8([32]byte{byte(rng.Uint32()), byte(rng.Uint32())}).Read(data[at : at+n])
	return data, fmt.Sprintf("other bytes from %d to %d", at, at+n)
}

// TestRepairMendsOnePlace damages one place of each segment: after Repair every
// file is what it was, and the damaged one is kept.
func TestRepairMendsOnePlace(t *testing.T) {
	rng := seeded(t)
	s := bigSample(t, rng)
	for i := range size(25, 2000) {
		damaged, whats := maps.Clone(s.content), map[string]string{}
		spoilt := 0
		for _, name := range s.names {
			damaged[name], whats[name] = burst(rng, s.content[name], stride-1000)
			if !bytes.Equal(damaged[name], s.content[name]) {
				spoilt++
			}
		}
		fs := memory(t, damaged)
		told, report := mustRepair(t, fs, s.mark, true)
		if now := files(t, fs, "/"); report.Mended != spoilt || !maps.EqualFunc(now, damaged, bytes.Equal) {
			t.Fatalf("%d: a dry run tells %+v, %+v of %v, or has changed files", i, told, report, whats)
		}
		told, report = mustRepair(t, fs, s.mark, false)
		if report.Mended != spoilt || report.Hopeless+report.Made > 0 {
			t.Fatalf("%d: Repair tells %+v, %+v of %v", i, told, report, whats)
		}
		now := files(t, fs, "/")
		for name, want := range s.content {
			if !bytes.Equal(now[name], want) {
				t.Fatalf("%d: %s is not what it was after Repair of %v", i, name, whats)
			}
			kept, is := now[name+damagedSuffix]
			if changed := !bytes.Equal(damaged[name], want); changed != is || changed && !bytes.Equal(kept, damaged[name]) {
				t.Fatalf("%d: the damaged %s is not kept", i, name)
			}
		}
		l := mustOpen(t, fs, "/", Options{From: s.mark})
		if _, damage := scanAll(t, l); len(damage)+len(l.Recovery().Damage) > 0 {
			t.Fatalf("%d: there is damage after Repair of %v: %v", i, whats, damage)
		}
		mustClose(t, l)
	}
}

// TestRepairOfZerosThatWereCutOff shortens a segment by zeros: within a record, so
// that what is left of it and zeros are whole, and with records behind that.
func TestRepairOfZerosThatWereCutOff(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	first := mustAppend(t, l, Record{Flags: Numbered, Body: make([]byte, 20_000)})[0].At
	mark := l.Mark()
	early := withoutRoom(files(t, fs, "/"), mark)
	mustClose(t, l)
	early[ParityName(1)] = files(t, fs, "/")[ParityName(1)]
	l = mustOpen(t, fs, "/", Options{From: mark})
	mustAppend(t, l, Record{Flags: Numbered, Body: []byte("behind the zeros")})
	later := l.Mark()
	mustClose(t, l)
	for what, c := range map[string]struct {
		content map[string][]byte
		mark    Mark
	}{"at the end": {early, mark}, "with a record behind": {withoutRoom(files(t, fs, "/"), later), later}} {
		cut := maps.Clone(c.content)
		cut[SegmentName(1)] = cut[SegmentName(1)][:first.Offset+5000]
		fs := memory(t, cut)
		told, _ := mustRepair(t, fs, c.mark, false)
		if len(told) != 1 || told[0].Outcome != Mended || told[0].Length == 0 ||
			!bytes.Equal(files(t, fs, "/")[SegmentName(1)], c.content[SegmentName(1)]) {
			t.Errorf("%s: Repair tells %+v, or the segment is not what it was", what, told)
		}
	}
}

// TestRepairOfAMissingSegment makes a segment anew that is no longer than a stride.
func TestRepairOfAMissingSegment(t *testing.T) {
	s := newSample(t, seeded(t))
	damaged := maps.Clone(s.content)
	delete(damaged, SegmentName(2))
	fs := memory(t, damaged)
	if told, report := mustRepair(t, fs, s.mark, false); report.Mended != 1 || len(told) != 1 {
		t.Errorf("Repair tells %+v", told)
	}
	if !maps.EqualFunc(files(t, fs, "/"), s.content, bytes.Equal) {
		t.Error("the files are not what they were")
	}
	delete(damaged, ParityName(2))
	fs = memory(t, damaged)
	if told, report := mustRepair(t, fs, s.mark, false); report.Hopeless != 1 || len(told) != 1 || told[0].Segment != 2 {
		t.Errorf("without parity Repair tells %+v", told)
	}
}

// TestRepairLeavesWhatItCannotMend changes nothing where two places are damaged,
// and says where.
func TestRepairLeavesWhatItCannotMend(t *testing.T) {
	rng := seeded(t)
	s := bigSample(t, rng)
	for i := range size(20, 500) {
		name := s.names[rng.IntN(len(s.names)-1)]
		damaged := maps.Clone(s.content)
		b := bytes.Clone(damaged[name])
		if len(b) < 2*stride {
			continue
		}
		first := rng.IntN(len(b) - stride - 4)
		second := first + stride + 1 + rng.IntN(len(b)-first-stride-1)
		b[first] ^= 1
		b[second] ^= 4
		damaged[name] = b
		fs := memory(t, damaged)
		told, report := mustRepair(t, fs, s.mark, false)
		if report.Hopeless != 1 || len(told) != 1 || SegmentName(told[0].Segment) != name || told[0].Reason == "" ||
			told[0].Offset > int64(first) || told[0].Offset+told[0].Length <= int64(second) {
			t.Fatalf("%d: %s damaged at %d and %d: Repair tells %+v", i, name, first, second, told)
		}
		if now := files(t, fs, "/"); !maps.EqualFunc(now, damaged, bytes.Equal) {
			t.Fatalf("%d: Repair has changed files: %v", i, slices.Sorted(maps.Keys(now)))
		}
	}
}

// TestDamagedParityIsMadeAnew damages parity files only, or removes them.
func TestDamagedParityIsMadeAnew(t *testing.T) {
	rng := seeded(t)
	s := bigSample(t, rng)
	for i := range size(20, 500) {
		damaged := maps.Clone(s.content)
		n := uint32(1 + rng.IntN(len(s.names)))
		if i%3 == 0 {
			delete(damaged, ParityName(n))
		} else {
			for bytes.Equal(damaged[ParityName(n)], s.content[ParityName(n)]) {
				damaged[ParityName(n)], _ = burst(rng, s.content[ParityName(n)], stride)
			}
		}
		fs := memory(t, damaged)
		told, report := mustRepair(t, fs, s.mark, false)
		if report.Made != 1 || len(told) != 1 || told[0].Segment != n || told[0].Outcome != ParityMade {
			t.Fatalf("%d: parity %d is damaged: Repair tells %+v", i, n, told)
		}
		if !maps.EqualFunc(files(t, fs, "/"), s.content, bytes.Equal) {
			t.Fatalf("%d: the files are not what they were", i)
		}
	}
}

// TestParityOfAnotherState has the parity of a segment from before its compaction,
// as a crash leaves it: it is not used, and made anew.
func TestParityOfAnotherState(t *testing.T) {
	rng := seeded(t)
	before := newSample(t, rng)
	fs := memory(t, before.content)
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: before.mark})
	compactSealed(t, l, keepRest)
	mustClose(t, l)
	after := files(t, fs, "/")
	mixed := maps.Clone(after)
	n := uint32(1)
	for n < before.mark.Segment && bytes.Equal(before.content[ParityName(n)], after[ParityName(n)]) {
		n++ // nothing was dropped from it
	}
	if n >= before.mark.Segment {
		t.Fatal("no segment was compacted")
	}
	mixed[ParityName(n)] = before.content[ParityName(n)]
	for _, spoil := range []bool{true, false} {
		content := maps.Clone(mixed)
		if spoil {
			b := bytes.Clone(content[SegmentName(n)])
			b[len(b)/2] ^= 1
			content[SegmentName(n)] = b
		}
		fs := memory(t, content)
		told, report := mustRepair(t, fs, before.mark, false)
		now := files(t, fs, "/")
		switch {
		case spoil && (report.Hopeless != 1 || !maps.EqualFunc(now, content, bytes.Equal)):
			t.Errorf("Repair with the parity of another state tells %+v, or has changed files", told)
		case !spoil && (report.Made != 1 || !maps.EqualFunc(now, after, bytes.Equal)):
			t.Errorf("Repair of parity of another state tells %+v, or the files are not what they should be", told)
		}
	}
}

// TestParityAfterAnUncleanEnd has a ledger that was not closed: what it grows by
// is protected at its next clean end.
func TestParityAfterAnUncleanEnd(t *testing.T) {
	mem := vfs.NewCrashableMem()
	l := mustOpen(t, mem, "/", Options{})
	all := mustAppend(t, l, randomRecords(seeded(t), "before", 90_000)...)
	clone := mem.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, l)

	l = mustOpen(t, clone, "/", Options{})
	l.jobs.Wait() // else Close may end it
	all = append(all, mustAppend(t, l, randomRecords(rand.New(rand.NewPCG(1, 2)), "after", 90_000)...)...)
	mark := l.Mark()
	mustClose(t, l)
	want := files(t, clone, "/")
	if told, _ := mustRepair(t, clone, mark, false); len(told) > 0 {
		t.Fatalf("Repair tells %+v", told)
	}
	want[SegmentName(1)][all[0].At.Offset+30] ^= 1
	fs := memory(t, want)
	if told, report := mustRepair(t, fs, mark, false); report.Mended != 1 {
		t.Fatalf("Repair tells %+v", told)
	}
	l = mustOpen(t, fs, "/", Options{})
	checkWhole(t, l, all)
	mustClose(t, l)
}

// TestPartialParity has a crash after the ledger grew: the older parity protects
// what it covers, and Repair makes it whole.
func TestPartialParity(t *testing.T) {
	mem := vfs.NewCrashableMem()
	l := mustOpen(t, mem, "/", Options{})
	all := mustAppend(t, l, Record{Flags: Numbered, Body: bytes.Repeat([]byte("covered"), 5000)})
	from := l.Mark()
	mustClose(t, l)
	l = mustOpen(t, mem, "/", Options{From: from})
	all = append(all, mustAppend(t, l, Record{Flags: Numbered, Body: bytes.Repeat([]byte("not covered"), 5000)})...)
	mark := l.Mark()
	content := files(t, mem.CrashClone(vfs.CrashCloneCfg{}), "/")
	mustClose(t, l)
	for _, c := range []struct {
		at   int64
		want Outcome
	}{{all[0].At.Offset + 40, Mended}, {all[1].At.Offset + 40, Hopeless}} {
		damaged := maps.Clone(content)
		damaged[SegmentName(1)] = bytes.Clone(content[SegmentName(1)])
		damaged[SegmentName(1)][c.at] ^= 1
		fs := memory(t, damaged)
		told, _ := mustRepair(t, fs, mark, false)
		if len(told) == 0 || told[0].Outcome != c.want {
			t.Errorf("damage at %d: Repair tells %+v", c.at, told)
		}
		if now := files(t, fs, "/"); c.want == Mended && !bytes.Equal(now[SegmentName(1)], content[SegmentName(1)]) {
			t.Errorf("damage at %d: the segment is not what it was", c.at)
		}
		if told, _ := mustRepair(t, fs, mark, false); c.want == Mended && len(told) > 0 {
			t.Errorf("damage at %d: Repair tells %+v after it was made", c.at, told)
		}
	}
}

// TestCrashInRepair takes the power away, and fails the disk, at every step of a
// repair: one of the two files has the segment's name, and a further repair ends it.
func TestCrashInRepair(t *testing.T) {
	rng := seeded(t)
	s := newSample(t, rng)
	damaged := maps.Clone(s.content)
	for _, n := range []uint32{1, 3} {
		b := bytes.Clone(s.content[SegmentName(n)])
		clear(b[100:5000])
		damaged[SegmentName(n)] = b
	}
	delete(damaged, ParityName(2))
	for k := 1; ; k++ {
		mem := memory(t, damaged)
		fs := newFaultFS(mem)
		fs.setPlan(dead(k, effect(1+k%3), syscall.EIO))
		_, err := Repair(anything, "/", RepairOptions{FS: fs, Acknowledged: s.mark.Position}, nil)
		for _, percent := range []int{0, 50, 100} {
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			for name, b := range files(t, clone, "/") {
				if strings.HasSuffix(name, suffix) && !bytes.Equal(b, s.content[name]) && !bytes.Equal(b, damaged[name]) {
					t.Fatalf("step %d: %s is neither the damaged file nor the whole one", k, name)
				}
			}
			mustRepair(t, clone, s.mark, false)
			now := files(t, clone, "/")
			for name, want := range s.content {
				if !bytes.Equal(now[name], want) {
					t.Fatalf("step %d: %s is not what it was after another repair", k, name)
				}
			}
			checkNoneUnfinished(t, clone)
		}
		if err == nil {
			if k < 60 {
				t.Errorf("a repair has %d steps: the test sees too few", k)
			}
			return
		}
	}
}

// noParityFS refuses whatever is done to parity files.
type noParityFS struct{ vfs.FS }

func (fs noParityFS) refuse(name string) error {
	if strings.Contains(name, sidecarSuffix) {
		return syscall.ENOSPC
	}
	return nil
}

func (fs noParityFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.refuse(name); err != nil {
		return nil, err
	}
	return fs.FS.Create(name, c)
}

func (fs noParityFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := fs.refuse(name); err != nil {
		return nil, err
	}
	return fs.FS.Open(name, o...)
}

// TestNothingFailsForParity has no parity file ever written: appends, Rotate,
// Compact, Close and Open work, and Repair makes the files later.
func TestNothingFailsForParity(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := noParityFS{mem}
	var all []Record
	var mark Mark
	rng := seeded(t)
	for i := range 4 {
		l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: mark})
		for j := range 20 {
			all = append(all, mustAppend(t, l, randomRecords(rng, fmt.Sprintf("refused-%d-%d", i, j), 2500)...)...)
		}
		if err := l.Rotate(anything); err != nil {
			t.Fatalf("Rotate: %v", err)
		}
		if _, err := l.Compact(anything, 1, func(Record) (bool, error) { return true, nil }); err != nil {
			t.Fatalf("Compact: %v", err)
		}
		checkWhole(t, l, all)
		mark = l.Mark()
		mustClose(t, l)
	}
	for name := range files(t, mem, "/") {
		if strings.Contains(name, sidecarSuffix) {
			t.Errorf("%s is there", name)
		}
	}
	if told, report := mustRepair(t, mem, mark, false); report.Made < 4 || report.Made != report.Segments {
		t.Errorf("Repair tells %+v, %+v", told, report)
	}
	if told, _ := mustRepair(t, mem, mark, false); len(told) > 0 {
		t.Errorf("a second Repair tells %+v", told)
	}
}

// TestMendable asks a ledger that is open.
func TestMendable(t *testing.T) {
	s := newSample(t, seeded(t))
	for _, n := range []uint32{2, 3} {
		s.content[SegmentName(n)][200] ^= 1
	}
	delete(s.content, ParityName(3))
	l := mustOpen(t, memory(t, s.content), "/", Options{From: s.mark, ReadOnly: true})
	defer mustClose(t, l)
	for n, want := range map[uint32]bool{1: false, 2: true, 3: false, 900: false} {
		if got, err := l.Mendable(anything, n); got != want || err != nil {
			t.Errorf("Mendable(%d) gives %t, %v, want %t", n, got, err, want)
		}
	}
}

// FuzzSidecar has every parity file that is read written as it was.
func FuzzSidecar(f *testing.F) {
	p := newParity()
	h := header{number: 7, id: identity{1, 2, 3}, prev: Position{6, 900}, firstSeq: 12, group: 3}
	p.add(h.bytes(), 0)
	s := newSidecar(h, h.bytes(), p)
	f.Add(s.bytes())
	f.Add(s.bytes()[:sidecarHeader])
	p.add(make([]byte, 3*stride), headerSize)
	p.add([]byte("the end"), p.end)
	h.compact = true
	s = newSidecar(h, h.bytes(), p)
	f.Add(s.bytes())
	f.Add([]byte(sidecarSignature))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSidecar(b)
		if err == nil && !bytes.Equal(s.bytes(), b) {
			t.Errorf("a parity file of %d bytes is read and written differently", len(b))
		}
	})
}

// TestRepairOfTooMuchThatIsMissing cuts off more than a stride, or all, and has a
// parity file tell of a length that no disk has.
func TestRepairOfTooMuchThatIsMissing(t *testing.T) {
	s := bigSample(t, seeded(t))
	cut, gone, absurd := maps.Clone(s.content), maps.Clone(s.content), maps.Clone(s.content)
	cut[SegmentName(4)] = cut[SegmentName(4)][:len(cut[SegmentName(4)])-stride-1]
	delete(gone, SegmentName(4))
	p, err := parseSidecar(absurd[ParityName(4)])
	if err != nil {
		t.Fatal(err)
	}
	p.end = 1 << 62
	absurd[ParityName(4)] = p.bytes()
	for what, content := range map[string]map[string][]byte{"cut": cut, "gone": gone, "absurd": absurd} {
		fs := memory(t, content)
		told, report := mustRepair(t, fs, s.mark, false)
		if report.Hopeless != 1 || len(told) != 1 || told[0].Segment != 4 || !maps.EqualFunc(files(t, fs, "/"), content, bytes.Equal) {
			t.Errorf("%s: Repair tells %+v, or has changed files", what, told)
		}
	}
}
