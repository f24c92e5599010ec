package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sample is a ledger that was closed cleanly, as its files, and what is in it.
type sample struct {
	content map[string][]byte
	names   []string
	records []Record
	mark    Mark
	groups  []Mark // behind each group
}

const sampleSegments = 16 << 10 // bytes

func newSample(t *testing.T, rng *rand.Rand) *sample {
	fs := vfs.NewMem()
	var a applied
	s := &sample{}
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, Apply: a.apply})
	for i := 0; l.Mark().Segment < 6 || l.Mark().Offset < sampleSegments/2; i++ {
		s.records = append(s.records, mustAppend(t, l, randomRecords(rng, fmt.Sprint("sample-", i), 2500)...)...)
	}
	s.mark, s.groups = l.Mark(), a.marks
	mustClose(t, l)
	s.content = withoutRoom(files(t, fs, "/"), s.mark)
	s.names = slices.DeleteFunc(slices.Sorted(maps.Keys(s.content)), func(name string) bool {
		return strings.HasSuffix(name, sidecarSuffix) // no part of what is read
	})
	return s
}

// mutation is a change to one file: the bytes from a to b are not what they were.
type mutation struct {
	what    string
	name    string
	segment uint32 // 0 for the identity
	a, b    int64
	data    []byte // of the file, nil when it was removed
	cut     bool
	endless bool // nothing that is left tells how long the file was
}

func (m mutation) String() string {
	return fmt.Sprintf("%s: %s, bytes %d to %d", m.name, m.what, m.a, m.b)
}

// mutate makes a random change that does change something.
func (s *sample) mutate(rng *rand.Rand) mutation {
	for {
		name := s.names[rng.IntN(len(s.names))]
		old := s.content[name]
		m := mutation{name: name, data: bytes.Clone(old), b: int64(len(old))}
		fmt.Sscanf(name, "%d.seg", &m.segment)
		at := rng.IntN(len(old))
		switch rng.IntN(10) {
		case 0:
			m.what, m.data = "removed", nil
		case 1, 2:
			if rng.IntN(2) == 0 { // between two records
				for _, r := range s.records {
					if r.At.Segment == m.segment && (r.At.Offset >= int64(at) || rng.IntN(20) == 0) {
						at = min(int(r.At.Offset), len(old)-1) // less in a compacted file
						break
					}
				}
			}
			m.what, m.data, m.a, m.cut = "cut short", old[:at], int64(at), true
		case 3, 4, 5:
			at &^= 4095
			m.what = "4 KiB of zeros"
			clear(m.data[at:min(at+4096, len(old))])
		case 6:
			m.what = "a bit of the first 64 bytes flipped"
			at %= headerSize
			m.data[at] ^= 1 << rng.IntN(8)
		default:
			m.what = "a bit flipped"
			m.data[at] ^= 1 << rng.IntN(8)
		}
		if m.data == nil || m.cut {
			return m
		}
		if bytes.Equal(m.data, old) {
			continue
		}
		for m.a = 0; m.data[m.a] == old[m.a]; m.a++ {
		}
		for m.data[m.b-1] == old[m.b-1] {
			m.b--
		}
		return m
	}
}

// apply gives the files after the change.
func (m mutation) apply(s *sample) map[string][]byte {
	content := maps.Clone(s.content)
	if content[m.name] = m.data; m.data == nil {
		delete(content, m.name)
	}
	return content
}

// touches reports whether the record has bytes that were changed.
func (m mutation) touches(r Record) bool {
	return r.At.Segment == m.segment && r.At.Offset < m.b && r.At.End().Offset > m.a
}

// named reports whether the damage names the segment and covers every byte that
// was changed. Of a file that is endless it has to cover the header.
func (m mutation) named(damage []Damage) bool {
	at, end := m.a, m.b
	if m.endless {
		end = headerSize
	}
	damage = slices.Clone(damage)
	slices.SortFunc(damage, func(x, y Damage) int { return int(x.Offset - y.Offset) })
	for _, d := range damage {
		if d.Segment != m.segment {
			continue
		}
		if m.segment == 0 {
			return strings.Contains(d.Reason, identityFile)
		}
		if d.Offset <= at {
			at = max(at, d.Offset+d.Length)
		}
	}
	return at >= end && m.segment > 0
}

