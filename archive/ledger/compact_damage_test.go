package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// shrunkSample is a sample whose sealed segments were compacted.
type shrunkSample struct {
	*sample
	outlines map[uint32]outline
	extents  map[uint32][]extent
}

func newShrunkSample(t *testing.T, rng *rand.Rand) *shrunkSample {
	s := &shrunkSample{newSample(t, rng), map[uint32]outline{}, map[uint32][]extent{}}
	fs := memory(t, s.content)
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	compactSealed(t, l, keepRest)
	mustClose(t, l)
	s.content = files(t, fs, "/")
	for n := uint32(1); n < s.mark.Segment; n++ {
		b := s.content[SegmentName(n)]
		o, err := parseOutline(b)
		if err != nil {
			continue // nothing could be dropped from it
		}
		s.outlines[n] = o
		if s.extents[n], err = o.parseTable(b[outlineSize:o.dataStart()]); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.outlines) < 3 {
		t.Fatalf("only %d segments were compacted", len(s.outlines))
	}
	return s
}

// inFile gives where a record stands in its file; false when it was dropped.
func (s *shrunkSample) inFile(r Record) (a, b int64, kept bool) {
	extents, compacted := s.extents[r.At.Segment]
	a = r.At.Offset
	if compacted {
		i := search(extents, a)
		if i == len(extents) || extents[i].start > a {
			return 0, 0, false
		}
		a += extents[i].at - extents[i].start
	}
	return a, a + frameSize + int64(r.At.Length), true
}

// hit gives the bytes of the file that are not what they were, none when it is
// another file.
func (m mutation) hit(a, b int64) bool { return a < m.b && m.a < b }

// lost reports whether a change to a compacted segment leaves neither of its two
// headers, or of its two tables: then its records cannot be found.
func (s *shrunkSample) lost(m mutation) bool {
	o, compacted := s.outlines[m.segment]
	if !compacted {
		return false
	}
	return m.data == nil ||
		m.hit(0, outlineSize) && m.hit(o.size-outlineSize, o.size) ||
		m.hit(outlineSize, o.dataStart()) && m.hit(o.dataEnd(), o.size-outlineSize) ||
		// A file that was cut short behind a damaged header has no end to look at.
		m.cut && m.a < o.dataStart()
}

// check fails unless what the change hit is damage, never dropped, what was
// dropped is never damage, and all else is there.
func (s *shrunkSample) check(t *testing.T, l *Ledger, m mutation, more []Record) {
	t.Helper()
	visited, damage := scanAll(t, l)
	damage = append(damage, l.Recovery().Damage...)
	if !slices.ContainsFunc(damage, func(d Damage) bool { return d.Segment == m.segment }) {
		t.Fatalf("%s: not named by %+v", m, damage)
	}
	seen := map[Location]bool{}
	for _, r := range visited {
		seen[r.At] = true
	}
	want := 0
	for _, r := range append(slices.Clone(s.records), more...) {
		got, err := l.Read(r.At)
		a, b, kept := s.inFile(r)
		mine := r.At.Segment == m.segment
		var d *Damage
		switch {
		case !kept:
			if !errors.Is(err, ErrDropped) && !(mine && s.lost(m) && errors.As(err, &d)) || seen[r.At] {
				t.Fatalf("%s: Read of the dropped record %s gives %v, visited: %t", m, describe(r), err, seen[r.At])
			}
			continue
		case mine && s.lost(m) && err == nil: // it stands where it stood before
		case mine && (s.lost(m) || m.hit(a, b)):
			if !errors.As(err, &d) || errors.Is(err, ErrDropped) || seen[r.At] {
				t.Fatalf("%s: Read of the record %s that was hit gives %v, visited: %t", m, describe(r), err, seen[r.At])
			}
			s.checkNamed(t, m, r, damage)
			continue
		}
		if err != nil || !same(got, r) || !seen[r.At] {
			t.Fatalf("%s: Read of %s, not hit, gives %s, %v, visited: %t", m, describe(r), describe(got), err, seen[r.At])
		}
		if i := slices.IndexFunc(damage, func(d Damage) bool {
			return d.Segment == r.At.Segment && d.Offset < r.At.End().Offset && r.At.Offset < d.Offset+d.Length
		}); i >= 0 && !(mine && s.lost(m)) {
			t.Fatalf("%s: the whole record %s is named by %v", m, describe(r), &damage[i])
		}
		want++
	}
	if len(visited) != want {
		t.Fatalf("%s: Scan visits %d records, %d are whole", m, len(visited), want)
	}
}

