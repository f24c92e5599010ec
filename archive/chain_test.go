package archive

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// letter is a message like those before it, with something of its own.
func letter(n int, r *rand.Rand) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mx%d.example.com by mail.example.org\r\n\tid %016X; Tue, 14 Nov 2023 22:13:%02d +0000\r\n", n%4, r.Uint64(), n%60)
	fmt.Fprintf(&b, "From: Anna <anna@example.com>\r\nTo: user%d@example.org\r\nSubject: letter %d\r\nMessage-ID: <%d.%x@example.com>\r\n\r\n", n%50, n, n, r.Uint64())
	for range 5 + r.IntN(40) {
		fmt.Fprintf(&b, "This is a line of text with the number %d in it, and %x.\r\n", r.IntN(100), r.Uint32())
	}
	return []byte(b.String())
}

// element gives the text of an entry as it is stored.
func (a *Archive) element(id uint64) (element, error) {
	at, err := location(a.catalog.reader(), seqKey(keyEntry, id))
	if err != nil {
		return element{}, err
	}
	r, err := a.record(at, typeEntry, id)
	if err != nil {
		return element{}, err
	}
	return textIn(r)
}

func TestTextsAreCompressedWithThoseBefore(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	r := rand.New(rand.NewPCG(1, 1))
	var mails [][]byte
	stored, raw := 0, 0
	for n := range 2500 { // of two tenants, more than one chain each
		m := letter(n, r)
		one := receipt(m, "a@b", "c@d")
		one.Tenant = []string{"north", "south"}[n%2]
		appendOne(t, a, one)
		mails = append(mails, m)
		e, err := a.element(uint64(n + 1))
		if err != nil || e.as != textChained {
			t.Fatalf("entry %d: %+v, %v", n+1, e, err)
		}
		stored, raw = stored+len(e.data), raw+len(m)
	}
	if stored > raw*4/10 {
		t.Errorf("%d bytes are stored for %d of text", stored, raw)
	}
	for _, reopen := range []bool{false, true} {
		if reopen {
			a.Close()
			a = open(t, dir, Options{})
		}
		for range 300 {
			if n := r.IntN(len(mails)); !bytes.Equal(body(t, a, uint64(n+1)), mails[n]) {
				t.Fatalf("other bytes came back of entry %d", n+1)
			}
		}
	}
	verified(t, a)
	if e, err := a.element(1); err != nil || e.start != 1 {
		t.Errorf("the first text: %+v, %v", e, err)
	}
}

// More tenants than have a chain open at the same time.
func TestChainsOfManyTenants(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	var wg sync.WaitGroup
	mails := make([][]byte, 6*maxLanes)
	ids := make([]uint64, len(mails))
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(g)))
			for n := g; n < len(mails); n += 4 {
				mails[n] = letter(n, r)
				one := receipt(mails[n], "a@b", "c@d")
				one.Tenant = fmt.Sprintf("tenant%d", n%(3*maxLanes))
				ids[n] = appendOne(t, a, one).ID
			}
		})
	}
	wg.Wait()
	if n := len(a.chains.lanes); n > 2*maxLanes {
		t.Errorf("%d lanes are open", n)
	}
	for n, id := range ids {
		if !bytes.Equal(body(t, a, id), mails[n]) {
			t.Errorf("other bytes came back of entry %d", id)
		}
	}
	verified(t, a)
}

// The same attachment in messages that arrive at the same time is stored once.
func TestContentThatArrivesOnManyConnectionsIsStoredOnce(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	shared := [2]string{base64Lines(noise(200_000, 1), 76), base64Lines(noise(300_000, 2), 72)}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for n := range 3 {
				// Each has both, one half of them in the other order.
				first, second := shared[g%2], shared[1-g%2]
				text := fmt.Sprintf("Subject: %d.%d\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n%s%s--b--\r\n", g, n, part(first), part(second))
				e := appendOne(t, a, receipt([]byte(text), "a@b", "c@d"))
				if got := body(t, a, e.ID); string(got) != text {
					t.Errorf("other bytes came back of entry %d", e.ID)
				}
			}
		})
	}
	wg.Wait()
	if n := contentRecords(t, a); n != 2 {
		t.Errorf("%d contents were stored, want 2", n)
	}
	if n := len(a.claims.open); n != 0 {
		t.Errorf("%d claims are left", n)
	}
	verified(t, a)
}

func part(base64 string) string {
	return "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64
}

func base64Lines(raw []byte, width int) string {
	text := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	for ; len(text) > width; text = text[width:] {
		b.WriteString(text[:width] + "\r\n")
	}
	return b.String() + text + "\r\n"
}

