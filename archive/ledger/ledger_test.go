package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestRoundTripAndReopen(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			dir := "/"
			if name == "disk" {
				dir = t.TempDir()
			}
			rng := seeded(t)
			var live applied
			l := mustOpen(t, fs, dir, Options{SegmentSize: 20 << 10, Apply: live.apply})
			var want []Record
			for i := range 60 {
				if i%20 == 19 { // a clean end
					mark := l.Mark()
					mustClose(t, l)
					l = mustOpen(t, fs, dir, Options{SegmentSize: 20 << 10, Apply: live.apply, From: live.last()})
					if l.Mark() != mark {
						t.Fatalf("after a clean end the mark is %+v, was %+v", l.Mark(), mark)
					}
					if r := l.Recovery(); r.Replayed != 0 || r.Torn != 0 {
						t.Fatalf("after a clean end Recovery is %+v", r)
					}
				}
				want = append(want, mustAppend(t, l, randomRecords(rng, fmt.Sprint(i), 3000)...)...)
			}
			checkPlaces(t, want)
			checkWhole(t, l, want)
			segments, size := l.Size()
			if segments < 3 {
				t.Errorf("%d segments, rotation at 20 KiB should have given more", segments)
			}
			mustClose(t, l)

			var rebuilt applied
			l = mustOpen(t, fs, dir, Options{SegmentSize: 20 << 10, Apply: rebuilt.apply})
			defer l.Close()
			if !reflect.DeepEqual(rebuilt.groups, live.groups) || !reflect.DeepEqual(rebuilt.marks, live.marks) {
				t.Errorf("a rebuild applies other groups than the live ledger:\n%q\n%q", rebuilt.groups, live.groups)
			}
			if n, b := l.Size(); n != segments || b != size {
				t.Errorf("Size is %d segments, %d bytes after reopening, was %d, %d", n, b, segments, size)
			}
			checkWhole(t, l, want)
		})
	}
}

// checkPlaces fails unless sequence numbers and places are as promised.
func checkPlaces(t *testing.T, records []Record) {
	t.Helper()
	seq, end := uint64(1), Position{1, headerSize}
	for _, r := range records {
		if r.At.Segment > end.Segment { // those between were left empty by a fault
			end = Position{r.At.Segment, headerSize}
		}
		if r.Seq != seq || r.At.Segment != end.Segment || r.At.Offset != end.Offset {
			t.Fatalf("record is %s, want seq %d at %+v", describe(r), seq, end)
		}
		if r.Flags&Numbered != 0 {
			seq++
		}
		end = r.At.End()
	}
}

func TestReplayFromEveryMark(t *testing.T) {
	rng := seeded(t)
	fs := vfs.NewMem()
	var live applied
	l := mustOpen(t, fs, "/", Options{SegmentSize: 8 << 10, Apply: live.apply})
	for i := range 40 {
		mustAppend(t, l, randomRecords(rng, fmt.Sprint(i), 1500)...)
	}
	mustClose(t, l)
	for i, mark := range live.marks {
		var replayed applied
		l := mustOpen(t, fs, "/", Options{SegmentSize: 8 << 10, Apply: replayed.apply, From: mark})
		want := live.groups[i+1:]
		if len(want) != len(replayed.groups) || len(want) > 0 && !reflect.DeepEqual(replayed.groups, want) {
			t.Fatalf("from %+v %d groups are applied, want %d", mark, len(replayed.groups), len(want))
		}
		if l.Mark() != live.last() {
			t.Fatalf("mark is %+v, want %+v", l.Mark(), live.last())
		}
		mustClose(t, l)
	}
}

