package archive

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// oldRecords gives the bodies of the old archive's records of a type.
func oldRecords(f *testing.F, kind uint8) (bodies [][]byte) {
	f.Helper()
	l, err := ledger.Open(f.Context(), filepath.Join(oldArchive, ledgerDir), ledger.Options{
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
	b, err := c.encodeEntry(&Entry{
		Tenant: "t", Received: time.Unix(1, 2), Envelope: message.Envelope{Recipients: []message.Path{{Address: "\xff"}}},
		Decision: sampleDecision(ActionQuarantine), recipe: []piece{{Kind: pieceContent, Data: make([]byte, 32), Size: 9}},
		Size: 9, Truth: sampleTruth("a", 9),
		Identity: &Identity{Exact: Digest{1}, Canonical: Digest{2}, MessageID: "1@x", Fields: Digest{3}},
		Join:     Join{Window: time.Hour, Match: MatchMessageID},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
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
		again, err := c.encodeEntry(&one)
		if err != nil {
			t.Fatal(err)
		}
		two, err := c.decodeEntry(ledger.Record{Seq: 7, Body: again})
		if !reflect.DeepEqual(one.Truth, two.Truth) {
			t.Fatalf("the truth %+v is read back as %+v", one.Truth, two.Truth)
		}
		if !reflect.DeepEqual(one.Identity, two.Identity) || one.Join != two.Join {
			t.Fatalf("the identity %+v %+v is read back as %+v %+v", one.Identity, one.Join, two.Identity, two.Join)
		}
		if one.Identity != nil {
			h := newHead(&one)
			joinKey(&one)
			known := heads{list: []head{h}}
			if _, err := decodeHeads(known.encode()); err != nil {
				t.Fatalf("%+v: %v", h, err)
			}
		}
		if third, e := c.encodeEntry(&two); err != nil || e != nil || !bytes.Equal(third, again) {
			t.Fatalf("%+v is read back as %+v: %v, %v", one, two, err, e)
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
	f.Add(append(contentHead(policyTenant, Digest{1}, 3, storedRaw, 3), "abc"...))
	f.Add(contentHead(strings.Repeat("t", MaxName), Digest{1}, 0, storedZstd, 0))
	p, err := newPress()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeContent(b)
		if err != nil {
			return
		}
		if again := append(contentHead(c.tenant, c.hash, int(c.size), c.as, 0), c.data...); !bytes.Equal(again, b) {
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
