package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// droppable is a record that the tests may drop: about half of those that can be.
func droppable(r Record) bool { return r.Flags&Numbered == 0 && crc(0, r.Body)%2 == 0 }

func keepRest(r Record) (bool, error) { return !droppable(r), nil }

// sparing drops what is droppable and, of that, has this bit in its sum.
func sparing(bit uint32) func(Record) (bool, error) {
	return func(r Record) (bool, error) { return !droppable(r) || crc(0, r.Body)&bit == 0, nil }
}

// compactSealed compacts every sealed segment.
func compactSealed(t testing.TB, l *Ledger, keep func(Record) (bool, error)) {
	t.Helper()
	for _, s := range l.Segments() {
		if !s.Sealed {
			continue
		}
		if _, err := l.Compact(anything, s.Number, keep); err != nil {
			t.Fatalf("Compact: %v", err)
		}
	}
}

// sealedBefore tells of a record whether its segment is sealed.
func sealedBefore(l *Ledger) func(Record) bool {
	current := l.Mark().Segment
	return func(r Record) bool { return r.At.Segment < current }
}

// checkCompacted fails unless the ledger is whole, has none of the records that
// were dropped, and all others.
func checkCompacted(t testing.TB, l *Ledger, all []Record, dropped func(Record) bool) {
	t.Helper()
	var kept []Record
	for _, r := range all {
		if !dropped(r) {
			kept = append(kept, r)
			continue
		}
		var d *Damage
		if _, err := l.Read(r.At); !errors.Is(err, ErrDropped) || !errors.As(err, &d) || d.Offset != r.At.Offset {
			t.Fatalf("Read of the dropped record %s gives %v", describe(r), err)
		}
	}
	checkWhole(t, l, kept)
}

// checkNoneUnfinished fails when the folder has a file that was not finished.
func checkNoneUnfinished(t testing.TB, fs vfs.FS) {
	t.Helper()
	names, err := fs.List("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, unfinished) {
			t.Fatalf("%s is left in the folder", name)
		}
	}
}

func TestCompact(t *testing.T) {
	rng := seeded(t)
	s := newSample(t, rng)
	fs := memory(t, s.content)
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	before := l.Segments()
	mark := l.Mark()
	sealed := sealedBefore(l)
	for _, bit := range []uint32{2, 4, 0} { // a third of the rest, and at last all
		keep := sparing(bit)
		if bit == 0 {
			keep = keepRest
		}
		for i, info := range before[:len(before)-1] {
			old := l.Segments()[i]
			report, err := l.Compact(anything, info.Number, keep)
			if err != nil {
				t.Fatalf("Compact: %v", err)
			}
			now := l.Segments()[i]
			if report.Before != old.Bytes || report.After != now.Bytes || now.Logical != info.Logical || !now.Sealed {
				t.Fatalf("report is %+v; the segment was %+v and is %+v", report, old, now)
			}
			if n := len(files(t, fs, "/")[SegmentName(info.Number)]); int64(n) != now.Bytes {
				t.Fatalf("segment %d has %d bytes, Segments says %d", info.Number, n, now.Bytes)
			}
		}
	}
	dropped := func(r Record) bool { return sealed(r) && droppable(r) }
	if n := slices.IndexFunc(s.records, dropped); n < 0 {
		t.Fatal("the sample has no record that can be dropped")
	}
	checkCompacted(t, l, s.records, dropped)
	checkNoneUnfinished(t, fs)
	if l.Mark() != mark {
		t.Errorf("the mark is %+v, was %+v", l.Mark(), mark)
	}
	segments, size := l.Size()
	after := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("after")})
	if n, b := l.Size(); n != segments || b != size+frameSize+5 {
		t.Errorf("Size is %d, %d after an append, was %d, %d", n, b, segments, size)
	}
	infos := l.Segments()
	mustClose(t, l)
	for _, m := range append([]Mark{{}}, s.groups...) { // marks that point into gaps too
		var a applied
		l = mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: m, Apply: a.apply})
		checkCompacted(t, l, append(slices.Clone(s.records), after...), dropped)
		if got := l.Segments(); !slices.Equal(got, infos) {
			t.Fatalf("Segments gives %+v after reopening, was %+v", got, infos)
		}
		var want []string
		for _, r := range append(slices.Clone(s.records), after...) {
			if !(Position{r.At.Segment, r.At.Offset}).Before(m.Position) && !dropped(r) {
				want = append(want, describe(r))
			}
		}
		if got := slices.Concat(a.groups...); !slices.Equal(got, want) {
			t.Fatalf("from %+v, applied are\n%q\nwant\n%q", m, got, want)
		}
		mustClose(t, l)
	}
}

