package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is a file system whose segments are synced only while it is open.
type gate struct {
	vfs.FS
	shut *atomic.Bool
	let  chan struct{}
}

type gateFile struct {
	vfs.File
	g gate
}

func newGate(fs vfs.FS) gate { return gate{fs, new(atomic.Bool), make(chan struct{})} }

func (g gate) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := g.FS.OpenReadWrite(name, c, o...)
	if err != nil || !strings.HasSuffix(name, ".seg") {
		return file, err
	}
	return gateFile{file, g}, nil
}

func (f gateFile) SyncData() error {
	if f.g.shut.Load() {
		<-f.g.let
	}
	return f.File.SyncData()
}

// A chain has no more texts than its records can count, however many come at once.
func TestVeryManyTextsAtOnce(t *testing.T) {
	mem := vfs.NewMem()
	g := newGate(mem)
	a := open(t, "data", Options{FS: g})
	for n := range maxSpan/2 - 1 {
		appendOne(t, a, receipt(fmt.Append(nil, n), "a@b", "c@d"))
	}
	g.shut.Store(true)
	var wg sync.WaitGroup
	var mu sync.Mutex
	kept := map[uint64]string{}
	for n := range 3000 {
		wg.Go(func() {
			text := fmt.Sprint("m", n)
			e, err := a.Append(context.Background(), receipt([]byte(text), "a@b", "c@d"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			kept[e.ID] = text
		})
	}
	time.Sleep(300 * time.Millisecond) // so that most of them wait
	g.shut.Store(false)
	close(g.let)
	wg.Wait()
	for id, text := range kept {
		if got := body(t, a, id); string(got) != text {
			t.Fatalf("entry %d is %q, want %q", id, got, text)
		}
	}
	a.Close()
	if _, err := Rebuild(t.Context(), "data", Options{FS: mem, Logger: quiet()}, nil, func(d Damage) { t.Error(d) }); err != nil {
		t.Errorf("rebuild: %v", err)
	}
}

// With more tenants at once than have chains, the others' texts stand for themselves,
// and no compressor stays behind.
func TestVeryManyTenantsAtOnce(t *testing.T) {
	g := newGate(vfs.NewMem())
	a := open(t, "data", Options{FS: g})
	g.shut.Store(true)
	const tenants = 40
	ids, texts := make([]uint64, tenants), make([][]byte, tenants)
	var wg sync.WaitGroup
	for n := range tenants {
		wg.Go(func() {
			texts[n] = letter(n, rand.New(rand.NewPCG(7, uint64(n))))
			r := receipt(texts[n], "a@b", "c@d")
			r.Tenant = fmt.Sprint("tenant", n)
			e, err := a.Append(context.Background(), r)
			if err != nil {
				t.Error(err)
			}
			ids[n] = e.ID
		})
	}
	time.Sleep(200 * time.Millisecond)
	g.shut.Store(false)
	close(g.let)
	wg.Wait()
	ways := map[byte]int{}
	for n, id := range ids {
		if !bytes.Equal(body(t, a, id), texts[n]) {
			t.Errorf("other bytes came back of entry %d", id)
		}
		e, err := a.element(id)
		if err != nil {
			t.Fatal(err)
		}
		ways[e.as]++
	}
	if len(a.chains.lanes) > maxLanes || len(a.chains.spare) > maxSpare {
		t.Errorf("%d lanes and %d compressors are left", len(a.chains.lanes), len(a.chains.spare))
	}
	if ways[textChained] == 0 || ways[textAlone] == 0 {
		t.Errorf("texts by how they are stored: %v", ways)
	}
	verified(t, a)
}

// nested is a message with others inside.
func nested(texts ...[]byte) []byte {
	var b bytes.Buffer
	b.WriteString("From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n")
	for _, t := range texts {
		fmt.Fprintf(&b, "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\n%s\r\n", t)
	}
	b.WriteString("--x--\r\n")
	return b.Bytes()
}

// A mail whose parts are texts of many chains does not have all of them read again and
// again.
func TestAMailOfTextsOfManyChains(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	const chains, parts = 6, 300
	var known [chains][]byte
	for c := range chains {
		for m := range 20 {
			known[c] = []byte(base64Lines(noise(60_000, uint64(100*c+m)), 76))
			appendOne(t, a, receipt(nested(known[c][:4000], known[c][4000:]), "a@b", "c@d"))
		}
		l := a.chains.enter("default")
		l.mu.Lock()
		if l.chain != nil {
			l.chain.size = maxChain // the next text begins another
		}
		l.mu.Unlock()
		a.chains.leave(l)
	}
	var attack [][]byte
	for n := range parts {
		attack = append(attack, known[n%chains][:4000])
	}
	c := &cutter{contents: &contents{a: a, tenant: "default"}}
	mail := nested(attack...)
	err := c.message(t.Context(), receipt(mail, "a@b", "c@d"))
	c.end()
	if err != nil {
		t.Fatal(err)
	}
	if c.looked != maxLooked {
		t.Errorf("%d texts of others were looked into, want %d", c.looked, maxLooked)
	}
	if e := appendOne(t, a, receipt(mail, "a@b", "c@d")); !bytes.Equal(body(t, a, e.ID), mail) {
		t.Error("other bytes came back")
	}
}

// What pieces take of a text does not add up to more than a text has.
func TestFormulaOfTooMuchText(t *testing.T) {
	b := binary.AppendUvarint([]byte{0}, 255)
	for range 255 {
		b = binary.AppendUvarint(append(b, 0), maxText3+1)
	}
	if f, err := decodeFormula(b); err == nil {
		t.Errorf("read as a text of %d bytes", f.literal)
	}
}

// Neither do signatures.
func TestFormulaOfTooManySignatures(t *testing.T) {
	for size, want := range map[int]bool{recipe.MaxFolded / 2: true, recipe.MaxFolded/2 + 1: false} {
		s := sourced{Piece: recipe.Piece{Stored: size, Form: recipe.FormFolded, Layout: []byte{0}}, from: random}
		f, err := decodeFormula((&formula{pieces: []sourced{s, s}}).encode())
		if (err == nil) != want {
			t.Errorf("twice %d bytes are read as %+v, %v", size, f, err)
		}
	}
}

// Attachments in very odd lines are stored as they stand when the formula would not
// fit a record.
func TestLayoutsAreBounded(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	var odd strings.Builder
	chars := base64Lines(noise(30_000, 9), 1<<20)
	for n := 0; len(chars) > 0; n++ {
		w := min(len(chars), 32+n%2*2)
		odd.WriteString(chars[:w] + "\r\n")
		chars = chars[w:]
	}
	mail := "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part(odd.String()), 5) + "--b--\r\n"
	for _, before := range []int{0, maxLayouts} {
		c := &cutter{contents: &contents{a: a, tenant: "default"}, layouts: before}
		if err := c.message(t.Context(), receipt([]byte(mail), "a@b", "c@d")); err != nil {
			t.Fatal(err)
		}
		layouts := 0
		for _, p := range c.formula.pieces {
			layouts += len(p.Layout)
		}
		if (layouts == 0) != (before > 0) || c.formula.size() != int64(len(mail)) {
			t.Errorf("with %d before: %d bytes of layouts for %d bytes", before, layouts, c.formula.size())
		}
		c.end()
	}
}

// What is judged while the archive is closed is judged, or refused.
func TestCloseWhileJudging(t *testing.T) {
	for range 20 {
		a := open(t, "data", Options{FS: vfs.NewMem()})
		q := receipt([]byte("q"), "a@b", "c@d")
		q.Decision = sampleDecision(ActionQuarantine)
		e := appendOne(t, a, q)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := a.Keep(context.Background(), e.ID, "x", "y"); err != nil {
						return
					}
				}
			})
		}
		a.Close()
		wg.Wait()
	}
}

