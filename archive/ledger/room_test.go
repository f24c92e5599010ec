package ledger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// small is a ledger on the disk with small groups, for which room was made.
func small(t *testing.T, dir string, groups int, rule roomRule) (l *Ledger, records []Record) {
	t.Helper()
	l = mustOpen(t, vfs.Default, dir, Options{room: rule})
	for n := range groups {
		records = append(records, mustAppend(t, l, Record{Type: 'a', Flags: Numbered, Body: fmt.Appendf(nil, "small group %d", n)})...)
	}
	return l, records
}

func lengthOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// Room is made behind small groups, not behind the first ones of them, and is cut off
// at Close and where a segment ends.
func TestRoomIsMadeAndCutOff(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, SegmentName(1))
	rule := usualRoom(vfs.Default)
	l, records := small(t, dir, rule.after-1, rule)
	if got, want := lengthOf(t, path), l.Mark().Offset; got != want {
		t.Errorf("after %d small groups the file is of %d bytes, want %d", rule.after-1, got, want)
	}
	records = append(records, mustAppend(t, l, Record{Type: 'a', Flags: Numbered, Body: []byte("one more")})...)
	full := l.Mark().Offset + rule.size
	for range 3 {
		if got := lengthOf(t, path); got != full {
			t.Errorf("after %d small groups the file is of %d bytes, want %d", len(records), got, full)
		}
		records = append(records, mustAppend(t, l, Record{Type: 'a', Flags: Numbered, Body: []byte("one more")})...)
	}
	if err := l.Rotate(anything); err != nil {
		t.Fatal(err)
	}
	if got, want := lengthOf(t, path), records[len(records)-1].At.End().Offset; got != want {
		t.Errorf("the file of a segment that has ended is of %d bytes, want %d", got, want)
	}
	large := mustAppend(t, l, Record{Type: 'a', Flags: Numbered, Body: bytes.Repeat([]byte("large"), int(rule.small))})
	if got, want := lengthOf(t, filepath.Join(dir, SegmentName(2))), l.Mark().Offset; got != want {
		t.Errorf("after a large group the file is of %d bytes, want %d", got, want)
	}
	checkWhole(t, l, append(records, large...))
	mustClose(t, l)
	if got, want := lengthOf(t, filepath.Join(dir, SegmentName(2))), large[0].At.End().Offset; got != want {
		t.Errorf("after Close the file is of %d bytes, want %d", got, want)
	}
}

// After a kill the segment goes on where its room begins. What is written into the room
// without being acknowledged is a torn tail.
func TestRoomAfterAKill(t *testing.T) {
	rule := roomRule{size: 8 << 10, small: 1 << 10, after: 1}
	dir := t.TempDir()
	l, records := small(t, dir, 20, rule)
	defer l.Close()
	end := l.Mark()
	for name, c := range map[string]struct {
		at   int64 // behind the last record; -1: nothing is written
		torn bool
	}{
		"room alone":           {-1, false},
		"torn where it begins": {0, true},
		"torn far behind":      {7000, true},
	} {
		content := files(t, vfs.Default, dir)
		segment := content[SegmentName(1)]
		if c.at >= 0 {
			segment[end.Offset+c.at] = 1
		}
		fs := memory(t, content)
		again := mustOpen(t, fs, "/", Options{})
		if d := again.Recovery().Damage; len(d) > 0 {
			t.Errorf("%s: %v", name, &d[0])
		}
		torn := again.Recovery().Torn
		if c.torn != (torn == int64(len(segment))-end.Offset) || !c.torn && torn != 0 {
			t.Errorf("%s: %d bytes are torn", name, torn)
		}
		more := mustAppend(t, again, Record{Type: 'a', Flags: Numbered, Body: []byte("after the kill")})
		if goesOn := more[0].At == (Location{Segment: 1, Offset: end.Offset, Length: more[0].At.Length}); goesOn == c.torn {
			t.Errorf("%s: the next record stands at %+v", name, more[0].At)
		}
		checkWhole(t, again, append(records[:len(records):len(records)], more...))
		mustClose(t, again)
		again = mustOpen(t, fs, "/", Options{})
		checkWhole(t, again, append(records[:len(records):len(records)], more...))
		mustClose(t, again)
	}
}

// A disk that has no room for zeros has room for mail.
func TestNoRoomForRoom(t *testing.T) {
	fs := newFaultFS(vfs.NewMem())
	l := mustOpen(t, fs, "/", Options{})
	written, refusals := false, 0
	fs.setPlan(func(op string, _ int) (effect, error) {
		if op != "write" {
			written = false
			return works, nil
		}
		if written { // the group: what comes behind it is zeros
			refusals++
			return partial, syscall.ENOSPC
		}
		written = true
		return works, nil
	})
	var records []Record
	for range 10 {
		records = append(records, mustAppend(t, l, Record{Type: 'a', Flags: Numbered, Body: []byte("mail")})...)
	}
	if refusals != len(records) {
		t.Errorf("zeros were refused %d times for %d records", refusals, len(records))
	}
	checkWhole(t, l, records)
	mustClose(t, l)
}

// The room that a killed process has left is used, and cut off at Close.
func TestRoomOfBefore(t *testing.T) {
	rule := roomRule{size: 8 << 10, small: 1 << 10, after: 1}
	from, to := t.TempDir(), t.TempDir()
	l, records := small(t, from, 20, rule)
	defer l.Close()
	for name, b := range files(t, vfs.Default, from) {
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(to, SegmentName(1))
	before := lengthOf(t, path)
	again := mustOpen(t, vfs.Default, to, Options{room: rule})
	records = append(records, mustAppend(t, again, Record{Type: 'a', Flags: Numbered, Body: []byte("after the kill")})...)
	if got := lengthOf(t, path); got != before || again.Mark().Segment != 1 {
		t.Errorf("the file of %d bytes has %d, and the next record stands in segment %d", before, got, again.Mark().Segment)
	}
	checkWhole(t, again, records)
	mustClose(t, again)
	if got, want := lengthOf(t, path), records[len(records)-1].At.End().Offset; got != want {
		t.Errorf("after Close the file is of %d bytes, want %d", got, want)
	}
}