// checkNamed fails unless the damage names the record that was hit.
func (s *shrunkSample) checkNamed(t *testing.T, m mutation, r Record, damage []Damage) {
	t.Helper()
	at := r.At.Offset
	damage = slices.Clone(damage)
	slices.SortFunc(damage, func(x, y Damage) int { return int(x.Offset - y.Offset) })
	for _, d := range damage {
		if d.Segment == r.At.Segment && d.Offset <= at {
			at = max(at, d.Offset+d.Length)
		}
	}
	if at < r.At.End().Offset {
		t.Fatalf("%s: the bytes of %s are not named by %+v", m, describe(r), damage)
	}
	if r.Flags&Numbered != 0 && !slices.ContainsFunc(damage, func(d Damage) bool {
		return d.FirstSeq <= r.Seq && r.Seq <= d.LastSeq
	}) {
		t.Fatalf("%s: number %d is not named as lost by %+v", m, r.Seq, damage)
	}
}

// bothCopies flips a bit in each of the two headers, or in each of the two tables.
func (s *shrunkSample) bothCopies(rng *rand.Rand, m mutation) mutation {
	o := s.outlines[m.segment]
	first, second := rng.Int64N(outlineSize), o.size-outlineSize+rng.Int64N(outlineSize)
	if rng.IntN(2) == 0 {
		first, second = outlineSize+rng.Int64N(o.tableSize()), o.dataEnd()+rng.Int64N(o.tableSize())
	}
	m = mutation{what: "a bit flipped in both copies", name: m.name, segment: m.segment, a: first, b: second + 1}
	m.data = bytes.Clone(s.content[m.name])
	m.data[first] ^= 1 << rng.IntN(8)
	m.data[second] ^= 1 << rng.IntN(8)
	return m
}

// TestDamageInCompactedSegments changes a closed ledger of compacted segments.
func TestDamageInCompactedSegments(t *testing.T) {
	rng := seeded(t)
	s := newShrunkSample(t, rng)
	kinds, lost := map[string]int{}, 0
	for range size(1500, 20000) {
		m := s.mutate(rng)
		o, compacted := s.outlines[m.segment]
		if !compacted {
			continue
		}
		if x := s.extents[m.segment]; m.cut && rng.IntN(2) == 0 { // between two extents, or behind the last
			m.a = x[rng.IntN(len(x))].at
			if rng.IntN(4) == 0 {
				m.a = o.dataEnd()
			}
			m.data = s.content[m.name][:m.a]
		} else if rng.IntN(8) == 0 {
			m = s.bothCopies(rng, m)
		} else if rng.IntN(2) == 0 { // what the file says of itself is hit seldom
			at := rng.Int64N(2 * o.dataStart())
			if at >= o.dataStart() {
				at += o.dataEnd() - o.dataStart()
			}
			m.what, m.cut, m.data = "a bit of the table or header flipped", false, bytes.Clone(s.content[m.name])
			m.data[at] ^= 1 << rng.IntN(8)
			m.a, m.b = at, at+1
		}
		kinds[m.what]++
		if s.lost(m) {
			lost++
		}
		fs := memory(t, m.apply(s.sample))
		var more []Record
		for _, mark := range []Mark{{}, s.mark} {
			l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: mark})
			s.check(t, l, m, more)
			if _, err := l.Compact(anything, m.segment, keepRest); err == nil {
				t.Fatalf("%s: Compact of a damaged segment gives no error", m)
			}
			if got := files(t, fs, "/")[m.name]; !bytes.Equal(got, m.data) {
				t.Fatalf("%s: Compact changed the damaged segment", m)
			}
			more = append(more, mustAppend(t, l, Record{Flags: Numbered, Body: fmt.Append(nil, "after", len(more))})...)
			mustClose(t, l)
		}
	}
	t.Logf("%v; records could not be found %d times", kinds, lost)
}

// TestEveryBitOfTheTable flips each bit of headers and tables in turn: nothing
// that was kept is lost by it, or looks dropped.
func TestEveryBitOfTheTable(t *testing.T) {
	s := newShrunkSample(t, seeded(t))
	for n, o := range s.outlines {
		name := SegmentName(n)
		for at := int64(0); at < o.size; at++ {
			if at == o.dataStart() {
				at = o.dataEnd()
			}
			for bit := range 8 {
				if !*long && bit != int(at)%8 {
					continue
				}
				m := mutation{what: fmt.Sprintf("bit %d flipped", bit), name: name, segment: n, a: at, b: at + 1}
				m.data = bytes.Clone(s.content[name])
				m.data[at] ^= 1 << bit
				if s.lost(m) {
					t.Fatalf("%s: one bit loses a segment", m)
				}
				l := mustOpen(t, memory(t, m.apply(s.sample)), "/", Options{SegmentSize: sampleSegments, From: s.mark})
				s.check(t, l, m, nil)
				mustClose(t, l)
			}
		}
		return
	}
}