// checkDamaged fails unless the change is named, and what it did not touch is
// there and nothing else.
func (m mutation) checkDamaged(t *testing.T, l *Ledger, all []Record) {
	t.Helper()
	visited, damage := scanAll(t, l)
	if damage = append(damage, l.Recovery().Damage...); !m.named(damage) {
		t.Fatalf("%s: not named by %+v", m, damage)
	}
	var want []Record
	for _, r := range all {
		if !m.touches(r) {
			want = append(want, r)
			continue
		}
		var d *Damage
		if _, err := l.Read(r.At); !errors.As(err, &d) || d.Segment != m.segment {
			t.Fatalf("%s: Read of a record that was hit gives %v", m, err)
		}
		if r.Flags&Numbered != 0 && !m.endless && !slices.ContainsFunc(damage, func(d Damage) bool {
			return d.FirstSeq <= r.Seq && r.Seq <= d.LastSeq
		}) {
			t.Fatalf("%s: number %d is not named as lost by %+v", m, r.Seq, damage)
		}
	}
	checkRead(t, l, want)
	if got, want := descriptions(visited), descriptions(want); !slices.Equal(got, want) {
		t.Fatalf("%s: Scan visits %d records, %d were not touched:\n%q\n%q", m, len(got), len(want), got, want)
	}
}

// TestDamageIsFoundAndNamed changes a closed ledger whose mark is known.
func TestDamageIsFoundAndNamed(t *testing.T) {
	rng := seeded(t)
	s := newSample(t, rng)
	kinds := map[string]int{}
	for range size(1000, 10000) {
		m := s.mutate(rng)
		kinds[m.what]++
		fs := memory(t, m.apply(s))
		all, mark := s.records, s.mark
		for life := range 2 {
			l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: mark})
			m.checkDamaged(t, l, all)
			after := mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, "after", life)})
			if after[0].Seq != mark.Seq {
				t.Fatalf("%s: number %d is given, want %d", m, after[0].Seq, mark.Seq)
			}
			all = append(slices.Clone(all), after...)
			mark = l.Mark()
			mustClose(t, l)
		}
	}
	t.Logf("%d records in %d files; %v", len(s.records), len(s.names), kinds)
}

// unseen tells what cannot be seen when the mark is lost too: that the last
// segment is gone, and a loss in it behind which no record of a later group is
// whole. That looks like a write that never ended, behind the group that ends at
// end.
func (s *sample) unseen(m mutation) (unseen bool, end Position) {
	last := s.mark.Segment
	switch {
	case m.segment != last:
		return false, end
	case m.data == nil:
		return true, end
	case m.a < headerSize:
		return false, end
	}
	end = Position{last, headerSize}
	for _, g := range s.groups {
		if g.Segment == last && g.Offset <= m.a {
			end = g.Position
		}
	}
	hit := s.groupAt(m.a)
	return !slices.ContainsFunc(s.records, func(r Record) bool {
		return r.At.Segment == last && r.At.Offset >= m.b && s.groupAt(r.At.Offset) > hit
	}), end
}

// groupAt is the index of the group that covers this byte of the last segment.
func (s *sample) groupAt(offset int64) int {
	return slices.IndexFunc(s.groups, func(g Mark) bool {
		return g.Segment == s.mark.Segment && g.Offset > offset
	})
}

