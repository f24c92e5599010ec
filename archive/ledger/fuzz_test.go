package ledger

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// known is the identity in the fuzz tests, so that their seeds hold whole records.
var known = identity{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

func FuzzHeader(f *testing.F) {
	f.Add(header{number: 1, id: known, firstSeq: 1, group: 1}.bytes())
	f.Add(header{number: 7, id: known, prev: Position{6, 1 << 40}, firstSeq: 1 << 60, group: 1<<32 - 1}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 { // as it is, and with its CRC made right
			if h, err := parseHeader(b); err == nil && !bytes.Equal(h.bytes(), b[:headerSize]) {
				t.Fatalf("%x is read as %+v, which is written as %x", b, h, h.bytes())
			}
			if len(b) < headerSize {
				return
			}
			b = bytes.Clone(b)
			binary.BigEndian.PutUint32(b[60:], crc(0, b[:60]))
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add(frame{kind: 1, flags: 3, length: 9, seq: 1, group: 1}.appendTo(nil, known, 1, headerSize), uint32(1), int64(headerSize))
	f.Fuzz(func(t *testing.T, b []byte, segment uint32, offset int64) {
		for range 2 {
			r, ok := parseFrame(b, known, segment, offset)
			if ok && !bytes.Equal(r.appendTo(nil, known, segment, offset), b[:frameSize]) {
				t.Fatalf("%x is read as %+v, which is written differently", b, r)
			}
			if _, elsewhere := parseFrame(b, known, segment, offset+1); ok && elsewhere {
				t.Fatalf("%x is taken at two places", b)
			}
			if len(b) < frameSize {
				return
			}
			b = bytes.Clone(b)
			binary.BigEndian.PutUint32(b[24:], seal(known, segment, offset, b[:24]))
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(known.text())
	f.Fuzz(func(t *testing.T, text string) {
		id, ok, err := readIdentity(memory(t, map[string][]byte{identityFile: []byte(text)}), "/")
		if err != nil || ok && id.text() != text || !ok && id != (identity{}) {
			t.Fatalf("%q is read as %x, %t, %v", text, id, ok, err)
		}
	})
}

// twoSegments makes a sound ledger of two segments with the known identity.
func twoSegments(t testing.TB) map[string][]byte {
	fs := memory(t, map[string][]byte{identityFile: []byte(known.text())})
	l := mustOpen(t, fs, "/", Options{SegmentSize: 200})
	for i := range 4 {
		mustAppend(t, l, Record{Flags: Numbered, Body: bytes.Repeat([]byte{byte(i)}, 30)}, Record{Type: 2, Body: []byte("with it")})
	}
	mustClose(t, l)
	return files(t, fs, "/")
}

// FuzzSegments opens two segment files of any content.
func FuzzSegments(f *testing.F) {
	sound := twoSegments(f)
	one, two := sound[SegmentName(1)], sound[SegmentName(2)]
	f.Add(one, two)
	f.Add(one[:100], two)
	f.Add(one, two[:70])
	f.Add(one[:10], two[:10])
	f.Add(two, one)
	f.Add([]byte{}, bytes.Repeat([]byte{magic0, magic1}, 500))
	compacted := compactedSegment(f)
	f.Add(compacted, two)
	f.Add(compacted, []byte{})
	f.Add(compacted[20:], two)
	f.Add(compacted[:len(compacted)-20], two)
	f.Add(one, compacted)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		fs := memory(t, map[string][]byte{
			identityFile: []byte(known.text()), SegmentName(1): one, SegmentName(2): two,
		})
		checkLives(t, fs, "any content")
	})
}

// compactedSegment is the first of twoSegments, compacted.
func compactedSegment(t testing.TB) []byte {
	fs := memory(t, twoSegments(t))
	l := mustOpen(t, fs, "/", Options{})
	compactSealed(t, l, func(r Record) (bool, error) { return r.Type != 2, nil })
	mustClose(t, l)
	return files(t, fs, "/")[SegmentName(1)]
}

// FuzzTable reads headers and tables of compacted segments: as they are, and
// with their CRCs made right.
func FuzzTable(f *testing.F) {
	for _, extents := range [][]extent{nil, {{start: headerSize, size: frameSize}}, {{start: 100, size: 28}, {start: 200, size: 1 << 40}}} {
		o := newOutline(header{number: 1, id: known, firstSeq: 1, group: 1}, 1<<50, extents)
		f.Add(append(o.bytes(), o.table(extents)...))
	}
	compacted := compactedSegment(f)
	f.Add(compacted[:outlineSize+3*extentSize+sumSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			if o, err := parseOutline(b); err == nil {
				checkTable(t, o, b)
			}
			if len(b) < outlineSize+sumSize {
				return
			}
			b = bytes.Clone(b)
			binary.BigEndian.PutUint32(b[60:], crc(0, b[:60]))
			binary.BigEndian.PutUint32(b[92:], crc(0, b[:92]))
			end := len(b) - sumSize
			binary.BigEndian.PutUint32(b[end:], crc(crc(0, b[:outlineSize]), b[outlineSize:end]))
		}
	})
}

// checkTable fails when a header, or the table behind it, is taken for something
// that is written in another way, or cannot be.
func checkTable(t *testing.T, o outline, b []byte) {
	if !bytes.Equal(o.bytes(), b[:outlineSize]) {
		t.Fatalf("%x is read as %+v, which is written as %x", b, o, o.bytes())
	}
	if o.dataStart() > o.dataEnd() {
		t.Fatalf("%+v has its two tables one over the other", o)
	}
	extents, err := o.parseTable(b[outlineSize:])
	if err != nil {
		return
	}
	if got := o.table(extents); !bytes.Equal(got, b[outlineSize:]) {
		t.Fatalf("%x is read as %+v, which is written as %x", b[outlineSize:], extents, got)
	}
	again := slices.Clone(extents)
	if made := newOutline(o.header, o.end, again); made != o || !slices.Equal(again, extents) {
		t.Fatalf("%+v with %+v would be made as %+v with %+v", o, extents, made, again)
	}
	for i, x := range extents {
		if search(extents, x.start) != i || search(extents, x.end()-1) != i || search(extents, x.end()) != i+1 {
			t.Fatalf("extent %d of %+v is not found", i, extents)
		}
	}
}

// FuzzCompacted opens a compacted segment of any extents over any bytes, with
// all CRCs of headers and tables right. Each extent takes two bytes: how far it
// lies behind the last, and how long it is.
func FuzzCompacted(f *testing.F) {
	two := twoSegments(f)[SegmentName(2)]
	compacted := compactedSegment(f)
	f.Add([]byte{0, 58, 35, 58}, compacted[outlineSize:], false)
	f.Add([]byte{9, 28, 1, 200}, bytes.Repeat([]byte{magic0, magic1}, 300), true)
	f.Add([]byte{}, []byte{}, true)
	f.Fuzz(func(t *testing.T, script, data []byte, last bool) {
		var extents []extent
		end := int64(headerSize)
		for ; len(script) >= 2; script = script[2:] {
			x := extent{start: end + int64(script[0]), size: int64(script[1])}
			if x.size < frameSize || len(extents) > 0 && x.start == end {
				continue
			}
			extents, end = append(extents, x), x.end()
		}
		if h, err := parseHeader(two); err == nil && !last {
			end = max(end, h.prev.Offset)
		}
		o := newOutline(header{number: 1, id: known, firstSeq: 1, group: 1}, end, extents)
		file := append(o.bytes(), o.table(extents)...)
		data = append(bytes.Clone(data), make([]byte, max(0, o.dataEnd()-o.dataStart()-int64(len(data))))...)
		file = append(file, data[:o.dataEnd()-o.dataStart()]...)
		file = append(append(file, o.table(extents)...), o.bytes()...)
		content := map[string][]byte{identityFile: []byte(known.text()), SegmentName(1): file}
		if !last {
			content[SegmentName(2)] = two
		}
		checkLives(t, memory(t, content), "odd extents")
	})
}

// FuzzFrames opens a ledger of records that are whole one by one, and make no
// sense together. Each takes seven bytes: flags, length, sequence number, group,
// what is damaged, and how far the segment goes on.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x03\x05\x01\x01\x00\x00\x00\x03\x05\x02\x02\x00\x00\x00"))
	f.Add([]byte("\x01\x05\x01\x01\x00\x00\x00\x03\x05\x02\x02\x01\x00\x00\x03\x05\x03\x03\x00\x00\x00"))
	f.Add([]byte("\x01\x05\x01\x01\x00\x00\x01\x03\x05\x02\x09\x02\x00\x00\x03\x05\x00\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		content := map[string][]byte{identityFile: []byte(known.text())}
		h := header{number: 1, id: known, firstSeq: 1, group: 1}
		data := h.bytes()
		for ; len(script) >= 7; script = script[7:] {
			r := frame{flags: script[0], length: uint32(script[1]), seq: uint64(script[2]), group: uint32(script[3])}
			body := bytes.Repeat([]byte{magic0, magic1}, 128)[:r.length]
			r.bodyCRC = crc(0, body) ^ uint32(script[4]&1)
			at := len(data)
			data = append(r.appendTo(data, known, h.number, int64(at)), body...)
			data[at+20] ^= script[4] & 2
			if script[6]&1 == 0 || h.number == 3 {
				continue
			}
			content[SegmentName(h.number)] = data
			h = header{
				number: h.number + 1, id: known, prev: Position{h.number, int64(at) + int64(script[5])},
				firstSeq: r.seq, group: r.group,
			}
			data = h.bytes()
			data[40] ^= script[6] & 2
		}
		content[SegmentName(h.number)] = data
		checkLives(t, memory(t, content), "odd records")
	})
}

// checkLives opens a ledger of unknown content: it takes appends, and keeps them.
func checkLives(t *testing.T, fs vfs.FS, what string) {
	var a applied
	l, err := Open(anything, "/", Options{FS: fs, SegmentSize: 300, Apply: a.apply})
	if err != nil {
		return // another archive's, or a newer format
	}
	got, _ := scanAll(t, l)
	n := 0
	for _, g := range a.groups {
		n += len(g)
	}
	if n != len(got) {
		t.Fatalf("%s: Open applies %d records, Scan visits %d", what, n, len(got))
	}
	checkRead(t, l, got)
	after := mustAppend(t, l, Record{Flags: Numbered, Body: []byte("after")}, Record{Body: []byte("with it")})
	mark := l.Mark()
	mustClose(t, l)
	for _, from := range []Mark{{}, mark} {
		l := mustOpen(t, fs, "/", Options{From: from})
		checkRead(t, l, after)
		again, _ := scanAll(t, l)
		if len(again) != len(got)+2 {
			t.Fatalf("%s: Scan visits %d records after an append of 2, before it were %d", what, len(again), len(got))
		}
		mustClose(t, l)
	}
}
