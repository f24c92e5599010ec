package archive

import (
	"bytes"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// oldRecords gives the bodies of the old archive's records of a type.
func oldRecords(f *testing.F, kind uint8) (bodies [][]byte) {
	f.Helper()
	return recordsOf(f, oldArchive, kind)
}

// recordsOf gives the bodies of an archive's records of a type.
func recordsOf(f testing.TB, folder string, kind uint8) (bodies [][]byte) {
	f.Helper()
	l, err := ledger.Open(f.Context(), filepath.Join(folder, ledgerDir), ledger.Options{
		FS: vfs.Default, ReadOnly: true,
		Apply: func(records []ledger.Record, _ ledger.Mark) error {
			for _, r := range records {
				if r.Type == kind {
					bodies = append(bodies, r.Body)
				}
			}
			return nil
		},
	})
	if err != nil || len(bodies) == 0 {
		f.Fatalf("%d old records of type %d: %v", len(bodies), kind, err)
	}
	l.Close()
	return bodies
}

// What can be read as an entry is the same entry when it is written and read
// again.
func FuzzEntryRecord(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range oldRecords(f, typeEntry) {
		f.Add(b)
	}
	f.Add(entryBody(f, c, &Entry{
		ID: 7, Tenant: "t", Received: time.Unix(1, 2), Envelope: message.Envelope{Recipients: []message.Path{{Address: "\xff"}}},
		Decision: sampleDecision(ActionQuarantine), formula: sampleFormula(),
		Size: 17, Truth: sampleTruth("a", 9), text: element{as: textChained, start: 5, index: 1, size: 8, data: []byte("whatever")},
		Identity: &Identity{Exact: Digest{1}, Canonical: Digest{2}, MessageID: "1@x", Fields: Digest{3}},
		Join:     Join{Window: time.Hour, Match: MatchMessageID},
	}))
	reading := &Archive{codec: c}
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := c.decodeEntry(ledger.Record{Seq: 7, Body: b})
		if err != nil {
			return
		}
		indexKeys(&one)
		if r, err := reading.reader(t.Context(), &one); err == nil && len(r.ends) > 0 && r.ends[len(r.ends)-1] != one.Size {
			t.Fatalf("the pieces of a message of %d bytes end at %v", one.Size, r.ends)
		}
		if slices.ContainsFunc(one.formula.pieces, func(p sourced) bool { return p.from == unknown }) {
			return
		}
		again := entryBody(t, c, &one)
		two, err := c.decodeEntry(ledger.Record{Seq: 7, Body: again})
		if !reflect.DeepEqual(one.Truth, two.Truth) {
			t.Fatalf("the truth %+v is read back as %+v", one.Truth, two.Truth)
		}
		if !reflect.DeepEqual(one.Identity, two.Identity) || one.Join != two.Join {
			t.Fatalf("the identity %+v %+v is read back as %+v %+v", one.Identity, one.Join, two.Identity, two.Join)
		}
		if one.Identity != nil {
			if newHead(&one).group != groupOf(&two) {
				t.Fatalf("%+v is read back in another group: %+v", one, two)
			}
		}
		if err != nil {
			t.Fatalf("%+v is not read back: %v", one, err)
		}
		if third := entryBody(t, c, &two); !bytes.Equal(third, again) {
			t.Fatalf("%+v is read back as %+v", one, two)
		}
	})
}

// entryBody encodes an entry as a record of the newest version.
func entryBody(t testing.TB, c codec, e *Entry) []byte {
	t.Helper()
	facts, _, err := c.encodeFacts(e, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	stored := e.text
	if stored.start == e.ID {
		stored.start = 0
	}
	return newEntryRecord(e, facts, &stored, stored.data).Body
}

func sampleFormula() *formula {
	return &formula{
		contents: []contentRef{{Size: 9, Hash: Digest{1}}, {Size: 5, Hash: Digest{2}, Inline: true}},
		pieces: []sourced{
			{Piece: recipe.Piece{Stored: 3, Wire: 3}, from: text},
			{Piece: recipe.Piece{Stored: 9, Wire: 9}, from: 0},
			{Piece: recipe.Piece{Stored: 5, Wire: 5}, from: 1},
		},
		literal: 3,
	}
}

// signedFormula has two signatures, one of them folded.
func signedFormula() *formula {
	f := sampleFormula()
	for _, layout := range []string{"\x00", "\x49\x02\x03"} {
		p := recipe.Piece{Stored: 9, Form: recipe.FormFolded, Layout: []byte(layout)}
		_, p.Wire, _ = recipe.CutFolded(p.Layout, p.Stored)
		f.pieces = append(f.pieces, sourced{Piece: p, from: random, at: f.random})
		f.random += p.Stored
	}
	return f
}

// FuzzFormula reads recipes. What is read is written as it was, and every piece lies
// within what it is made from.
func FuzzFormula(f *testing.F) {
	f.Add(sampleFormula().encode())
	f.Add(signedFormula().encode())
	said := sampleFormula()
	said.pieces = append(said.pieces, sourced{Piece: recipe.Piece{Stored: 30, Wire: 30}, from: saidID},
		sourced{Piece: recipe.Piece{Stored: 20, Wire: 20}, from: saidSubject})
	f.Add(said.encode())
	f.Add([]byte{0, 1, 0, 0})
	f.Add([]byte{0, 2, 1, 3, 4, 2, 1, 'x', 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := decodeFormula(b)
		if err != nil {
			return
		}
		for _, p := range one.pieces {
			size := one.literal
			switch {
			case p.from == random:
				size = one.random
			case p.from == saidID || p.from == saidSubject:
				size = maxText3 // it is the facts that tell
			case p.from != text:
				size = one.contents[p.from].Size
			}
			if p.at < 0 || p.at+p.Stored > size {
				t.Fatalf("a piece from %d to %d of %d bytes", p.at, p.at+p.Stored, size)
			}
		}
		if one.random > recipe.MaxFolded {
			t.Fatalf("%d bytes look random", one.random)
		}
		two, err := decodeFormula(one.encode())
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Fatalf("%+v is read back as %+v: %v", one, two, err)
		}
	})
}