func TestUncleanEndBeginsSegment(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	want := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("one")}, Record{Flags: Numbered, Body: []byte("two")})
	mustClose(t, l)
	content := files(t, fs, "/")
	content[SegmentName(1)] = append(content[SegmentName(1)], "half a record"...)
	torn := memory(t, content)
	for range 2 { // the second time the torn tail is sealed
		l = mustOpen(t, torn, "/", Options{})
		want = append(want, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("three")})...)
		if r := want[len(want)-1]; r.At.Segment != 2 || r.Seq != uint64(len(want)) {
			t.Fatalf("after a torn tail the next record is %s, want it in segment 2, number %d", describe(r), len(want))
		}
		checkWhole(t, l, want)
		mustClose(t, l)
	}
	if got := files(t, torn, "/")[SegmentName(1)]; !bytes.Equal(got, content[SegmentName(1)]) {
		t.Error("the segment with the torn tail was changed")
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	want := mustAppend(t, l, Record{Body: []byte("one")})
	mark := l.Mark()
	mustClose(t, l)
	for name, tail := range map[string]string{"clean": "", "torn": "half a record"} {
		content := withoutRoom(files(t, fs, "/"), mark)
		content[SegmentName(1)] = append(content[SegmentName(1)], tail...)
		mem := newFaultFS(memory(t, content))
		mem.setPlan(func(op string, _ int) (effect, error) {
			switch op {
			case "open", "list", "read", "stat":
				return works, nil
			}
			t.Errorf("%s: a read-only ledger does: %s", name, op)
			return refused, errors.New("not allowed")
		})
		var a applied
		l := mustOpen(t, mem, "/", Options{ReadOnly: true, Apply: a.apply})
		checkWhole(t, l, want)
		if err := l.Append(anything, []Record{{}}); err == nil {
			t.Errorf("%s: Append to a read-only ledger gives no error", name)
		}
		if len(a.groups) != 1 || l.Recovery().Torn != int64(len(tail)) {
			t.Errorf("%s: applied %d groups, %d bytes torn", name, len(a.groups), l.Recovery().Torn)
		}
		mustClose(t, l)
	}
}

func TestEmptyLedger(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{ReadOnly: true})
	checkWhole(t, l, nil)
	if n, b := l.Size(); n != 0 || b != 0 {
		t.Errorf("Size of nothing is %d, %d", n, b)
	}
	mustClose(t, l)
	if got := files(t, fs, "/"); len(got) != 0 {
		t.Errorf("a read-only Open made %d files", len(got))
	}
	for range 3 {
		l = mustOpen(t, fs, "/", Options{})
		checkWhole(t, l, nil)
		if n, b := l.Size(); n != 1 || b != headerSize {
			t.Errorf("Size of an empty ledger is %d, %d", n, b)
		}
		if err := l.Append(anything, nil); err != nil {
			t.Errorf("Append of no records: %v", err)
		}
		mustClose(t, l)
	}
}

func TestEmptyAppendDoesNotOpenAGroup(t *testing.T) {
	fs := newFaultFS(vfs.NewMem())
	l := mustOpen(t, fs, "/", Options{})
	hold := make(chan struct{})
	fs.setPlan(func(op string, n int) (effect, error) { <-hold; return works, nil })
	var wg sync.WaitGroup
	for i := range 20 { // those behind the first are written as one group
		wg.Go(func() {
			var records []Record
			if i%2 == 0 {
				records = []Record{{Flags: Numbered, Body: []byte("x")}}
			}
			if err := l.Append(anything, records); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Millisecond)
	}
	close(hold)
	wg.Wait()
	mustClose(t, l)
	var a applied
	l = mustOpen(t, fs, "/", Options{Apply: a.apply})
	defer l.Close()
	if r := l.Recovery(); r.Replayed != 10 || r.Torn != 0 {
		t.Errorf("10 records were acknowledged, after reopening %+v", r)
	}
}

func TestClosedLedger(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), "/", Options{})
	r := mustAppend(t, l, Record{Body: []byte("x")})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := l.Append(anything, []Record{{}}); err != ErrClosed {
		t.Errorf("Append after Close: %v", err)
	}
	if _, err := l.Read(r[0].At); err != ErrClosed {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestLimits(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), "/", Options{})
	defer l.Close()
	if err := l.Append(anything, []Record{{Body: make([]byte, MaxBody+1)}}); err == nil {
		t.Error("a body over MaxBody is taken")
	}
	canceled, cancel := context.WithCancel(anything)
	cancel()
	if err := l.Append(canceled, []Record{{}}); err != nil && err != context.Canceled {
		t.Errorf("Append with a canceled context: %v", err)
	}
	for _, at := range []Location{
		{}, {Segment: 1}, {Segment: 1, Offset: -5}, {Segment: 1, Offset: 64, Length: 1 << 31},
		{Segment: 1, Offset: 1 << 40}, {Segment: 9, Offset: 64}, {Segment: 1, Offset: 64, Length: 9},
	} {
		var d *Damage
		if _, err := l.Read(at); !errors.As(err, &d) {
			t.Errorf("Read at %+v gives %v, want damage", at, err)
		}
	}
}