// Acknowledged mail that is gone from the end of the ledger is named after a kill too,
// when the catalog had not been written out.
func TestLostEndAfterAKill(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a := open(t, "data", Options{FS: fs})
	var last uint64
	for n := range 50 {
		last = appendOne(t, a, receipt(fmt.Append(nil, "mail ", n), "a@b", "c@d")).ID
	}
	killed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	path := "data/ledger/" + ledger.SegmentName(1)
	whole := fileBytes(t, killed, path)
	f, err := killed.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(whole[:len(whole)/2])
	f.Close()
	a = open(t, "data", Options{FS: killed})
	if len(a.Damage()) == 0 {
		t.Error("half of the ledger is cut off, and no damage is told")
	}
	if e := appendOne(t, a, receipt([]byte("new"), "a@b", "c@d")); e.ID <= last {
		t.Errorf("number %d is given again", e.ID)
	}
}

// A mark that is damaged tells nothing.
func TestMarkIsChecked(t *testing.T) {
	b := encodeMark(ledger.Mark{Position: ledger.Position{Segment: 3, Offset: 1 << 33}, Seq: 77, Group: 5})
	if m, ok := decodeMark(b); !ok || m.Segment != 3 || m.Offset != 1<<33 || m.Seq != 77 || m.Group != 5 {
		t.Errorf("read as %+v, %v", m, ok)
	}
	for i := range b {
		b[i] ^= 4
		if m, ok := decodeMark(b); ok {
			t.Errorf("with byte %d changed it is read as %+v", i, m)
		}
		b[i] ^= 4
	}
	if _, ok := decodeMark(b[:10]); ok {
		t.Error("half a mark is read")
	}
}
