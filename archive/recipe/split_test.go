package recipe

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"daybook/archive/message"
)

// took is a piece with a copy of its stored bytes.
type took struct {
	Piece
	stored []byte
}

// take splits a message, checks what holds of all pieces, and that they yield the
// message.
func take(t testing.TB, raw []byte) []took {
	t.Helper()
	s, err := message.Scan(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return takeWith(t, raw, s)
}

func takeWith(t testing.TB, raw []byte, s *message.Structure) []took {
	t.Helper()
	var got []took
	var back []byte
	err := Split(bytes.NewReader(raw), int64(len(raw)), s, func(p Piece, stored, _ []byte) error {
		p.Layout = bytes.Clone(p.Layout)
		if p.Wire == 0 || p.Stored > MaxStored || len(p.Layout) > MaxLayout {
			return fmt.Errorf("piece %+v", p)
		}
		got = append(got, took{p, bytes.Clone(stored)})
		var err error
		back, err = p.AppendWire(back, stored)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back, raw) {
		t.Fatalf("%d bytes came back other than they were", len(raw))
	}
	return got
}

// TestSplitter takes one message after the other apart with the same memory, also after
// one that could not be read: the pieces are those of Split.
func TestSplitter(t *testing.T) {
	var sp Splitter
	r := rand.New(rand.NewPCG(7, 8))
	for i := range rounds() / 10 {
		data := fileBytes(1 + r.IntN(9000))
		quoted := quotedBy(anyText(r), encoder{most: 75, words: r.IntN(2) == 0})
		raw := partMail("b", "Content-Transfer-Encoding: base64\r\n\r\n"+string(inLines(data, 76, " \r\n")),
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n"+string(quoted), "\r\n"+string(anyText(r)))
		want := take(t, raw)
		s, err := message.Scan(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		readers := []io.ReaderAt{failing{raw, int64(r.IntN(len(raw)))}, bytes.NewReader(raw), held{bytes.NewReader(raw), raw}}
		for _, reader := range readers {
			n := 0
			err := sp.Split(reader, int64(len(raw)), s, func(p Piece, stored, _ []byte) error {
				if n >= len(want) || !samePiece(p, want[n].Piece) || !bytes.Equal(stored, want[n].stored) {
					t.Fatalf("message %d: piece %d from a %T is another", i, n, reader)
				}
				n++
				return nil
			})
			if _, fails := reader.(failing); fails != (err != nil) || err == nil && n != len(want) {
				t.Fatalf("message %d: %d pieces of %d from a %T, %v", i, n, len(want), reader, err)
			}
		}
	}
}

const corpus = "../../../shared/corpus"

// TestCorpus splits mail that others have written, as it is and with CR LF line ends.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("NOT TESTED with real mail: %v", err)
	}
	forms := map[Form]int{}
	err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		crlf := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		for _, raw := range [][]byte{raw, crlf} {
			for _, p := range take(t, raw) {
				forms[p.Form]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pieces by form: %v", forms)
	if forms[FormBase64] == 0 {
		t.Error("nothing was decoded")
	}
}
