package archive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
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

// joinReceipt makes a receipt of a line of a dialogue: when it came in, and
//
//	tenant source from to queue   of the delivery
//	bytes                         the mail's exact bytes
//	id content fields             what its Message-ID is, and what its canonical identity
//	                              and its fields are made of
//	window match                  the source's policy
//	unknown                       nothing is known of the mail's identity
func joinReceipt(t *testing.T, line string) *Receipt {
	t.Helper()
	words := strings.Fields(line)
	after, err := time.ParseDuration(words[0])
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	id := &Identity{}
	r := receipt(nil, "a@example.com", "b@example.org")
	r.Received, r.Join = r.Received.Add(after), Join{Window: 10 * time.Minute}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "tenant":
			r.Tenant = value
		case "source":
			r.Source = value
		case "from":
			r.Envelope.Sender.Address = value
		case "to":
			r.Envelope.Recipients = nil
			for to := range strings.SplitSeq(value, ",") {
				r.Envelope.Recipients = append(r.Envelope.Recipients, message.Path{Address: to})
			}
		case "queue":
			r.Envelope.QueueID = value
		case "bytes":
			r.Body, r.Size, r.SHA256 = strings.NewReader(value), int64(len(value)), sha256.Sum256([]byte(value))
		case "id":
			id.MessageID = value
		case "content":
			id.Canonical = sha256.Sum256([]byte("content " + value))
		case "fields":
			id.Fields = sha256.Sum256([]byte("fields " + value))
		case "window":
			if r.Join.Window, err = time.ParseDuration(value); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		case "match":
			r.Join.Match = Match(value)
		case "unknown":
			id = nil
		default:
			t.Fatalf("%q: %q is not known", line, word)
		}
	}
	r.Identity = id
	return r
}

