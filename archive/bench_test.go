package archive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// benchEntry is a mail of 4 KB with a Message-ID of its own.
func benchEntry(n int) *Entry {
	id := fmt.Sprintf("%x@mail.example.com", sha256.Sum256(fmt.Append(nil, n)))
	return &Entry{
		Tenant: "example", Source: "gateway", Received: time.Date(2026, 3, 1, 8, 0, 0, n*1000, time.UTC).Add(time.Duration(n) * 71 * time.Millisecond), Size: 4096,
		SHA256: sha256.Sum256([]byte(id)),
		Envelope: message.Envelope{
			Sender:     message.Path{Address: fmt.Sprintf("sender-%d@example.com", n%1000)},
			Recipients: []message.Path{{Address: fmt.Sprintf("recipient-%d@example.org", n%5000)}, {Address: fmt.Sprintf("other-%d@example.org", n%700)}},
		},
		Summary:  message.Summary{MessageID: "<" + id + ">", Subject: fmt.Sprint("Report ", n)},
		Identity: &Identity{Exact: sha256.Sum256([]byte(id)), Canonical: sha256.Sum256([]byte("canonical" + id)), MessageID: id},
		Join:     Join{Window: 10 * time.Minute, Match: MatchContent},
		formula:  &formula{literal: 4096, pieces: []sourced{{Piece: recipe.Piece{Wire: 4096, Stored: 4096}, from: text}}},
	}
}

// BenchmarkApply applies groups of 64 entries to the catalog: mail that joins nothing,
// and mail each of which comes twice.
func BenchmarkApply(b *testing.B) {
	const group = 64
	for _, copies := range []int{1, 2} {
		b.Run(fmt.Sprintf("copies=%d", copies), func(b *testing.B) {
			a := open(b, "data", Options{FS: vfs.NewMem()})
			mark := a.ledger.Mark()
			seq, n := mark.Seq, 0
			for b.Loop() {
				b.StopTimer()
				records := make([]ledger.Record, group)
				for i := range records {
					e := benchEntry(n / copies)
					if e.Envelope.QueueID = fmt.Sprint(n); n%copies > 0 {
						e.Source, e.Identity.Exact = "journal", sha256.Sum256(fmt.Append(nil, n))
					}
					e.Identity.Canonical = Digest(append(e.Identity.Canonical[:16:16], make([]byte, 16)...))
					records[i] = ledger.Record{Type: typeEntry, Flags: ledger.Numbered, Seq: seq, Note: e,
						At: ledger.Location{Segment: 1, Offset: int64(seq) * 1200, Length: 1180}}
					n, seq = n+1, seq+1
				}
				mark.Seq = seq
				mark.Offset = int64(seq) * 1200
				b.StartTimer()
				if err := a.catalog.apply(records, mark); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/group, "ns/entry")
		})
	}
}

// fillWith has the archive take entries of 4 KB, from 0 on.
func fillWith(tb testing.TB, a *Archive, count int) {
	tb.Helper()
	const group = 100
	for n := 0; n < count; n += group {
		var records []ledger.Record
		for i := range group {
			e := benchEntry(n + i)
			facts, _, err := a.codec.encodeFacts(e, nil, false)
			if err != nil {
				tb.Fatal(err)
			}
			records = append(records, newEntryRecord(e, facts, &element{as: textRaw, size: 4096}, make([]byte, 4096)))
		}
		if err := a.ledger.Append(context.Background(), records); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkLook reads an entry that a copy may belong to, and that is not remembered.
func BenchmarkLook(b *testing.B) {
	const count = 10_000
	a := open(b, b.TempDir(), Options{})
	fillWith(b, a, count)
	p := newPast(a.codec, a.recordAt)
	n := uint64(0)
	for b.Loop() {
		n++
		if _, err := p.look(a.catalog.reader(), 1+n*7919%count); err != nil {
			b.Fatal(err)
		}
	}
}

// The catalog's share of small mail that joins nothing is small.
func TestCatalogIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("appends 30,000 entries")
	}
	dir := t.TempDir()
	a := open(t, dir, Options{})
	const count = 30_000
	fillWith(t, a, count)
	if err := a.catalog.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := a.catalog.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []byte{keyEntry, keyMessageID, keyRecipient, keySender, keyTime, keyJoin, keyContent} {
		size, err := a.catalog.db.EstimateDiskUsage([]byte{prefix}, prefixEnd([]byte{prefix}))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%c: %.1f bytes an entry", prefix, float64(size)/count)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	size, err := folderSize(vfs.Default, filepath.Join(dir, catalogDir))
	if err != nil {
		t.Fatal(err)
	}
	per := float64(size) / count
	t.Logf("%.1f bytes an entry in all", per)
	if per > 66 {
		t.Errorf("an entry takes %.1f bytes of the catalog", per)
	}
}
