package archive

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"daybook/archive/ledger"
	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

func sampleDecision(action Action) Decision {
	return Decision{
		Action: action, Rule: "non_internal", At: "policy.hcl:12", Reason: "gr\xfc\xdfe",
		Policy: Digest{1, 2, 3}, Tags: []string{"hr", "\xff"},
	}
}

// quarantined appends a message that is quarantined.
func quarantined(t testing.TB, a *Archive, text string) Entry {
	t.Helper()
	r := receipt([]byte(text), "a@b", "c@d")
	r.Decision = sampleDecision(ActionQuarantine)
	return appendOne(t, a, r)
}

func TestDecisionsAreKept(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	var want []Entry
	for _, d := range []Decision{{}, {Action: ActionArchive}, sampleDecision(ActionArchive), sampleDecision(ActionQuarantine), {Rule: "x"}} {
		r := receipt([]byte("x"), "a@b", "c@d")
		r.Decision = d
		want = append(want, appendOne(t, a, r))
	}
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	for _, w := range want {
		got, err := a.Entry(w.ID)
		if err != nil || !reflect.DeepEqual(got.Decision, w.Decision) || got.Quarantine != w.Quarantine {
			t.Errorf("got  %+v, %v, %v\nwant %+v, %v", got.Decision, got.Quarantine, err, w.Decision, w.Quarantine)
		}
	}
	verified(t, a)
}