// TestLargeGroup has groups that take several writes, and bodies that take
// several windows.
func TestLargeGroup(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, nil, dir, Options{})
	var group []Record
	for i := range 5 {
		group = append(group, Record{Flags: Numbered, Body: bytes.Repeat([]byte{byte(i), magic0, magic1}, 1<<20)})
	}
	group = append(group, Record{Body: make([]byte, MaxBody)}, Record{})
	want := mustAppend(t, l, group...)
	want = append(want, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("behind")})...)
	checkWhole(t, l, want)
	mustClose(t, l)
	var a applied
	l = mustOpen(t, nil, dir, Options{Apply: a.apply})
	defer l.Close()
	if len(a.groups) != 2 || len(a.groups[0]) != len(group) {
		t.Errorf("groups applied after reopening: %q", a.groups)
	}
	checkWhole(t, l, want)
}

func TestApplyErrorStopsLedger(t *testing.T) {
	fs := vfs.NewMem()
	refuse := errors.New("no room in the catalog")
	var a applied
	l := mustOpen(t, fs, "/", Options{Apply: func(r []Record, m Mark) error {
		if string(r[0].Body) == "bad" {
			return refuse
		}
		return a.apply(r, m)
	}})
	mustAppend(t, l, Record{Body: []byte("good")})
	for range 2 {
		if err := l.Append(anything, []Record{{Body: []byte("bad")}}); !errors.Is(err, refuse) {
			t.Errorf("Append: %v, want the error of Apply", err)
		}
	}
	if l.Mark() != a.last() {
		t.Error("the mark is not where Apply ended")
	}
	mustClose(t, l)
	_, err := Open(anything, "/", Options{FS: fs, Apply: func([]Record, Mark) error { return refuse }})
	if !errors.Is(err, refuse) {
		t.Errorf("Open: %v, want the error of Apply", err)
	}
	var again applied
	l = mustOpen(t, fs, "/", Options{Apply: again.apply, From: a.last()})
	defer l.Close()
	if len(again.groups) != 1 {
		t.Errorf("%d groups replayed, want the one that was synced and not applied", len(again.groups))
	}
}

