package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"daybook/archive/ledger"
	"daybook/archive/message"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func isDamage(err error) bool {
	d := (*Damage)(nil)
	return errors.As(err, &d)
}

func TestReader(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	t.Logf("seed %d", *seed)
	rnd := rand.New(rand.NewPCG(*seed, 0))
	for _, size := range []int{0, 1, 1000, message.MaxHeader + 1, maxPiece, maxPiece + 1, 3*maxPiece + 77} {
		want := noise(size, 7)
		id := appendOne(t, a, receipt(want, "a@b", "c@d")).ID
		r, err := a.Reader(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Size() != int64(size) || !bytes.Equal(r.Start(), want[:min(size, message.MaxHeader)]) {
			t.Errorf("%d bytes: size %d, and a start of %d", size, r.Size(), len(r.Start()))
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), want); size < maxPiece && err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		for range 100 {
			from := rnd.IntN(size + 1)
			p := make([]byte, rnd.IntN(size+10))
			n, err := r.ReadAt(p, int64(from))
			left := want[from:]
			if n != min(len(p), len(left)) || !bytes.Equal(p[:n], left[:n]) || (n < len(p)) != (err == io.EOF) {
				t.Errorf("%d bytes: %d from %d on: %d, %v", size, len(p), from, n, err)
			}
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Errorf("%d bytes: the byte before the first one was read", size)
		}
		if n, err := r.ReadAt(make([]byte, 1), int64(size)+1); n != 0 || err != io.EOF {
			t.Errorf("%d bytes: behind the end: %d, %v", size, n, err)
		}
		if err := r.Err(); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if _, err := a.Reader(context.Background(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no entry: %v", err)
	}
}

func TestReaderIsShared(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	want := noise(2*maxPiece+5, 7)
	r, err := a.Reader(context.Background(), appendOne(t, a, receipt(want, "a@b", "c@d")).ID)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			p := make([]byte, 5000)
			for n := range 30 {
				at := (n*300_007 + i*maxPiece/2) % (len(want) - len(p))
				if _, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, want[at:at+len(p)]) {
					t.Errorf("at %d: %v", at, err)
				}
			}
			if !bytes.Equal(r.Start(), want[:message.MaxHeader]) {
				t.Error("another start")
			}
		})
	}
	wg.Wait()
}

func TestReaderEndsWithItsContext(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	r, err := a.Reader(ctx, appendOne(t, a, receipt([]byte("x"), "a@b", "c@d")).ID)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := r.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("read %d, %v", n, err)
	}
	if len(r.Start()) != 0 || !errors.Is(r.Err(), context.Canceled) {
		t.Errorf("start %q, %v", r.Start(), r.Err())
	}
}

// A recipe that does not make up its message is damage, whatever its sizes.
func TestReaderOfAnOddRecipe(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for name, c := range map[string]struct {
		sizes []int64
		size  int64
		ok    bool
	}{
		"right":         {[]int64{0, 3, 0, 0, 3, 0}, 6, true},
		"too small":     {[]int64{3}, 6, false},
		"too large":     {[]int64{3, 4}, 6, false},
		"negative":      {[]int64{3, -3, 6}, 6, false},
		"overflow":      {[]int64{1<<63 - 1, 1<<63 - 1, 8}, 6, false},
		"no recipe":     {nil, 6, false},
		"negative size": {nil, -1, false},
		"nothing":       {nil, 0, true},
	} {
		e := Entry{ID: 1, Size: c.size}
		var old []piece
		for _, n := range c.sizes {
			old = append(old, piece{Kind: pieceLiteral, Data: []byte("abc")[:min(max(n, 0), 3)], Size: n})
		}
		e.formula, e.text = oldFormula(old)
		r, err := a.reader(context.Background(), &e)
		if (err == nil) != c.ok || err != nil && !isDamage(err) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := ""; c.ok {
			got = string(r.Start())
			if got != strings.Repeat("abc", int(c.size/3)) || r.Err() != nil {
				t.Errorf("%s: %q, %v", name, got, r.Err())
			}
		}
	}
	odd := []piece{{Kind: pieceLiteral, Data: []byte("abc"), Size: 4}}
	e := Entry{ID: 1, Size: 4}
	e.formula, e.text = oldFormula(odd)
	r, err := a.reader(context.Background(), &e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), 0); !isDamage(err) {
		t.Errorf("a piece that is too short: %v", err)
	}
	odd[0].Kind = 77
	e.formula, e.text = oldFormula(odd)
	if r, err = a.reader(context.Background(), &e); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a piece of a kind that is not known was read")
	}
}

func original(t *testing.T, a *Archive, id uint64, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.WriteOriginal(context.Background(), id, n, &b); err != nil {
		t.Fatalf("original %d of entry %d: %v", n, id, err)
	}
	return b.Bytes()
}

