package recipe

import (
	"bytes"
	"fmt"
	"io/fs"
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