// TestUnreadableBlocksOfCompacted has the disk refuse 4 KiB of a compacted
// segment, and then give them again.
func TestUnreadableBlocksOfCompacted(t *testing.T) {
	rng := seeded(t)
	s := newShrunkSample(t, rng)
	for n, o := range s.outlines {
		for a := int64(0); a < o.size; a += blockSize {
			name := SegmentName(n)
			m := mutation{what: "unreadable", name: name, segment: n, a: a, b: min(a+blockSize, o.size)}
			m.data = s.content[name]
			if slices.ContainsFunc(s.records, func(r Record) bool {
				x, y, kept := s.inFile(r)
				return kept && r.At.Segment == n && m.hit(x, y) && len(bytes.Trim(m.data[max(x, m.a):min(y, m.b)], "\x00")) == 0
			}) {
				continue // an unreadable zero is read as zero, and its CRC proves it
			}
			mem := memory(t, s.content)
			l := mustOpen(t, mem, "/", Options{SegmentSize: sampleSegments, From: s.mark})
			bad := &badBlock{FS: mem, name: name, a: a}
			l.fs, l.files.fs = bad, bad
			s.check(t, l, m, nil)
			l.fs, l.files.fs = mem, mem
			if s.lost(m) {
				continue
			}
			l.files.forget(n)
			checkCompacted(t, l, s.records, func(r Record) bool { _, _, kept := s.inFile(r); return !kept })
			mustClose(t, l)
		}
	}
}

// TestReadRecoversWithTheDisk has the disk refuse a compacted segment's header
// and tables once: what is read then is not remembered.
func TestReadRecoversWithTheDisk(t *testing.T) {
	s := newShrunkSample(t, seeded(t))
	fs := newFaultFS(memory(t, s.content))
	l := mustOpen(t, fs, "/", Options{SegmentSize: sampleSegments, From: s.mark})
	defer l.Close()
	i := slices.IndexFunc(s.records, func(r Record) bool {
		_, compacted := s.outlines[r.At.Segment]
		return compacted && r.Flags&Numbered != 0
	})
	r := s.records[i]
	fs.setPlan(func(op string, _ int) (effect, error) {
		if op == "read" {
			return refused, errors.New("not now")
		}
		return works, nil
	})
	var d *Damage
	if _, err := l.Read(r.At); !errors.As(err, &d) || errors.Is(err, ErrDropped) {
		t.Errorf("Read with the disk refusing gives %v", err)
	}
	fs.setPlan(nil)
	checkRead(t, l, []Record{r})
}

// TestForeignTailIsNotTaken damages the header of a segment that was not
// compacted, but ends with what a compacted one ends with: in a body, of another
// archive, of another segment, of a file of another size.
func TestForeignTailIsNotTaken(t *testing.T) {
	for what, change := range map[string]func(*outline){
		"another archive": func(o *outline) { o.id[0] ^= 1 },
		"another segment": func(o *outline) { o.number, o.prev.Segment = 2, 1 },
		"another size":    func(o *outline) { o.size++ },
	} {
		fs := vfs.NewMem()
		l := mustOpen(t, fs, "/", Options{})
		want := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("kept")})
		o := newOutline(header{number: 1, id: l.id, firstSeq: 1, group: 1}, headerSize, nil)
		at := l.Mark().Offset + frameSize + o.tableSize()
		o.size = at + outlineSize
		change(&o)
		want = append(want, mustAppend(t, l, Record{Body: append(o.table(nil), o.bytes()...)})...)
		if err := l.Rotate(anything); err != nil {
			t.Fatal(err)
		}
		mustClose(t, l)
		content := files(t, fs, "/")
		content[SegmentName(1)][20] ^= 1
		l = mustOpen(t, memory(t, content), "/", Options{})
		checkRead(t, l, want)
		if got, _ := scanAll(t, l); !slices.Equal(descriptions(got), descriptions(want)) {
			t.Errorf("%s: Scan visits %q", what, descriptions(got))
		}
		mustClose(t, l)
	}
}