// describeMessages writes down which entries an archive has in which messages. The
// numbers of events are left out of the count.
func describeMessages(t *testing.T, a *Archive) string {
	t.Helper()
	place := map[uint64]int{}
	for i, e := range list(t, a, Query{}) {
		place[e.ID] = i + 1
	}
	var b strings.Builder
	for m, err := range a.Messages(context.Background(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "message %d:", place[m.ID])
		for n, err := range members(context.Background(), a.catalog.reader(), m.ID) {
			e, failed := a.Entry(n)
			if err != nil || failed != nil || e.Message != m.ID {
				t.Fatalf("entry %d of message %d: %v, %v, message %d", n, m.ID, err, failed, e.Message)
			}
			fmt.Fprintf(&b, " %s", strings.TrimSpace(fmt.Sprintf("%d %s", place[n], e.Joined)))
			if e.Differs {
				b.WriteString(" differs")
			}
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %d forms", len(m.Variants))
		if e, _ := a.Entry(m.ID); e.Collides != 0 {
			fmt.Fprintf(&b, ", collides with %d", place[e.Collides])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// together appends receipts as one group of the ledger's.
func together(t *testing.T, a *Archive, receipts []*Receipt) {
	t.Helper()
	var records []ledger.Record
	for _, r := range receipts {
		raw := make([]byte, r.Size)
		r.Body.ReadAt(raw, 0)
		id, join := r.identity()
		e := &Entry{
			Tenant: r.Tenant, Source: r.Source, Received: r.Received, Envelope: r.Envelope, Size: r.Size, SHA256: r.SHA256,
			Identity: id, Join: join, formula: &formula{literal: len(raw)},
		}
		piece := recipe.Piece{Wire: r.Size, Stored: len(raw)}
		e.formula.pieces = []sourced{{Piece: piece, from: text}}
		facts, _, err := a.codec.encodeFacts(e, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, newEntryRecord(e, facts, &element{as: textRaw, size: len(raw)}, raw))
	}
	if err := a.ledger.Append(context.Background(), records); err != nil {
		t.Fatal(err)
	}
}

// remade makes an archive's catalog anew, which changes nothing.
func remade(t *testing.T, a *Archive, fs vfs.FS) *Archive {
	t.Helper()
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, "data", Options{FS: fs})
	if after := dump(t, a); after != before {
		t.Errorf("the rebuilt catalog differs: got\n%s\nwant\n%s", after, before)
	}
	return a
}

// The files in testdata/join are dialogues: the receipts that come in one after the
// other, and behind "=" the messages that they make, with their entries counted from 1
// and the reason for which each is joined.
func TestJoinDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/join/*.txt")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for part := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
			said, _, _ := strings.Cut(part, "\n=")
			out = append(out, said+"\n=\n"+joinDialogue(t, said))
		}
		golden(t, file, strings.Join(out, "\n"))
	}
}

// joinDialogue has the receipts of a dialogue come in one by one, with the earlier ones
// remembered and not, and then at once.
func joinDialogue(t *testing.T, said string) string {
	t.Helper()
	var receipts []*Receipt
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			receipts = append(receipts, joinReceipt(t, line))
		}
	}
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	for _, r := range receipts {
		e := appendOne(t, a, r)
		if back, err := a.Entry(e.ID); err != nil || back.Message != e.Message || back.Joined != e.Joined || back.Collides != e.Collides {
			t.Errorf("entry %d is read back as %+v, %v; it was %+v", e.ID, back, err, e)
		}
	}
	got := describeMessages(t, a)
	checkTotals(t, a)
	verified(t, a)
	a = remade(t, a, fs)
	if again := describeMessages(t, a); again != got {
		t.Errorf("after a rebuild\n%s\nwant\n%s", again, got)
	}
	a.Close()
	a = open(t, "data", Options{FS: vfs.NewMem()})
	for _, r := range receipts {
		a.catalog.past = newPast(a.codec, a.recordAt)
		appendOne(t, a, r)
	}
	if again := describeMessages(t, a); again != got || a.Stats().Doubts > 0 {
		t.Errorf("when nothing is remembered\n%s\nwant\n%s", again, got)
	}
	a.Close()
	fs = vfs.NewMem()
	a = open(t, "data", Options{FS: fs})
	together(t, a, receipts)
	if again := describeMessages(t, a); again != got {
		t.Errorf("in one group\n%s\nwant\n%s", again, got)
	}
	verified(t, a)
	remade(t, a, fs).Close()
	return got
}

// checkTotals compares the totals of the tenants, and the events, with the entries.
func checkTotals(t *testing.T, a *Archive) {
	t.Helper()
	want := map[string]*TenantTotals{}
	messages, collisions := uint64(0), 0
	for _, e := range list(t, a, Query{}) {
		w := want[e.Tenant]
		if w == nil {
			w = &TenantTotals{}
			want[e.Tenant] = w
		}
		w.Entries++
		w.ReceivedBytes += uint64(e.Size)
		switch e.Joined {
		case ReasonResend:
			w.Resends++
		case ReasonExact:
			w.ExactCopies++
		case ReasonContent:
			w.ContentCopies++
		case ReasonMessageID:
			w.MessageIDCopies++
		default:
			w.Messages++
			messages++
		}
		if e.Collides != 0 {
			w.Collisions++
			collisions++
		}
	}
	s := a.Stats()
	if s.Messages != messages || len(s.Tenants) != len(want) || s.Doubts != 0 {
		t.Errorf("%d messages of %d tenants, %d doubts; want %d of %d", s.Messages, len(s.Tenants), s.Doubts, messages, len(want))
	}
	stored := uint64(0)
	for _, have := range s.Tenants {
		stored += have.StoredBytes
		have.StoredBytes = 0
		if w := want[have.Tenant]; w == nil || *w != have.TenantTotals {
			t.Errorf("tenant %q has %+v, want %+v", have.Tenant, have.TenantTotals, w)
		}
	}
	if stored == 0 && messages > 0 || stored >= s.LedgerBytes {
		t.Errorf("%d bytes are stored of a ledger of %d", stored, s.LedgerBytes)
	}
	events := 0
	for e, err := range a.Events(context.Background(), Query{Kind: EventCollision}) {
		one, failed := a.Entry(e.Entry)
		if err != nil || failed != nil || one.Collides == 0 || e.MessageID != one.Identity.MessageID ||
			!strings.Contains(e.Text, fmt.Sprint("message ", one.Collides, " ")) {
			t.Errorf("event %+v, %v is about entry %+v, %v", e, err, one, failed)
		}
		events++
	}
	if events != collisions {
		t.Errorf("%d events tell of %d collisions", events, collisions)
	}
}

// A thousand messages have the Message-ID of another: none is joined.
func TestCollisionsAreNotJoined(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	count := 1000
	if testing.Short() {
		count = 100
	}
	for i := range count {
		for _, content := range []string{"one", "two"} {
			appendOne(t, a, joinReceipt(t, fmt.Sprintf("0s source=gateway id=%d@x content=%s fields=same bytes=%s-%d", i, content, content, i)))
		}
	}
	s := a.Stats()
	if n := uint64(2 * count); s.Messages != n || s.Entries != n || s.Tenants[0].Collisions != uint64(count) {
		t.Errorf("%d messages of %d entries, %d collisions; want %d of as many", s.Messages, s.Entries, s.Tenants[0].Collisions, n)
	}
	checkTotals(t, a)
	verified(t, a)
	remade(t, a, fs)
}

// A forged mail came first. The real one is listed, and its own bytes are fetched.
func TestForgedMailSuppressesNothing(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, match := range []Match{MatchContent, MatchMessageID} {
		forged := appendOne(t, a, joinReceipt(t, fmt.Sprintf("0s source=gateway match=%s id=%s@x content=forged fields=boss bytes=forged", match, match)))
		real := appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=gateway match=%s id=%s@x content=real fields=boss bytes=real", match, match)))
		if got := string(body(t, a, real.ID)); got != "real" {
			t.Errorf("%s: the real mail comes back as %q", match, got)
		}
		m, err := a.Message(t.Context(), real.ID)
		if err != nil || (m.ID == real.ID) != (match == MatchContent) {
			t.Errorf("%s: the real mail is in message %d, %v; the forged is %d", match, m.ID, err, forged.ID)
		}
		last := m.Variants[len(m.Variants)-1]
		if last.Entry != real.ID || last.Exact != sha256.Sum256([]byte("real")) || last.Differs != (match == MatchMessageID) {
			t.Errorf("%s: the real mail is not among the variants %+v", match, m.Variants)
		}
	}
}

// However many entries a message has, the list of it in the catalog stays small, and
// that of one entry smaller still.
func TestListsOfMessagesAreSmall(t *testing.T) {
	all := roster{list: []listed{{number: 100_000_000}}}
	if n := len(all.encode()); n > 5 {
		t.Errorf("a message of one entry takes %d bytes", n)
	}
	id := uint64(100_000_000)
	for i := range 10_000 {
		id += 1_000_000_000
		j := joined{head: all.list[i%len(all.list)].number, reason: ReasonContent}
		if i%100 == 0 {
			j = joined{head: id}
		}
		all.add(id, j)
	}
	if n := len(all.encode()); len(all.list) != maxHeads || !all.lost || len(all.list[0].forms) != maxForms-1 || n > 1000 {
		t.Errorf("%d messages take %d bytes", len(all.list), n)
	}
}

func FuzzRoster(f *testing.F) {
	one := listed{number: 5}
	f.Add((&roster{list: []listed{one}}).encode())
	two := listed{number: 300, forms: []listedForm{{301, true}, {1 << 62, false}}}
	f.Add((&roster{lost: true, list: []listed{one, two}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRoster(b)
		if err != nil {
			return
		}
		again, err := decodeRoster(r.encode())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v is read back as %+v, %v", r, again, err)
		}
		for _, one := range r.list {
			past := r.before(one.number)
			past.add(one.number, joined{head: one.number})
			if last := past.list[len(past.list)-1]; len(past.list) > maxHeads || last.number != one.number {
				t.Fatalf("%+v before %d is %+v", r, one.number, past)
			}
		}
	})
}

func FuzzPlace(f *testing.F) {
	at := encodeLocation(ledger.Location{Segment: 1, Offset: 2, Length: 300})
	f.Add(at)
	for _, j := range []joined{{head: 3, reason: ReasonMessageID, differs: true}, {head: 9, collides: 8}, {head: 1, reason: ReasonResend}} {
		f.Add(j.appendTo(slices.Clone(at)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		at, j, err := decodePlace(b, 9)
		if err != nil {
			return
		}
		back, same, err := decodePlace(j.appendTo(encodeLocation(at)), 9)
		if err != nil || back != at || same != j {
			t.Fatalf("%+v %+v is read back as %+v %+v, %v", at, j, back, same, err)
		}
	})
}

func FuzzTenantTotals(f *testing.F) {
	f.Add(TenantTotals{1, 2, 3, 4, 5, 6, 7, 1 << 60, 9}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := decodeTenant(b)
		if err != nil {
			return
		}
		if back, err := decodeTenant(one.encode()); err != nil || back != one {
			t.Fatalf("%+v is read back as %+v, %v", one, back, err)
		}
	})
}