func TestOriginalsComeBack(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	whole := noise(3*maxPiece+1000, 5)
	size := int64(len(whole))
	r := receipt(whole, "a@b", "c@d")
	r.Truth = &message.Truth{Originals: []message.Original{
		{Start: 0, End: size}, {Start: 100, End: 200}, {Start: maxPiece, End: 2 * maxPiece}, {Start: maxPiece - 1, End: maxPiece + 1},
		{Start: 5, End: size - 5}, {Start: 7, End: 7}, {Start: size, End: size}, {Start: 2*maxPiece - 3, End: size},
	}}
	id := appendOne(t, a, r).ID
	for n, o := range r.Truth.Originals {
		if !bytes.Equal(original(t, a, id, n), whole[o.Start:o.End]) {
			t.Errorf("other bytes came back of %d to %d", o.Start, o.End)
		}
	}
	plain := appendOne(t, a, receipt([]byte("x"), "a@b", "c@d")).ID
	for _, c := range []struct {
		id   uint64
		n    int
		want error
	}{{id, len(r.Truth.Originals), ErrNoOriginal}, {id, -1, ErrNoOriginal}, {plain, 0, ErrNoOriginal}, {99, 0, ErrNotFound}} {
		var b bytes.Buffer
		if err := a.WriteOriginal(context.Background(), c.id, c.n, &b); !errors.Is(err, c.want) || b.Len() != 0 {
			t.Errorf("original %d of entry %d: %d bytes, %v", c.n, c.id, b.Len(), err)
		}
	}
	full := errors.New("the disk is full")
	if err := a.WriteOriginal(context.Background(), id, 0, failing{full}); !errors.Is(err, full) || errors.Is(err, ErrEncoding) || isDamage(err) {
		t.Errorf("a writer that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.WriteOriginal(ctx, id, 0, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestEncodedOriginalsAreDecoded(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	mail := noise(2*maxPiece, 3)
	coded := base64.StdEncoding.EncodeToString(mail)
	var lines strings.Builder
	for part := range slices.Chunk([]byte(coded), 76) {
		fmt.Fprintf(&lines, "%s\r\n", part)
	}
	const before, quoted = "before\r\n", "gr=C3=BC=C3=9Fe=\r\n\r\n"
	whole := before + lines.String() + quoted + "RnJvbTog!!"
	from := int64(len(before))
	qp := from + int64(lines.Len())
	bad := qp + int64(len(quoted))
	r := receipt([]byte(whole), "a@b", "c@d")
	r.Truth = &message.Truth{Originals: []message.Original{
		{Start: from, End: qp, Encoding: "base64"}, {Start: qp, End: bad, Encoding: "quoted-printable"},
		{Start: bad, End: r.Size, Encoding: "base64"}, {Start: from, End: qp},
	}}
	id := appendOne(t, a, r).ID
	for n, want := range [][]byte{mail, []byte("grüße\r\n"), nil, []byte(lines.String())} {
		if want != nil && !bytes.Equal(original(t, a, id, n), want) {
			t.Errorf("original %d: other bytes came back", n)
		}
	}
	var b bytes.Buffer
	if err := a.WriteOriginal(context.Background(), id, 2, &b); !errors.Is(err, ErrEncoding) || isDamage(err) || b.String() != "From: " {
		t.Errorf("what breaks off: %q, %v", b.String(), err)
	}
}

// Damage in a piece is found when an original stands in it, and before a byte of it
// is written. Elsewhere in the message it does no harm.
func TestOriginalsOfADamagedMessage(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	head := "Subject: noise\r\n\r\n"
	whole := append([]byte(head), noise(4*recipe.MaxStored, 5)...)
	piece := func(n int) int64 { return int64(len(head) + n*recipe.MaxStored) } // where it begins
	r := receipt(whole, "a@b", "c@d")
	r.Truth = &message.Truth{Originals: []message.Original{
		{Start: 0, End: piece(1)}, {Start: 10, End: piece(2) + 10}, {Start: piece(2) + 9, End: piece(2) + 10},
		{Start: piece(3) - 1, End: piece(4)}, {Start: piece(3), End: piece(4)}, {Start: piece(2), End: piece(4), Encoding: "base64"},
	}}
	e := appendOne(t, a, r)
	at, err := location(a.catalog.reader(), contentKey("default", e.formula.contents[2].Hash[:]))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(at.Segment)
	b := slices.Clone(fileBytes(t, fs, segment))
	b[at.Offset+1000] ^= 1
	f, err := fs.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	f.Close()
	a = open(t, "data", Options{FS: fs})
	for n, o := range r.Truth.Originals {
		var b bytes.Buffer
		err := a.WriteOriginal(context.Background(), e.ID, n, &b)
		if n == 0 || n == 4 {
			if err != nil || !bytes.Equal(b.Bytes(), whole[o.Start:o.End]) {
				t.Errorf("original %d, of whole pieces: %v", n, err)
			}
			continue
		}
		if !isDamage(err) || errors.Is(err, ErrEncoding) || !bytes.Equal(b.Bytes(), whole[o.Start:max(o.Start, min(o.End, piece(2)))]) {
			t.Errorf("original %d: %d bytes, %v", n, b.Len(), err)
		}
	}
	reader, err := a.Reader(context.Background(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, maxPiece)
	if n, err := reader.ReadAt(p, piece(2)-100); n != 100 || !isDamage(err) || !isDamage(reader.Err()) || !bytes.Equal(p[:n], whole[piece(2)-100:piece(2)]) {
		t.Errorf("read %d, %v, and then %v", n, err, reader.Err())
	}
	if !bytes.Equal(reader.Start(), whole[:message.MaxHeader]) {
		t.Error("the start cannot be read")
	}
}