// TestCompactKeepsGroupsApart drops the last record of a group: the next group
// is applied on its own all the same.
func TestCompactKeepsGroupsApart(t *testing.T) {
	fs := vfs.NewMem()
	var live applied
	l := mustOpen(t, fs, "/", Options{Apply: live.apply})
	for i := range 4 {
		mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, "kept", i)}, Record{Body: []byte("dropped")})
	}
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	compactSealed(t, l, func(r Record) (bool, error) { return string(r.Body) != "dropped", nil })
	mustClose(t, l)
	var again applied
	l = mustOpen(t, fs, "/", Options{Apply: again.apply})
	defer l.Close()
	if len(again.groups) != 4 {
		t.Fatalf("groups are %q, want four of one record", again.groups)
	}
	for i, m := range again.marks {
		if m.Group != live.marks[i].Group || m.Seq != live.marks[i].Seq || m.Position != live.marks[i].Position {
			t.Errorf("group %d is applied with mark %+v, was %+v", i, m, live.marks[i])
		}
	}
}

func TestCompactToNothing(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	gone := mustAppend(t, l, Record{Body: []byte("one")}, Record{Body: []byte("two")})
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := l.Compact(anything, 1, func(Record) (bool, error) { return false, nil })
		if err != nil || r.After != 2*(outlineSize+sumSize) {
			t.Fatalf("Compact: %+v, %v", r, err)
		}
	}
	after := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("three")})
	all := append(gone, after...)
	dropped := func(r Record) bool { return r.At.Segment == 1 }
	checkCompacted(t, l, all, dropped)
	mustClose(t, l)
	l = mustOpen(t, fs, "/", Options{})
	checkCompacted(t, l, all, dropped)
	mustClose(t, l)
}

// TestCompactedAndLast loses all segments behind a compacted one: nothing is
// written to that, and it is not torn.
func TestCompactedAndLast(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	all := mustAppend(t, l, Record{Body: []byte("dropped")}, Record{Flags: Numbered, Body: []byte("one")})
	all = append(all, mustAppend(t, l, Record{Body: []byte("dropped")})...)
	end := l.Mark()
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	compactSealed(t, l, func(r Record) (bool, error) { return string(r.Body) != "dropped", nil })
	mustClose(t, l)
	content := files(t, fs, "/")
	delete(content, SegmentName(2))
	compacted := bytes.Clone(content[SegmentName(1)])
	fs = memory(t, content)
	for life := range 3 {
		l = mustOpen(t, fs, "/", Options{})
		if r := l.Recovery(); r.Torn != 0 {
			t.Fatalf("Recovery is %+v", r)
		}
		if _, size := l.Size(); size != int64(len(compacted))+l.Mark().Offset {
			t.Fatalf("Size is %d, of a file of %d and a segment of %d", size, len(compacted), l.Mark().Offset)
		}
		if life == 0 && l.Mark().Position != (Position{2, headerSize}) {
			t.Fatalf("the ledger goes on at %+v, want a new segment", l.Mark())
		}
		all = append(all, mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, "after", life)})...)
		checkCompacted(t, l, all, func(r Record) bool { return string(r.Body) == "dropped" })
		mustClose(t, l)
	}
	now := files(t, fs, "/")
	if !bytes.Equal(now[SegmentName(1)], compacted) {
		t.Error("the compacted segment was written to")
	}
	h, err := parseHeader(now[SegmentName(2)])
	if err != nil || h.prev != end.Position {
		t.Errorf("the next segment says that the compacted one ends at %+v, want %+v (%v)", h.prev, end.Position, err)
	}
}

