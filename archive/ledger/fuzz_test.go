package ledger

import (
	"bytes"
	"encoding/binary"
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
	f.Fuzz(func(t *testing.T, one, two []byte) {
		fs := memory(t, map[string][]byte{
			identityFile: []byte(known.text()), SegmentName(1): one, SegmentName(2): two,
		})
		checkLives(t, fs, "any content")
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