func FuzzEventRecord(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range oldRecords(f, typeEvent) {
		f.Add(b)
	}
	d := sampleDecision(ActionSkip)
	for _, e := range []Event{
		{Kind: EventSkip, Envelope: &message.Envelope{}, Decision: &d, MessageID: "<1@x>"},
		{Kind: EventRelease, Entry: 1 << 60, Actor: "root", Text: "\xff"},
		{Kind: EventCompaction, Compaction: &Compaction{
			Segment: 3, Records: 2, Bytes: 99, gone: []goneContents{{"t", make([]byte, 64)}}, left: []leftContents{{"t", held{1, 2}}},
		}},
		{Kind: EventCompaction, Compaction: &Compaction{Segment: 3, Records: 1, Bytes: 99, gone: []goneContents{{"t", make([]byte, 32)}}, until: 1 << 40}},
		{Kind: EventPolicy, Policy: Digest{1}, Files: []KeptFile{{Name: "x", Size: 9, recipe: []piece{{Kind: pieceContent, Data: make([]byte, 32), Size: 9}}}}},
	} {
		b, err := c.encodeEvent(&e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := c.decodeEvent(ledger.Record{Seq: 7, Body: b})
		if err != nil {
			return
		}
		for i := range one.Files {
			recipeKey(&one.Files[i])
		}
		if one.Compaction != nil {
			if one.Compaction.until < 0 {
				t.Fatalf("a compaction ends at %d", one.Compaction.until)
			}
			for key := range one.Compaction.keys {
				if len(key) < 2+len(Digest{}) || len(key) != 2+int(key[1])+len(Digest{}) {
					t.Fatalf("%x is no key of a content", key)
				}
			}
		}
		again, err := c.encodeEvent(&one)
		if err != nil {
			t.Fatal(err)
		}
		two, err := c.decodeEvent(ledger.Record{Seq: 7, Body: again})
		if third, e := c.encodeEvent(&two); err != nil || e != nil || !bytes.Equal(third, again) {
			t.Fatalf("%+v is read back as %+v: %v, %v", one, two, err, e)
		}
	})
}

func FuzzContentRecord(f *testing.F) {
	for _, b := range oldRecords(f, typeContent) {
		f.Add(b)
	}
	f.Add(append(contentHead(nil, policyTenant, Digest{1}, 3, storedRaw, 3), "abc"...))
	f.Add(contentHead(nil, strings.Repeat("t", MaxName), Digest{1}, 0, storedZstd, 0))
	p, err := newPress()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeContent(b)
		if err != nil {
			return
		}
		if again := append(contentHead(nil, c.tenant, c.hash, int(c.size), c.as, 0), c.data...); !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x", b, again)
		}
		if raw, err := p.unpack(c); err == nil && len(raw) > 2*maxPiece {
			t.Fatalf("%d bytes come of a piece", len(raw))
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add(state{mark: ledger.Mark{Position: ledger.Position{Segment: 1, Offset: 2}, Seq: 3, Group: 4}, totals: totals{1, 2, 3, 4, 5, 6}, doubts: 7}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeState(b)
		if err != nil {
			return
		}
		if back, err := decodeState(s.encode()); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%+v is read back as %+v: %v", s, back, err)
		}
	})
}

func FuzzHeld(f *testing.F) {
	f.Add(held{1, 1 << 60}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeld(b)
		if err != nil {
			return
		}
		if again, err := decodeHeld(h.encode()); err != nil || again != h {
			t.Fatalf("%+v is read back as %+v: %v", h, again, err)
		}
	})
}
