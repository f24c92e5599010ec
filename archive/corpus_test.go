package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// corpusFiles gives real messages, each as it is and with CRLF line ends.
func corpusFiles(t *testing.T) (files [][]byte) {
	t.Helper()
	const folder = "../../shared/corpus"
	if _, err := os.Stat(folder); errors.Is(err, iofs.ErrNotExist) {
		t.Skip("SKIPPED, NOTHING WAS TESTED: the corpus of real messages is not in " + folder)
	}
	err := filepath.WalkDir(folder, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files = append(files, b, bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every message of the corpus comes back as it was, as a whole and in any range, from
// the archive that took it and from one whose catalog was made anew.
func TestTheCorpusComesBack(t *testing.T) {
	files := corpusFiles(t)
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	var raw int64
	for _, b := range files {
		appendOne(t, a, receipt(b, "a@b", "c@d"))
		raw += int64(len(b))
	}
	r := rand.New(rand.NewPCG(6, 1))
	check := func(name string) {
		for i, b := range files {
			id := uint64(i + 1)
			if !bytes.Equal(body(t, a, id), b) {
				t.Fatalf("%s: other bytes came back of entry %d", name, id)
			}
			in, err := a.Reader(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				at := r.Int64N(int64(len(b)) + 1)
				p := make([]byte, r.IntN(3000))
				n, err := in.ReadAt(p, at)
				if err != nil && err != io.EOF || !bytes.Equal(p[:n], b[at:at+int64(n)]) || n < len(p) && at+int64(n) != int64(len(b)) {
					t.Fatalf("%s: entry %d: %d bytes at %d, %v", name, id, n, at, err)
				}
			}
		}
		verified(t, a)
	}
	check("as it was archived")
	_, size := a.ledger.Size()
	t.Logf("%d messages of %d bytes, a ledger of %d: %.3f", len(files), raw, size, float64(size)/float64(raw))
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Error(d) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, "data", Options{FS: fs})
	if dump(t, a) != before {
		t.Error("the catalog that was made anew differs")
	}
	check("with a new catalog")
}