// TestCompactRefuses asks for what cannot be done: the folder stays as it was.
func TestCompactRefuses(t *testing.T) {
	s := newSample(t, seeded(t))
	refused := errors.New("refused by the caller")
	canceled, cancel := context.WithCancel(anything)
	cancel()
	hit := s.records[slices.IndexFunc(s.records, func(r Record) bool { return r.At.Segment == 2 && len(r.Body) > 9 })]
	damaged := bytes.Clone(s.content[SegmentName(2)])
	damaged[hit.At.Offset+frameSize] ^= 1
	s.content[SegmentName(2)] = damaged
	head := bytes.Clone(s.content[SegmentName(4)])
	head[33] ^= 1
	s.content[SegmentName(4)] = head
	fs := memory(t, s.content)
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	for what, c := range map[string]struct {
		segment uint32
		ctx     context.Context
		keep    func(Record) (bool, error)
		want    string
	}{
		"current":           {l.Mark().Segment, anything, keepRest, "is written to"},
		"missing":           {99, anything, keepRest, "no such segment"},
		"zero":              {0, anything, keepRest, "no such segment"},
		"numbered":          {1, anything, func(Record) (bool, error) { return false, nil }, "numbered records cannot be dropped"},
		"caller":            {1, anything, func(Record) (bool, error) { return true, refused }, refused.Error()},
		"canceled":          {1, canceled, keepRest, "canceled"},
		"damaged":           {2, anything, keepRest, fmt.Sprintf("bytes %d to", hit.At.Offset)},
		"unknown end":       {3, anything, keepRest, "header of the segment behind is damaged"},
		"header is damaged": {4, anything, keepRest, "header is damaged"},
	} {
		if _, err := l.Compact(c.ctx, c.segment, c.keep); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Compact gives %v, want %q", what, err, c.want)
		}
	}
	if got := files(t, fs, "/"); !sameFiles(got, s.content, 1, 2, 3, 4) {
		t.Error("a file was changed")
	}
	checkNoneUnfinished(t, fs)
	mustClose(t, l)
	if _, err := l.Compact(anything, 2, keepRest); !errors.Is(err, ErrClosed) {
		t.Errorf("Compact after Close: %v", err)
	}
	l = mustOpen(t, fs, "/", Options{ReadOnly: true})
	defer l.Close()
	if _, err := l.Compact(anything, 2, keepRest); err != errReadOnly {
		t.Errorf("Compact of a ledger open for reading: %v", err)
	}
}

// sameFiles reports whether these segments have the same bytes.
func sameFiles(got, want map[string][]byte, segments ...uint32) bool {
	for _, n := range segments {
		if !bytes.Equal(got[SegmentName(n)], want[SegmentName(n)]) {
			return false
		}
	}
	return true
}

// TestCompactEndsEarly cancels a compaction at each record, and closes the
// ledger in one.
func TestCompactEndsEarly(t *testing.T) {
	s := newSample(t, seeded(t))
	fs := memory(t, s.content)
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	inFirst := slices.IndexFunc(s.records, func(r Record) bool { return r.At.Segment == 2 })
	for i, done := 0, false; !done; i++ {
		ctx, cancel := context.WithCancel(anything)
		n := 0
		_, err := l.Compact(ctx, 1, func(r Record) (bool, error) {
			if n++; n > i {
				cancel()
			}
			return true, nil
		})
		cancel()
		if done = n <= i; !done && n < inFirst && !errors.Is(err, context.Canceled) {
			t.Fatalf("Compact canceled at record %d gives %v", i, err)
		}
	}
	closed := make(chan error)
	once := sync.OnceFunc(func() {
		go func() { closed <- l.Close() }()
		<-l.stopped
		select {
		case <-closed:
			t.Error("Close does not wait for the compaction")
		case <-time.After(20 * time.Millisecond):
		}
	})
	_, err := l.Compact(anything, 1, func(r Record) (bool, error) { once(); return keepRest(r) })
	if !errors.Is(err, ErrClosed) {
		t.Errorf("Compact of a ledger that is closed meanwhile: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	checkNoneUnfinished(t, fs)
	if !sameFiles(files(t, fs, "/"), s.content, 1) {
		t.Error("the segment was changed")
	}
}

// TestUnfinishedIsRemoved has a crash leave a new file: Open removes it, unless
// it is to change nothing.
func TestUnfinishedIsRemoved(t *testing.T) {
	s := newSample(t, seeded(t))
	s.content[SegmentName(2)+unfinished] = []byte("half a file")
	s.content["other"+unfinished] = []byte("another's")
	fs := memory(t, s.content)
	for _, readOnly := range []bool{true, false} {
		l := mustOpen(t, fs, "/", Options{ReadOnly: readOnly})
		checkWhole(t, l, s.records)
		mustClose(t, l)
		got := files(t, fs, "/")
		if _, there := got[SegmentName(2)+unfinished]; there != readOnly {
			t.Errorf("read-only %t: the unfinished file is there: %t", readOnly, there)
		}
		if _, there := got["other"+unfinished]; !there {
			t.Error("another's file is removed")
		}
	}
}

// TestLargeTable drops every second of many small records.
func TestLargeTable(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, nil, dir, Options{})
	group := make([]Record, size(100_000, 2_000_000))
	for i := range group {
		group[i] = Record{Type: uint8(i % 2), Body: []byte{byte(i), byte(i >> 8), byte(i >> 16)}}
	}
	mustAppend(t, l, group...)
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	report, err := l.Compact(anything, 1, func(r Record) (bool, error) { return r.Type == 0, nil })
	if err != nil || report.Kept != len(group)/2 || report.Dropped != len(group)/2 {
		t.Fatalf("Compact: %+v, %v", report, err)
	}
	for range 2 {
		checkCompacted(t, l, group, func(r Record) bool { return r.Type == 1 })
		mustClose(t, l)
		l = mustOpen(t, nil, dir, Options{})
	}
	mustClose(t, l)
}

func TestRotate(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	var all []Record
	for i := range 5 {
		for range 2 { // the second time there is nothing to end
			if err := l.Rotate(anything); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, i)})...)
		if got := all[i].At; got.Segment != uint32(i+1) {
			t.Errorf("record %d stands at %+v, want a segment of its own", i, got)
		}
	}
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, l, all)
	mark := l.Mark()
	mustClose(t, l)
	if err := l.Rotate(anything); err != ErrClosed {
		t.Errorf("Rotate after Close: %v", err)
	}
	l = mustOpen(t, fs, "/", Options{})
	defer l.Close()
	checkWhole(t, l, all)
	if l.Mark() != mark {
		t.Errorf("the mark is %+v after reopening, was %+v", l.Mark(), mark)
	}
}

