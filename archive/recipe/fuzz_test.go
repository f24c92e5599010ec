package recipe

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"daybook/archive/message"
)

// FuzzSplit splits messages, and compares what the pieces yield, also when the message
// is read in place.
func FuzzSplit(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range shapesOf(raw) {
			f.Add(c.message())
		}
	}
	for _, c := range headers() {
		f.Add([]byte(c.mail()))
	}
	f.Add(partMail("b", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntext\r\n", "\r\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := take(t, raw)
		s, err := message.Scan(held{bytes.NewReader(raw), raw}, int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		err = Split(held{bytes.NewReader(raw), raw}, int64(len(raw)), s, func(p Piece, stored, _ []byte) error {
			if i >= len(got) || !samePiece(p, got[i].Piece) || !bytes.Equal(stored, got[i].stored) {
				t.Fatalf("piece %d is another when the message is in memory", i)
			}
			i++
			return nil
		})
		if err != nil || i != len(got) {
			t.Fatalf("%d pieces of %d, %v", i, len(got), err)
		}
	})
}

func samePiece(a, b Piece) bool {
	same := bytes.Equal(a.Layout, b.Layout)
	a.Layout, b.Layout = nil, nil
	return same && reflect.DeepEqual(a, b)
}

// FuzzBody splits a body in an encoding, which finds more than whole messages do.
func FuzzBody(f *testing.F) {
	f.Add([]byte("QUJD\r\nQUI=\r\nREVGRw==\r\nfooter"), true)
	f.Add([]byte("=C3=BC a=\r\nb =\r\n=\r\n=20\r\n.\r\n=zz="), false)
	f.Fuzz(func(t *testing.T, body []byte, base64 bool) {
		p := message.Part{Parent: -1, Body: message.Range{End: int64(len(body))}, MediaType: "a/b",
			Encoding: message.EncodingQuotedPrintable}
		if base64 {
			p.Encoding = message.EncodingBase64
		}
		takeWith(t, body, &message.Structure{Parts: []message.Part{p}})
		// Everything decoded must come back as well where raw bytes are stored because it does not pay.
		for _, more := range []bool{false, true} {
			piece, stored, _ := new(Splitter).encoded(p.Encoding, body, more, false)
			if piece.Wire == 0 {
				continue
			}
			back, err := piece.AppendWire(nil, stored)
			if err != nil || !bytes.Equal(back, body[:piece.Wire]) {
				t.Fatalf("%q is %q with the layout %v: yields %q, %v", body, stored, piece.Layout, back, err)
			}
		}
	})
}

// FuzzStructure splits a message by ranges that are not those of its parts.
func FuzzStructure(f *testing.F) {
	f.Add([]byte("a\r\n\r\nQUJD\r\n"), []byte{0, 0, 3, 3, 9, 0, 1, 0, 1, 5, 4, 1, 2, 2, 2, 0})
	f.Fuzz(func(t *testing.T, raw, ranges []byte) {
		s := &message.Structure{}
		for i := 0; i+8 <= len(ranges) && i < 800; i += 8 {
			b := ranges[i:]
			s.Parts = append(s.Parts, message.Part{Parent: int(int8(b[0])), Depth: int(b[1]),
				Header: message.Range{Start: int64(int8(b[2])), End: int64(int8(b[3]))},
				Body:   message.Range{Start: int64(int8(b[4])), End: int64(int8(b[5]))},
				Kind:   message.PartKind(b[6]), Encoding: message.Encoding(b[7])})
		}
		takeWith(t, raw, s)
	})
}

// FuzzFolded reads layouts of folded base64. What is read yields as much as it says.
func FuzzFolded(f *testing.F) {
	f.Add([]byte{0x0d, 3, 5, 9}, 5)
	f.Add([]byte{foldTwice, foldMany, 4, '?', '=', '\n', ' ', 8, 8}, 100)
	f.Fuzz(func(t *testing.T, b []byte, stored int) {
		layout, wire, ok := CutFolded(b, stored)
		if !ok {
			return
		}
		p := Piece{Wire: wire, Stored: stored, Form: FormFolded, Layout: layout}
		if len(layout) > MaxLayout || !bytes.HasPrefix(b, layout) {
			t.Fatalf("the layout % x of % x", layout, b)
		}
		if got, err := p.AppendWire(nil, make([]byte, stored)); err != nil || int64(len(got)) != wire {
			t.Fatalf("%d bytes of %d, %v", len(got), wire, err)
		}
	})
}

// FuzzAppendWire rebuilds from damaged records: there is no panic, and exactly as much
// output as the piece says, or none.
func FuzzAppendWire(f *testing.F) {
	f.Add(uint8(FormBase64), int64(8), []byte("abc"), []byte{0, 4})
	f.Add(uint8(FormBase64), int64(9), []byte("abc"), []byte{line64List, 4, 1, 1})
	f.Add(uint8(FormBase64), int64(8), []byte("abcd"), []byte{endings64, 2, 3, 0, 1, 1, 0x15, 1, 76})
	f.Add(uint8(FormFolded), int64(12), []byte("quick"), []byte{0x0d, 3, 5})
	f.Add(uint8(FormFolded), int64(16), []byte("quick"), []byte{foldTwice, foldMany, 4, '?', '=', '\n', ' ', 8, 8})
	f.Add(uint8(FormQuoted), int64(8), []byte("abc=d"), []byte{0x80, 0x10, 75, 1, 0, 0, 3})
	f.Fuzz(func(t *testing.T, form uint8, wire int64, stored, layout []byte) {
		p := Piece{Wire: wire, Stored: len(stored), Form: Form(form), Layout: layout}
		got, err := p.AppendWire([]byte("before"), stored)
		if err != nil && string(got) != "before" || err == nil && int64(len(got)) != 6+wire || !bytes.HasPrefix(got, []byte("before")) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