func TestGroupCommit(t *testing.T) {
	for _, name := range []string{"memory", "disk"} {
		t.Run(name, func(t *testing.T) {
			fs, dir := newFaultFS(vfs.NewMem()), "/"
			if name == "disk" {
				fs, dir = newFaultFS(vfs.Default), t.TempDir()
			}
			fs.setPlan(func(op string, _ int) (effect, error) {
				if op == "sync data" {
					time.Sleep(time.Millisecond) // memory is too fast for a group to gather
				}
				return works, nil
			})
			var a applied
			l := mustOpen(t, fs, dir, Options{SegmentSize: 256 << 10, Apply: a.apply})
			const writers, each = 32, 20
			records := make([][]Record, writers)
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						body := []byte(strings.Repeat(fmt.Sprintf("writer %d record %d ", w, i), 60))
						r := []Record{{Flags: Numbered, Body: body}, {Type: 2, Body: body[:9], Note: w}}
						if err := l.Append(anything, r); err != nil {
							t.Error(err)
						}
						if r[0].At.End() != (Position{r[1].At.Segment, r[1].At.Offset}) {
							t.Error("the records of one Append do not stand together")
						}
						if got, err := l.Read(r[0].At); err != nil || !same(got, r[0]) {
							t.Errorf("Read of an acknowledged record: %v", err)
						}
						records[w] = append(records[w], r...)
					}
				})
			}
			wg.Wait()
			syncs := fs.counted("sync data")
			t.Logf("%d appends with %d syncs", writers*each, syncs)
			if syncs*2 > writers*each {
				t.Errorf("%d syncs for %d appends of %d writers", syncs, writers*each, writers)
			}
			for _, r := range records {
				checkRead(t, l, r)
			}
			got, damage := scanAll(t, l)
			if len(got) != writers*each*2 || len(damage) > 0 {
				t.Errorf("Scan visits %d records, reports %v", len(got), damage)
			}
			checkPlaces(t, got)
			mustClose(t, l)
			var rebuilt applied
			l = mustOpen(t, fs, dir, Options{Apply: rebuilt.apply})
			defer l.Close()
			if !reflect.DeepEqual(rebuilt.groups, a.groups) {
				t.Error("a rebuild applies other groups than the live ledger")
			}
		})
	}
}

// TestEverythingAtOnce appends, reads, scans and closes concurrently: nothing
// hangs, and no call takes another's end for damage.
func TestEverythingAtOnce(t *testing.T) {
	for range size(10, 300) {
		l := mustOpen(t, vfs.NewMem(), "/", Options{SegmentSize: 2000})
		first := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("first")})[0]
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					r := []Record{{Flags: Numbered, Body: bytes.Repeat([]byte{byte(w)}, i%500)}}
					if err := l.Append(anything, r); err == ErrClosed {
						return
					} else if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			for {
				got, err := l.Read(first.At)
				if err == ErrClosed {
					return
				}
				if err != nil || !same(got, first) {
					t.Errorf("Read: %v", err)
					return
				}
			}
		})
		wg.Go(func() {
			for l.Append(anything, nil) == nil {
				if _, damage := scanAll(t, l); len(damage) > 0 {
					t.Errorf("Scan of a live ledger: %v", &damage[0])
				}
				if _, err := l.Read(first.At); err == ErrClosed {
					return
				}
			}
		})
		time.Sleep(5 * time.Millisecond)
		mustClose(t, l)
		wg.Wait()
	}
}

func TestManySegmentsAreReadWithFewFiles(t *testing.T) {
	l := mustOpen(t, vfs.NewMem(), "/", Options{SegmentSize: 1})
	defer l.Close()
	var want []Record
	for i := range 3 * maxReaders {
		want = append(want, mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, i)})...)
	}
	checkWhole(t, l, want)
	if n := len(l.files.open); n > maxReaders {
		t.Errorf("%d segments are kept open, at most %d should be", n, maxReaders)
	}
}

func TestForeignSegmentIsRefused(t *testing.T) {
	content := map[string][]byte{}
	for i := range 2 {
		fs := vfs.NewMem()
		l := mustOpen(t, fs, "/", Options{SegmentSize: 1})
		mustAppend(t, l, Record{})
		mustAppend(t, l, Record{})
		mustClose(t, l)
		content[SegmentName(uint32(i+1))] = files(t, fs, "/")[SegmentName(uint32(i+1))]
	}
	if _, err := Open(anything, "/", Options{FS: memory(t, content)}); err == nil || !strings.Contains(err.Error(), "another archive") {
		t.Errorf("Open with a segment of another archive: %v", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	b := header{number: 1, firstSeq: 1, group: 1}.bytes()
	b[11] = 3
	b = append(b[:60], 0, 0, 0, 0)
	sum := crc(0, b[:60])
	b[60], b[61], b[62], b[63] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	fs := memory(t, map[string][]byte{SegmentName(1): b})
	if _, err := Open(anything, "/", Options{FS: fs}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("Open of a newer format: %v", err)
	}
}