// TestCompactWhileInUse compacts under appends, reads and scans.
func TestCompactWhileInUse(t *testing.T) {
	for range size(4, 200) {
		rng := seeded(t)
		fs := vfs.NewMem()
		var o load
		l := mustOpen(t, fs, "/", Options{SegmentSize: 20 << 10, Apply: o.apply})
		o.run(t, l, rng, 3, 60)
		var wg sync.WaitGroup
		reader := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for ended := false; !ended; {
				select {
				case <-o.ended:
					ended = true
				default:
				}
				if acked := o.acknowledged(); len(acked) > 0 {
					checkMaybeDropped(t, l, acked[reader.IntN(len(acked))])
				}
			}
		})
		wg.Go(func() {
			for ended := false; !ended; {
				select {
				case <-o.ended:
					ended = true
				default:
				}
				if _, damage := scanAll(t, l); len(damage) > 0 {
					t.Errorf("Scan reports %v", &damage[0])
				}
			}
		})
		for _, bit := range []uint32{2, 4, 8, 16} {
			for range 2 { // two at once
				wg.Go(func() {
					if err := l.Rotate(anything); err != nil {
						t.Errorf("Rotate: %v", err)
					}
					compactSealed(t, l, sparing(bit))
				})
			}
			time.Sleep(5 * time.Millisecond)
		}
		wg.Wait()
		if err := l.Rotate(anything); err != nil {
			t.Fatal(err)
		}
		compactSealed(t, l, keepRest)
		all := slices.Concat(o.acknowledged()...)
		slices.SortFunc(all, func(a, b Record) int {
			return cmp.Or(cmp.Compare(a.At.Segment, b.At.Segment), cmp.Compare(a.At.Offset, b.At.Offset))
		})
		checkCompacted(t, l, all, droppable)
		mustClose(t, l)
	}
}

// checkMaybeDropped fails unless the records are there, but for those that may
// have been dropped.
func checkMaybeDropped(t testing.TB, l *Ledger, records []Record) {
	t.Helper()
	for _, r := range records {
		got, err := l.Read(r.At)
		if err == nil && same(got, r) || errors.Is(err, ErrDropped) && droppable(r) {
			continue
		}
		t.Errorf("Read of %s gives %s, %v", describe(r), describe(got), err)
	}
}

// TestFormatOfCompactedSegment compares a compacted segment, byte by byte, with
// what this version of the format has always been.
func TestFormatOfCompactedSegment(t *testing.T) {
	fs := memory(t, map[string][]byte{identityFile: []byte(known.text())})
	l := mustOpen(t, fs, "/", Options{})
	for i := range 4 {
		mustAppend(t, l, Record{Type: 1, Body: fmt.Append(nil, "content ", i)}, Record{Type: 2, Flags: Numbered, Body: fmt.Append(nil, "entry ", i)})
	}
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	compactSealed(t, l, func(r Record) (bool, error) {
		return string(r.Body) != "content 1" && string(r.Body) != "content 2", nil
	})
	mustClose(t, l)
	got := hex.Dump(files(t, fs, "/")[SegmentName(1)])
	const golden = "testdata/compacted.hex"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the file is\n%swant\n%s", got, want)
	}
}