// TestDamageWithoutMark changes a closed ledger whose mark is lost. Then, and
// only then, a loss at the very end of the last segment is not seen as one, and of
// a last segment that is cut within its header only the header is named.
func TestDamageWithoutMark(t *testing.T) {
	rng := seeded(t)
	s := newSample(t, rng)
	hidden := map[string]int{}
	for range size(500, 10000) {
		m := s.mutate(rng)
		m.endless = m.cut && m.segment == s.mark.Segment && m.a < headerSize
		var a applied
		l := mustOpen(t, memory(t, m.apply(s)), "/", Options{SegmentSize: sampleSegments, Apply: a.apply})
		unseen, end := s.unseen(m)
		r := l.Recovery()
		if !unseen {
			if !m.named(r.Damage) {
				t.Fatalf("%s: not named by %+v", m, r.Damage)
			}
			m.checkDamaged(t, l, s.records)
			mustClose(t, l)
			continue
		}
		hidden[m.what]++
		if len(r.Damage) > 0 {
			t.Fatalf("%s: reported as %v, but it looks like a torn tail", m, &r.Damage[0])
		}
		if torn := int64(len(m.data)) - end.Offset; m.data != nil && (r.Torn != torn || torn > 0 && r.TornAt != end) {
			t.Fatalf("%s: %d bytes torn at %+v, want %d at %+v", m, r.Torn, r.TornAt, torn, end)
		}
		for _, g := range a.groups {
			if len(g) == 0 {
				t.Fatalf("%s: an empty group is applied", m)
			}
		}
		var want []Record
		for _, r := range s.records {
			if r.At.Segment < s.mark.Segment || m.data != nil && !end.Before(r.At.End()) {
				want = append(want, r)
			}
		}
		checkWhole(t, l, want)
		mustClose(t, l)
	}
	t.Logf("looking like a torn tail or like nothing: %v", hidden)
}

// TestUnreadableBlocks has the disk refuse 4 KiB somewhere: Scan names it and
// visits all else.
func TestUnreadableBlocks(t *testing.T) {
	rng := seeded(t)
	s := newSample(t, rng)
	for range size(100, 2000) {
		r := s.records[rng.IntN(len(s.records))]
		bad := &badBlock{FS: memory(t, s.content), name: SegmentName(r.At.Segment), a: r.At.Offset &^ 4095}
		m := mutation{what: "unreadable", name: bad.name, segment: r.At.Segment, a: bad.a, b: bad.a + 4096}
		m.b = min(m.b, int64(len(s.content[m.name])))
		if slices.ContainsFunc(s.records, func(r Record) bool { return m.touches(r) && s.zeros(r, m) }) {
			continue // an unreadable zero is read as zero, and its CRC proves it
		}
		l := mustOpen(t, memory(t, s.content), "/", Options{SegmentSize: sampleSegments, From: s.mark})
		l.fs, l.files.fs = bad, bad
		m.checkDamaged(t, l, s.records)
		mustClose(t, l)
	}
}

// zeros reports whether all the record's bytes that were hit are zeros.
func (s *sample) zeros(r Record, m mutation) bool {
	hit := s.content[m.name][max(r.At.Offset, m.a):min(r.At.End().Offset, m.b)]
	return len(bytes.Trim(hit, "\x00")) == 0
}

// badBlock is a file system with 4 KiB of a file unreadable.
type badBlock struct {
	vfs.FS
	name string
	a    int64
}

func (b *badBlock) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := b.FS.Open(name, o...)
	if err == nil && strings.HasSuffix(name, b.name) {
		return badFile{f, b.a}, nil
	}
	return f, err
}

type badFile struct {
	vfs.File
	a int64
}

func (f badFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.File.ReadAt(p, offset)
	if offset < f.a+4096 && offset+int64(len(p)) > f.a {
		return 0, syscall.EIO // what p holds now is not to be trusted
	}
	return n, err
}