func contentRecords(t *testing.T, a *Archive) (n int) {
	t.Helper()
	err := a.ledger.Scan(context.Background(), func(list []ledger.Record) error {
		for _, r := range list {
			if r.Type == typeContent {
				n++
			}
		}
		return nil
	}, func(d ledger.Damage) { t.Error(d) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flaky is a file system on which each tenth sync of a ledger's segment fails.
type flaky struct {
	vfs.FS
	syncs *atomic.Int64
}

type flakyFile struct {
	vfs.File
	syncs *atomic.Int64
}

var errFlaky = errors.New("the disk is flaky")

func (f flaky) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, o...)
	if err != nil || !strings.HasSuffix(name, ".seg") {
		return file, err
	}
	return flakyFile{file, f.syncs}, nil
}

func (f flakyFile) SyncData() error {
	if f.syncs.Add(1)%10 == 0 {
		return errFlaky
	}
	return f.File.SyncData()
}

// When the text that others build on could not be written, they are not written
// either, or stand for themselves: what was acknowledged can be read.
func TestChainsSurviveFailedWrites(t *testing.T) {
	mem := vfs.NewMem()
	a := open(t, "data", Options{FS: flaky{mem, new(atomic.Int64)}})
	var mu sync.Mutex
	kept := map[uint64][]byte{}
	failed := 0
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(g)))
			for n := range 60 {
				m := letter(1000*g+n, r)
				e, err := a.Append(context.Background(), receipt(m, "a@b", "c@d"))
				mu.Lock()
				if err == nil {
					kept[e.ID] = m
				} else if failed++; !errors.Is(err, errFlaky) {
					t.Errorf("append: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed == 0 || len(kept) == 0 {
		t.Fatalf("%d were kept, %d failed", len(kept), failed)
	}
	a.Close()
	a = open(t, "data", Options{FS: mem})
	for id, m := range kept {
		if !bytes.Equal(body(t, a, id), m) {
			t.Errorf("other bytes came back of entry %d", id)
		}
	}
	verified(t, a)
}

// A damaged record takes the texts behind it in its chain along, which are named; the
// entries themselves, and what stands before, can be read.
func TestDamageInAChain(t *testing.T) {
	mem := vfs.NewMem()
	a := open(t, "data", Options{FS: mem})
	r := rand.New(rand.NewPCG(4, 1))
	var mails [][]byte
	for n := range 20 {
		mails = append(mails, letter(n, r))
		appendOne(t, a, receipt(mails[n], "a@b", "c@d"))
	}
	at, err := location(a.catalog.reader(), seqKey(keyEntry, 11))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(at.Segment)
	b := fileBytes(t, mem, segment)
	b[at.End().Offset-3] ^= 1
	f, err := mem.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	f.Close()
	a = open(t, "data", Options{FS: mem})
	for n, m := range mails {
		id := uint64(n + 1)
		err := a.WriteTo(context.Background(), id, io.Discard)
		switch {
		case id < 11 && (err != nil || !bytes.Equal(body(t, a, id), m)):
			t.Errorf("entry %d, before the damage: %v", id, err)
		case id >= 11 && !isDamage(err):
			t.Errorf("entry %d, behind the damage: %v", id, err)
		case id > 11 && !strings.Contains(err.Error(), "entry 11"):
			t.Errorf("entry %d does not name the damaged one: %v", id, err)
		}
		if _, err := a.Entry(id); (err != nil) != (id == 11) {
			t.Errorf("entry %d: %v", id, err)
		}
	}
	// The next text stands in a chain of its own.
	e := appendOne(t, a, receipt(mails[0], "a@b", "c@d"))
	if !bytes.Equal(body(t, a, e.ID), mails[0]) {
		t.Error("a new message cannot be read")
	}
}

// A content that is in the text of a damaged entry is written again.
func TestTextThatCannotBeReadIsStoredAgain(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	m := letter(1, rand.New(rand.NewPCG(5, 1)))
	first := appendOne(t, a, receipt(m, "a@b", "c@d"))
	again := appendOne(t, a, receipt(m, "a@b", "c@d"))
	if first.formula.contents[0].Inline == again.formula.contents[0].Inline {
		t.Fatal("the text of a second copy is not that of the first")
	}
	a.views.list = nil
	key := contentKey("default", first.formula.contents[0].Hash[:])
	elsewhere := appendInline(encodeLocation(ledger.Location{Segment: 1, Offset: 64, Length: 9}), 5)
	if err := a.catalog.db.Set(key, elsewhere, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	healed := appendOne(t, a, receipt(m, "a@b", "c@d"))
	if !healed.formula.contents[0].Inline {
		t.Error("the text was not stored again")
	}
	for _, id := range []uint64{first.ID, again.ID, healed.ID} {
		if !bytes.Equal(body(t, a, id), m) {
			t.Errorf("other bytes came back of entry %d", id)
		}
	}
}

// What is compressed already is stored as it is, and found out by samples.
func TestContentsAreCompressedWhereItHelps(t *testing.T) {
	p, err := newPress()
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("what repeats is compressed\r\n"), 10_000)
	for _, c := range []struct {
		name string
		raw  []byte
		as   encoding
	}{
		{"small text", text[:500], storedZstd},
		{"small noise", noise(500, 1), storedRaw},
		{"text", text, storedZstd},
		{"noise", noise(300_000, 2), storedRaw},
		{"text behind noise", append(noise(100_000, 3), text...), storedZstd},
		{"noise around text", append(append(noise(100_000, 4), text...), noise(100_000, 5)...), storedZstd},
	} {
		body := p.pack(nil, "t", Digest{1}, c.raw)
		got, err := decodeContent(body)
		if err != nil || got.as != c.as || c.as == storedRaw && !bytes.Equal(got.data, c.raw) {
			t.Errorf("%s: stored as %d, %v", c.name, got.as, err)
		}
		if cap(body) > len(body)+len(body)/4+64 {
			t.Errorf("%s: %d bytes are held for a record of %d", c.name, cap(body), len(body))
		}
	}
}