func TestSkippedMailIsRecorded(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	d := sampleDecision(ActionSkip)
	want, err := a.AppendEvent(context.Background(), Event{
		Kind: EventSkip, Time: time.Unix(1000, 5).UTC(), Tenant: "default", Source: "postfix", Text: "left out",
		Envelope: &message.Envelope{Sender: message.Path{Address: "a@b"}, Recipients: []message.Path{{Address: "\xff@d"}}},
		Size:     77, SHA256: Digest{9}, MessageID: "<1@x>", Decision: &d,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AppendEvent(context.Background(), Event{Kind: EventGap}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	a = open(t, dir, Options{})
	for _, c := range []struct {
		q    Query
		want int
	}{
		{Query{}, 2}, {Query{Kind: EventSkip}, 1}, {Query{Kind: EventGap}, 1}, {Query{Kind: EventPolicy}, 0},
		{Query{Tag: "hr"}, 1}, {Query{Tag: "h"}, 0}, {Query{Kind: EventGap, Tag: "hr"}, 0},
	} {
		n := 0
		for e, err := range a.Events(context.Background(), c.q) {
			if n++; err != nil || e.Kind == EventSkip && !reflect.DeepEqual(e, want) {
				t.Errorf("got  %+v, %v\nwant %+v", e, err, want)
			}
		}
		if n != c.want {
			t.Errorf("%+v gives %d events, want %d", c.q, n, c.want)
		}
	}
	verified(t, a)
}

func TestDecisionsThatAreRefused(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, action := range []Action{ActionSkip, "reject"} {
		r := receipt([]byte("x"), "a@b", "c@d")
		r.Decision.Action = action
		if _, err := a.Append(context.Background(), r); err == nil {
			t.Errorf("a message with the decision %q became an entry", action)
		}
	}
	for _, e := range []Event{
		{Kind: EventRelease, Entry: 1}, {Kind: EventKeep, Entry: 1}, {Kind: EventPolicy, Policy: Digest{1}},
		{Kind: EventSkip}, {Kind: EventSkip, Decision: &Decision{Action: ActionArchive}},
	} {
		if _, err := a.AppendEvent(context.Background(), e); err == nil {
			t.Errorf("the event %+v was recorded", e)
		}
	}
	if s := a.Stats(); s.Last != 0 {
		t.Errorf("%d numbers were given", s.Last)
	}
}

func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	ctx := context.Background()
	one, two := quarantined(t, a, "Message-ID: <1@x>\r\n\r\n"), quarantined(t, a, "2")
	plain := appendOne(t, a, receipt([]byte("3"), "a@b", "c@d"))
	three := quarantined(t, a, "4")
	if one.Quarantine != QuarantineWaiting || plain.Quarantine != QuarantineNone {
		t.Errorf("at once: %v and %v", one.Quarantine, plain.Quarantine)
	}
	e, err := a.Release(ctx, one.ID, "root", "a customer")
	if err != nil || e.Kind != EventRelease || e.Entry != one.ID || e.Actor != "root" || e.Text != "a customer" || e.Tenant != "default" || e.ID == 0 {
		t.Errorf("release: %+v, %v", e, err)
	}
	for range 2 {
		if e, err = a.Keep(ctx, two.ID, "root", "spam"); err != nil || e.Kind != EventKeep || e.Entry != two.ID {
			t.Errorf("keep: %+v, %v", e, err)
		}
	}
	for _, do := range []func(context.Context, uint64, string, string) (Event, error){a.Release, a.Keep} {
		for id, want := range map[uint64]error{one.ID: ErrNotQuarantined, plain.ID: ErrNotQuarantined, 99: ErrNotFound, e.ID: ErrNotFound} {
			if _, err := do(ctx, id, "root", ""); !errors.Is(err, want) {
				t.Errorf("of entry %d: %v, want %v", id, err, want)
			}
		}
	}
	check := func(name string) {
		t.Helper()
		for _, c := range []struct {
			q    Query
			want []uint64
		}{
			{Query{Quarantine: QuarantineOnly}, []uint64{two.ID, three.ID}},
			{Query{Quarantine: QuarantineOnly, Reverse: true, Limit: 1}, []uint64{three.ID}},
			{Query{Quarantine: QuarantineOnly, MessageID: "1@x"}, nil},
			{Query{Quarantine: QuarantineOnly, Recipient: "C@D", After: two.ID}, []uint64{three.ID}},
			{Query{Quarantine: QuarantineWithout}, []uint64{one.ID, plain.ID}},
			{Query{Quarantine: QuarantineWithout, MessageID: "1@x"}, []uint64{one.ID}},
			{Query{Tag: "hr"}, []uint64{one.ID, two.ID, three.ID}},
			{Query{Tag: "hr", Quarantine: QuarantineWithout}, []uint64{one.ID}},
			{Query{}, []uint64{one.ID, two.ID, plain.ID, three.ID}},
		} {
			if got := numbers(list(t, a, c.q)); !slices.Equal(got, c.want) {
				t.Errorf("%s: %+v gives %v, want %v", name, c.q, got, c.want)
			}
		}
		for id, want := range map[uint64]QuarantineState{one.ID: QuarantineNone, two.ID: QuarantineKept, three.ID: QuarantineWaiting} {
			if e, err := a.Entry(id); err != nil || e.Quarantine != want || e.Decision.Action != ActionQuarantine {
				t.Errorf("%s: entry %d is %q: %v", name, id, e.Quarantine, err)
			}
		}
		if n := a.Stats().Waiting; n != 1 {
			t.Errorf("%s: %d wait", name, n)
		}
		if n := waitingGauge(t, a); n != 1 {
			t.Errorf("%s: the gauge says that %v wait", name, n)
		}
		verified(t, a)
	}
	check("at once")
	before := dump(t, a)
	a.Close()
	if _, err := Rebuild(ctx, dir, Options{Logger: quiet()}, nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir, Options{ReadOnly: true})
	check("rebuilt")
	if dump(t, a) != before {
		t.Error("the rebuilt catalog differs")
	}
}

// waitingGauge is what the metrics say of entries in quarantine.
func waitingGauge(t *testing.T, a *Archive) float64 {
	t.Helper()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(a.Collectors()...)
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "daybook_archive_quarantine_waiting" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no gauge of quarantine")
	return 0
}

// Many decide about the same entry at once: each entry is released once, and none
// that was released is put back.
func TestDecidingAtTheSameTime(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for i := range 20 {
		id := quarantined(t, a, fmt.Sprint(i)).ID
		var wg sync.WaitGroup
		var mu sync.Mutex
		released := 0
		for w := range 4 {
			wg.Go(func() {
				do := a.Release
				if w%2 == 1 {
					do = a.Keep
				}
				e, err := do(context.Background(), id, "root", "")
				if err != nil && !errors.Is(err, ErrNotQuarantined) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == EventRelease {
					released++
				}
			})
		}
		wg.Wait()
		if e, err := a.Entry(id); err != nil || e.Quarantine != QuarantineNone || released != 1 {
			t.Errorf("entry %d was released %d times and is %q: %v", id, released, e.Quarantine, err)
		}
	}
	verified(t, a)
}

// Verify does not take what changes while it runs for damage.
func TestVerifyBesideDecisions(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	var ids []uint64
	for i := range 100 {
		ids = append(ids, quarantined(t, a, fmt.Sprint(i)).ID)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, id := range ids {
			do := a.Release
			if i%2 == 0 {
				do = a.Keep
			}
			if _, err := do(context.Background(), id, "root", ""); err != nil {
				t.Error(err)
			}
			quarantined(t, a, fmt.Sprint("new", i))
			if _, err := a.KeepPolicy(context.Background(), Digest{byte(i%3 + 1)}, []PolicyFile{policyFile("x", []byte{byte(i)})}, Event{}); err != nil {
				t.Error(err)
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		verified(t, a)
	}
}

// A catalog that says otherwise than the ledger is found out.
func TestVerifyComparesTheCatalog(t *testing.T) {
	for name, spoil := range map[string]func(a *Archive) error{
		"state": func(a *Archive) error {
			return a.catalog.db.Set(seqKey(keyQuarantine, 1), []byte{stateKept}, pebble.NoSync)
		},
		"unknown state": func(a *Archive) error { return a.catalog.db.Set(seqKey(keyQuarantine, 1), []byte{7}, pebble.NoSync) },
		"missing":       func(a *Archive) error { return a.catalog.db.Delete(seqKey(keyQuarantine, 1), pebble.NoSync) },
		"one too many": func(a *Archive) error {
			return a.catalog.db.Set(seqKey(keyQuarantine, 2), []byte{stateKept}, pebble.NoSync)
		},
		"policy missing":  func(a *Archive) error { return a.catalog.db.Delete(policyKey(Digest{1}), pebble.NoSync) },
		"policy too many": func(a *Archive) error { return a.catalog.db.Set(policyKey(Digest{2}), seqKey(0, 3)[1:], pebble.NoSync) },
		"policy damaged":  func(a *Archive) error { return a.catalog.db.Set(policyKey(Digest{1}), nil, pebble.NoSync) },
	} {
		a := open(t, t.TempDir(), Options{})
		quarantined(t, a, "1")
		appendOne(t, a, receipt([]byte("2"), "a@b", "c@d"))
		if _, err := a.KeepPolicy(context.Background(), Digest{1}, []PolicyFile{policyFile("x", nil)}, Event{}); err != nil {
			t.Fatal(err)
		}
		verified(t, a)
		if err := spoil(a); err != nil {
			t.Fatal(err)
		}
		if r, err := a.Verify(context.Background(), nil, func(Damage) {}); err != nil || r.Damage == 0 {
			t.Errorf("%s: nothing was found (%v)", name, err)
		}
	}
}

// An entry that was lost leaves the decisions about it: it is named where it
// would be listed, and the listing goes on.
func TestDecisionAboutALostEntry(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	one, two := quarantined(t, a, "1"), quarantined(t, a, "2")
	if _, err := a.Keep(context.Background(), one.ID, "root", ""); err != nil {
		t.Fatal(err)
	}
	at, err := location(a.catalog.reader(), seqKey(keyEntry, one.ID))
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	segment := "data/ledger/" + ledger.SegmentName(1)
	b := slices.Clone(fileBytes(t, fs, segment))
	b[at.Offset+40] ^= 1
	f, err := fs.Create(segment, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(b)
	f.Close()
	if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(Damage) {}); err != nil {
		t.Fatal(err)
	}
	a = open(t, "data", Options{FS: fs})
	var whole, lost []uint64
	for e, err := range a.List(context.Background(), Query{Quarantine: QuarantineOnly}) {
		if d := (*Damage)(nil); errors.As(err, &d) {
			lost = append(lost, d.Entry)
		} else if err == nil {
			whole = append(whole, e.ID)
		}
	}
	if !slices.Equal(whole, []uint64{two.ID}) || !slices.Equal(lost, []uint64{one.ID}) {
		t.Errorf("listed %v, and %v as lost", whole, lost)
	}
	if _, err := a.Release(context.Background(), one.ID, "root", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("release of what is lost: %v", err)
	}
}