// TestBodiesAreNeverTakenForRecords puts copies of the archive's own segments,
// and frames with plausible headers, into bodies, and damages the records that
// hold them, so that the search for the next record goes through them.
func TestBodiesAreNeverTakenForRecords(t *testing.T) {
	rng := seeded(t)
	for range size(20, 500) {
		s := newSample(t, rng)
		fs := memory(t, s.content)
		l := mustOpen(t, fs, "/", Options{SegmentSize: 1 << 20, From: s.mark})
		all := s.records
		for range 8 {
			body := bytes.Clone(s.content[SegmentName(1+uint32(rng.IntN(6)))])
			switch rng.IntN(3) {
			case 0: // at a place like its own
				body = append(make([]byte, 4096-frameSize), body...)
			case 1: // frames for this segment, but other places in it
				body = nil
				for i := range 50 {
					f := frame{flags: Numbered | flagLast, seq: l.Mark().Seq, group: l.Mark().Group + 1}
					body = f.appendTo(body, l.id, l.Mark().Segment, l.Mark().Offset+int64(i))
				}
			}
			all = append(all, mustAppend(t, l, Record{Flags: Numbered, Body: body}, Record{Body: []byte("last of its group")})...)
		}
		mark := l.Mark()
		mustClose(t, l)
		content := files(t, fs, "/")
		hit := all[len(s.records)+2*rng.IntN(7)]
		data := content[SegmentName(hit.At.Segment)]
		m := mutation{what: "header or body of a copy hit", segment: hit.At.Segment, a: hit.At.Offset + rng.Int64N(frameSize+40)}
		m.name, m.b = SegmentName(m.segment), m.a+1
		data[m.a] ^= 0x40
		for _, from := range []Mark{{}, mark} {
			l := mustOpen(t, memory(t, content), "/", Options{From: from})
			m.checkDamaged(t, l, all)
			mustClose(t, l)
		}
	}
}

// TestResyncIsNotQuadratic has a large group in which every second record is
// damaged, and a segment that is nothing but the first bytes of headers.
func TestResyncIsNotQuadratic(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	group := make([]Record, size(40_000, 200_000))
	for i := range group {
		group[i] = Record{Flags: Numbered, Body: bytes.Repeat([]byte{magic0, magic1}, 100)}
	}
	mustAppend(t, l, group...)
	behind := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("behind")})
	mustClose(t, l)
	content := files(t, fs, "/")
	for i := 0; i < len(group); i += 2 {
		content[SegmentName(1)][group[i].At.Offset+3] ^= 4
	}
	begin := time.Now()
	l = mustOpen(t, memory(t, content), "/", Options{})
	defer l.Close()
	checkRead(t, l, behind)
	if n := l.Recovery().Replayed; n != len(group)/2+1 {
		t.Errorf("%d records replayed, want %d", n, len(group)/2+1)
	}
	if d := time.Since(begin); d > time.Duration(len(group))*500*time.Microsecond {
		t.Errorf("opening took %v", d)
	}
	t.Logf("%d damaged places in %v", len(group)/2, time.Since(begin))
}

// TestLostNumbersAreNotGivenAgain damages the last records before an empty
// segment: its header alone tells which numbers were given.
func TestLostNumbersAreNotGivenAgain(t *testing.T) {
	fs := vfs.NewMem()
	l := mustOpen(t, fs, "/", Options{})
	var want []Record
	for range 5 {
		want = append(want, mustAppend(t, l, Record{Flags: Numbered, Body: []byte("record")})...)
	}
	mustClose(t, l)
	content := files(t, fs, "/")
	content[SegmentName(1)] = append(content[SegmentName(1)], "torn"...)
	fs = memory(t, content)
	mustClose(t, mustOpen(t, fs, "/", Options{})) // begins segment 2
	content = files(t, fs, "/")
	content[SegmentName(1)][want[3].At.Offset+1] ^= 1
	content[SegmentName(1)][want[4].At.Offset+1] ^= 1
	l = mustOpen(t, memory(t, content), "/", Options{})
	defer l.Close()
	d := l.Recovery().Damage
	if len(d) != 1 || d[0].FirstSeq != 4 || d[0].LastSeq != 5 || d[0].Offset != want[3].At.Offset {
		t.Errorf("Open reports %+v, want numbers 4 and 5 lost", d)
	}
	if r := mustAppend(t, l, Record{Flags: Numbered}); r[0].Seq != 6 {
		t.Errorf("number %d is given, 5 were given before", r[0].Seq)
	}
}
