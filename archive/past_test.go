package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pairs appends the originals of some mails, closes the archive, and appends a copy of
// each after it was opened again, when nothing is remembered.
func pairs(t *testing.T, fs vfs.FS, count int) *Archive {
	t.Helper()
	a := open(t, "data", Options{FS: fs})
	for i := range count {
		appendOne(t, a, joinReceipt(t, fmt.Sprintf("0s source=gateway id=%d@x content=one bytes=%d", i, i)))
	}
	a.Close()
	a = open(t, "data", Options{FS: fs})
	for i := range count {
		appendOne(t, a, joinReceipt(t, fmt.Sprintf("1s source=journal id=%d@x content=one bytes=%d+report", i, i)))
	}
	return a
}

// After a crash entries are applied again while the ledger is being opened: those that
// they are joined to are read all the same, also when the archive is only read.
func TestJoinsAreAppliedAgain(t *testing.T) {
	fs := vfs.NewCrashableMem()
	a := pairs(t, fs, 20)
	want := dump(t, a)
	if a.Stats().Messages != 20 {
		t.Fatalf("%+v", a.Stats())
	}
	for _, readOnly := range []bool{true, false} {
		a := open(t, "data", Options{FS: fs.CrashClone(vfs.CrashCloneCfg{}), ReadOnly: readOnly})
		if len(a.catalog.past.young) != 40 {
			t.Errorf("read-only %v: %d entries are remembered: nothing was applied again", readOnly, len(a.catalog.past.young))
		}
		if a.early != nil {
			t.Error("the ledger is open twice")
		}
		if have := dump(t, a); have != want {
			t.Errorf("read-only %v: the catalog is\n%s\nwant\n%s", readOnly, have, want)
		}
		verified(t, a)
		a.Close()
	}
}

// An entry that others may belong to is damaged: it is left out, mail comes in, and at
// the next opening the catalog is what the ledger says without it.
func TestDamagedEntryIsLeftOutOfJoining(t *testing.T) {
	fs := vfs.NewMem()
	a := pairs(t, fs, 3)
	at, _, err := place(a.catalog.reader(), 2)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	spoilRecord(t, fs, at)
	a = open(t, "data", Options{FS: fs})
	third := appendOne(t, a, joinReceipt(t, "2s source=spare id=1@x content=one bytes=1+again"))
	fourth := appendOne(t, a, joinReceipt(t, "2s source=spare id=2@x content=one bytes=2+again"))
	if third.Message != third.ID || third.Collides != 0 || fourth.Message != 3 || a.Stats().Doubts != 1 {
		t.Errorf("%+v and %+v, %d doubts", third, fourth, a.Stats().Doubts)
	}
	fifth := appendOne(t, a, joinReceipt(t, "3s source=other id=1@x content=one bytes=1+more"))
	if fifth.Message != third.ID || a.Stats().Doubts != 2 {
		t.Errorf("%+v, %d doubts", fifth, a.Stats().Doubts)
	}
	if x, err := a.Explain(t.Context(), fifth.ID, 0); err != nil || !slices.Equal(x.Candidates, []uint64{2, third.ID}) {
		t.Errorf("%+v, %v", x, err)
	}
	a.Close()
	a = open(t, "data", Options{FS: fs})
	for _, id := range []uint64{third.ID, fifth.ID} {
		if e, err := a.Entry(id); err != nil || e.Message != 5 || e.Joined != ReasonContent {
			t.Errorf("%+v, %v; it belongs to the copy that is left", e, err)
		}
	}
	if n := a.Stats().Doubts; n != 0 {
		t.Errorf("%d doubts are left", n)
	}
	want := dump(t, a)
	a.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(Damage) {}); err != nil {
		t.Fatal(err)
	}
	if have := dump(t, open(t, "data", Options{FS: fs})); have != want {
		t.Errorf("the rebuilt catalog is\n%s\nwant\n%s", have, want)
	}
}

// Entries of another tenant, or with another Message-ID, share the short key: nothing is
// joined to them, and nothing collides with them.
func TestRosterIsShared(t *testing.T) {
	a := open(t, "data", Options{FS: vfs.NewMem()})
	lines := []string{
		"0s tenant=a source=s id=1@x content=one fields=f match=message-id bytes=same",
		"0s tenant=b source=s id=1@x content=one fields=f match=message-id bytes=same",
		"0s tenant=a source=s id=2@x content=one fields=f match=message-id bytes=same",
		"0s tenant=a source=s bytes=same",
	}
	all := &roster{}
	for i, line := range lines {
		r := joinReceipt(t, line)
		id, join := r.identity()
		key := joinKey(groupOf(&Entry{Tenant: r.Tenant, Identity: id, Join: join}))
		if i > 0 {
			if err := a.catalog.db.Set(key, all.encode(), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		e := appendOne(t, a, r)
		if e.Message != e.ID || e.Collides != 0 {
			t.Errorf("%s: %+v", line, e)
		}
		have, err := rosterIn(a.catalog.reader(), key)
		if err != nil || len(have.list) != i+1 {
			t.Fatalf("%+v, %v", have, err)
		}
		all = &have
		again := appendOne(t, a, joinReceipt(t, line))
		if again.Message != e.ID || again.Joined != ReasonResend {
			t.Errorf("%s again: %+v", line, again)
		}
	}
}

// What is remembered is bounded, and what was used last is kept.
func TestPastIsBounded(t *testing.T) {
	p := newPast(codec{}, func(ledger.Location) (ledger.Record, error) { return ledger.Record{}, errors.New("read") })
	a := open(t, "data", Options{FS: vfs.NewMem()})
	for i := range uint64(10 * maxPast) {
		p.keep(head{number: i + 1})
		if _, err := p.get(a.catalog.reader(), 1); err != nil {
			t.Fatalf("after %d others: %v", i, err)
		}
		if n := len(p.young) + len(p.old); n > 2*maxPast {
			t.Fatalf("%d entries are remembered", n)
		}
	}
	if _, err := p.get(a.catalog.reader(), 2); !errors.Is(err, ErrCatalog) {
		t.Errorf("an entry that is forgotten, and not there: %v", err)
	}
}
