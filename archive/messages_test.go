package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// messageNumbers gives the numbers of the messages that a query wants.
func messageNumbers(t *testing.T, a *Archive, q Query) (n []uint64) {
	t.Helper()
	for m, err := range a.Messages(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		n = append(n, m.ID)
	}
	return n
}

// messageArchive has three messages: 1 with the entries 1, 3 and 5; 2 with the entries
// 2 and 6; and 4.
func messageArchive(t *testing.T, dir string) *Archive {
	t.Helper()
	a := open(t, dir, Options{})
	for _, line := range []string{
		"0s  source=gateway id=1@x content=one   bytes=one         from=anna@x to=bob@y,carl@y",
		"1s  source=gateway id=2@x content=two   bytes=two         from=dora@x to=bob@y",
		"60s source=google  id=1@x content=one   bytes=one+google  from=anna+bounce@x to=Carl@y,emil@y",
		"61s source=gateway id=3@x content=three bytes=three       from=anna@x to=fred@y tenant=other",
		"5m  source=journal id=1@x content=one   bytes=one         from=exchange@x to=journal@z",
		"6m  source=journal id=2@x content=two   bytes=two+report  from=exchange@x to=journal@z",
	} {
		r := joinReceipt(t, line)
		if r.Source == "journal" {
			r.Decision = Decision{Action: ActionQuarantine, Tags: []string{"report"}}
			r.Truth = &message.Truth{Evidence: message.EvidenceReport, Sender: "Anna@x", MessageID: "inside@x", Recipients: []message.Recipient{
				{Address: "bob@y", Class: message.ClassTo}, {Address: "gina@y", Class: message.ClassBcc, History: message.HistoryExpanded, From: "all@y"},
			}}
		}
		appendOne(t, a, r)
	}
	return a
}

func TestMessagesAreFound(t *testing.T) {
	dir := t.TempDir()
	a := messageArchive(t, dir)
	at := func(seconds int64) time.Time { return time.Unix(1_700_000_000+seconds, 0) }
	for _, c := range []struct {
		name              string
		q                 Query
		messages, entries []uint64
	}{
		{"all", Query{}, []uint64{1, 2, 4}, []uint64{1, 2, 3, 4, 5, 6}},
		{"reverse", Query{Reverse: true, Limit: 2}, []uint64{4, 2}, []uint64{6, 5}},
		{"a page", Query{After: 1, Limit: 1}, []uint64{2}, []uint64{2}},
		{"before", Query{Before: 4}, []uint64{1, 2}, []uint64{1, 2, 3}},
		{"tenant", Query{Tenant: "other"}, []uint64{4}, []uint64{4}},
		{"source", Query{Source: "google"}, []uint64{1}, []uint64{3}},
		{"recipient of a copy", Query{Recipient: "emil@y"}, []uint64{1}, []uint64{3}},
		{"recipient of several copies", Query{Recipient: "carl@Y"}, []uint64{1}, []uint64{1, 3}},
		{"member of a list", Query{Recipient: "all@y"}, []uint64{1, 2}, []uint64{5, 6}},
		{"recipient, page", Query{Recipient: "bob@y", After: 1}, []uint64{2}, []uint64{2, 5, 6}},
		{"sender of a copy", Query{Sender: "anna+bounce@x"}, []uint64{1}, []uint64{3}},
		{"each of another entry", Query{Sender: "dora@x", Recipient: "gina@y"}, []uint64{2}, nil},
		{"Message-ID of a report", Query{MessageID: "inside@x"}, []uint64{1, 2}, []uint64{5, 6}},
		{"time of a copy", Query{Since: at(60), Until: at(61)}, []uint64{1}, []uint64{3}},
		{"time, once each", Query{Since: at(0), Until: at(1000)}, []uint64{1, 2, 4}, []uint64{1, 2, 3, 4, 5, 6}},
		{"time, reverse", Query{Since: at(60), Reverse: true}, []uint64{4, 2, 1}, []uint64{6, 5, 4, 3}},
		{"tag", Query{Tag: "report", Recipient: "emil@y"}, []uint64{1}, nil},
		{"quarantine", Query{Quarantine: QuarantineOnly}, []uint64{1, 2}, []uint64{5, 6}},
		{"quarantine, reverse page", Query{Quarantine: QuarantineOnly, Reverse: true, Before: 2}, []uint64{1}, nil},
		{"without quarantine", Query{Quarantine: QuarantineWithout}, []uint64{1, 2, 4}, []uint64{1, 2, 3, 4}},
		{"without what is in quarantine", Query{Quarantine: QuarantineWithout, Recipient: "gina@y"}, nil, nil},
		{"nobody", Query{Recipient: "x@y"}, nil, nil},
	} {
		if got := messageNumbers(t, a, c.q); !slices.Equal(got, c.messages) {
			t.Errorf("%s: messages %v, want %v", c.name, got, c.messages)
		}
		if got := numbers(list(t, a, c.q)); !slices.Equal(got, c.entries) {
			t.Errorf("%s: entries %v, want %v", c.name, got, c.entries)
		}
	}
	verified(t, a)
	a.Close()
	a = open(t, dir, Options{ReadOnly: true})
	if got := messageNumbers(t, a, Query{}); len(got) != 3 {
		t.Errorf("read-only: messages %v", got)
	}
	verified(t, a)
}

func TestAMessageIsTheUnionOfItsEntries(t *testing.T) {
	a := messageArchive(t, t.TempDir())
	m, err := a.Message(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != 1 || m.Tenant != "default" || m.Entries != 3 || m.Cut || m.Unreadable != 0 || m.Size != 3 || m.Last.Sub(m.First) != 5*time.Minute {
		t.Errorf("%+v", m)
	}
	if want := []string{"gateway", "google", "journal"}; !slices.Equal(m.Sources, want) {
		t.Errorf("sources %q, want %q", m.Sources, want)
	}
	var b strings.Builder
	for _, list := range [][]Party{m.Senders, m.Recipients} {
		for _, p := range list {
			fmt.Fprintf(&b, "%s", p.Address)
			for _, told := range p.Told {
				fmt.Fprintf(&b, " (%d %s %s %s %s)", told.Entry, told.Evidence, told.Class, told.History, told.From)
			}
			b.WriteString("\n")
		}
	}
	want := `anna@x (1 envelope   ) (5 report   )
anna+bounce@x (3 envelope   )
bob@y (1 envelope unknown  ) (5 report to  )
carl@y (1 envelope unknown  )
emil@y (3 envelope unknown  )
gina@y (5 report bcc expanded all@y)
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if v := m.Variants; len(v) != 2 || v[0].Entry != 1 || v[0].Entries != 2 || v[1].Entry != 3 || string(body(t, a, v[1].Entry)) != "one+google" {
		t.Errorf("variants %+v", v)
	}
	if m, err := a.Message(t.Context(), 4); err != nil || m.ID != 4 || m.Entries != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := a.Message(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("a message that is not there: %v", err)
	}
}

// The first entry is in quarantine: that hides it, and not the others.
func TestQuarantineHidesNoOtherEntry(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	r := joinReceipt(t, "0s source=gateway id=1@x content=one bytes=one from=anna@x to=bob@y")
	r.Decision.Action = ActionQuarantine
	appendOne(t, a, r)
	appendOne(t, a, joinReceipt(t, "1s source=journal id=1@x content=one bytes=one+report from=anna@x to=carl@y"))
	for m, err := range a.Messages(t.Context(), Query{Quarantine: QuarantineWithout}) {
		if err != nil || m.ID != 1 || m.Entries != 2 || len(m.Recipients) != 1 || m.Recipients[0].Address != "carl@y" || m.Size != int64(len("one+report")) {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if got := messageNumbers(t, a, Query{Quarantine: QuarantineWithout, Recipient: "bob@y"}); got != nil {
		t.Errorf("messages %v are found by what is in quarantine", got)
	}
	if _, err := a.Release(t.Context(), 1, "admin", ""); err != nil {
		t.Fatal(err)
	}
	if got := messageNumbers(t, a, Query{Quarantine: QuarantineWithout, Recipient: "bob@y"}); !slices.Equal(got, []uint64{1}) {
		t.Errorf("messages %v after the release", got)
	}
}

// A message has more entries than are put together: all are counted, and it is found
// by the last of them.
func TestMessageOfVeryManyEntries(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	const count = maxMembers + 200
	var receipts []*Receipt
	for i := range count {
		receipts = append(receipts, joinReceipt(t, fmt.Sprintf("%ds source=s%d id=1@x content=one bytes=%d window=24h to=r%d@y", i, i%3, i, i)))
	}
	together(t, a, receipts)
	for _, q := range []Query{{}, {Recipient: fmt.Sprintf("r%d@y", count-1)}} {
		n := 0
		for m, err := range a.Messages(t.Context(), q) {
			if n++; err != nil || m.Entries != count || !m.Cut || len(m.Recipients) != maxMembers || len(m.Variants) != maxMembers ||
				len(m.Sources) != 3 || m.Last.Sub(m.First) != (count-1)*time.Second {
				t.Errorf("%d entries, cut %v, %d recipients, last %v, %v", m.Entries, m.Cut, len(m.Recipients), m.Last.Sub(m.First), err)
			}
		}
		if n != 1 {
			t.Errorf("%+v gives %d messages", q, n)
		}
	}
	if got := messageNumbers(t, a, Query{Recipient: "r0@y", Source: "other"}); got != nil {
		t.Errorf("messages %v are not wanted", got)
	}
	verified(t, a)
	remade(t, a, fs)
}

// Copies come on many connections at once: one message.
func TestCopiesAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 30 {
				r := joinReceipt(t, fmt.Sprintf("0s source=s%d id=%d@x content=one bytes=%d to=r%d@y", w, i, i, w))
				if _, err := a.Append(context.Background(), r); err != nil {
					t.Error(err)
				}
				for m, err := range a.Messages(context.Background(), Query{MessageID: "none", Recipient: "r0@y"}) {
					t.Errorf("%+v, %v", m, err)
				}
			}
			if _, err := a.Verify(context.Background(), nil, func(d Damage) { t.Error(d.Error()) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for m, err := range a.Messages(t.Context(), Query{}) {
		if n++; err != nil || m.Entries != 8 || len(m.Recipients) != 8 || len(m.Variants) != 1 {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if n != 30 {
		t.Errorf("%d messages, want 30", n)
	}
	checkTotals(t, a)
	verified(t, a)
}

// A damaged entry does not hide its message.
func TestAMessageWithADamagedEntry(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for i := range 3 {
		appendOne(t, a, joinReceipt(t, fmt.Sprintf("0s source=s%d id=1@x content=one bytes=one%d to=r%d@y", i, i, i)))
	}
	at, _, err := place(a.catalog.reader(), 1)
	if err != nil {
		t.Fatal(err)
	}
	at.Offset++ // where no record stands
	if err := a.catalog.db.Set(seqKey(keyEntry, 1), encodeLocation(at), pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	m, err := a.Message(t.Context(), 3)
	if err != nil || m.ID != 1 || m.Entries != 3 || m.Unreadable != 1 || len(m.Recipients) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	// It may be what is looked for.
	n := 0
	for _, err := range a.Messages(t.Context(), Query{Recipient: "r0@y"}) {
		if n++; !errors.As(err, new(*Damage)) {
			t.Errorf("the damage is not told: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d answers, want one error", n)
	}
}

func TestExplain(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	for _, line := range []string{
		"0s   source=gateway id=1@x content=one bytes=one",
		"9m   source=journal id=1@x content=one bytes=one+report",
		"30m  source=journal id=1@x content=one bytes=one+report",
		"11m  source=google  id=1@x content=one bytes=one+google",
		"12m  source=gateway id=1@x content=two bytes=two",
	} {
		appendOne(t, a, joinReceipt(t, line))
	}
	appendOne(t, a, joinReceipt(t, "0s unknown source=gateway bytes=x"))  // after the event of the collision
	appendOne(t, a, joinReceipt(t, "0s source=gateway bytes=x"))          // without a Message-ID
	appendOne(t, a, joinReceipt(t, "0s tenant=z source=gateway bytes=x")) // of another tenant
	for _, c := range []struct {
		one, two uint64
		want     string
	}{
		{1, 2, "1 2 together true via 0 joins [content] differ [exact bytes source, sender and recipients]"},
		{2, 0, "1 2 together true via 0 joins [content] differ [exact bytes source, sender and recipients]"},
		{3, 0, "1 3 together true via 2 joins [] differ [exact bytes source, sender and recipients window]"},
		{4, 1, "1 4 together false via 0 joins [] differ [exact bytes source, sender and recipients window]"},
		{4, 2, "2 4 together false via 0 joins [content] differ [exact bytes source, sender and recipients]"},
		{1, 0, "1 4 together false via 0 joins [] differ [exact bytes source, sender and recipients window]"},
		{5, 0, "4 5 together false via 0 joins [] differ [exact bytes canonical identity source, sender and recipients]"},
		{7, 8, "7 8 together false via 0 joins [] differ [identity known]"},
		{8, 9, "8 9 together false via 0 joins [] differ [tenant Message-ID canonical identity]"},
		{8, 0, "8 0 together false via 0 joins [] differ []"},
	} {
		x, err := a.Explain(t.Context(), c.one, c.two)
		if err != nil {
			t.Errorf("%d and %d: %v", c.one, c.two, err)
		}
		var joins []Reason
		var differ []string
		for _, r := range x.Rules {
			if r.Joins {
				joins = append(joins, r.Reason)
			}
		}
		for _, check := range x.Checks {
			if !check.Agree {
				differ = append(differ, check.What)
			}
		}
		got := fmt.Sprintf("%d %d together %v via %d joins %v differ %v", x.One.ID, x.Two.ID, x.Together, x.Via, joins, differ)
		if got != c.want {
			t.Errorf("%d and %d:\n got %s\nwant %s", c.one, c.two, got, c.want)
		}
	}
	if _, err := a.Explain(t.Context(), 99, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("an entry that is not there: %v", err)
	}
}

// Verify finds whatever is wrong in the catalog about joining.
func TestVerifyChecksJoins(t *testing.T) {
	type change func(t *testing.T, a *Archive, set func(key, value []byte))
	entry := func(t *testing.T, a *Archive, id uint64) *Entry {
		e, err := a.Entry(id)
		if err != nil {
			t.Fatal(err)
		}
		return &e
	}
	for name, spoil := range map[string]change{
		"joined to another": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			at, j, _ := place(a.catalog.reader(), 3)
			j.head = 2
			set(seqKey(keyEntry, 3), j.appendTo(encodeLocation(at)))
		},
		"for another reason": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			at, j, _ := place(a.catalog.reader(), 3)
			j.reason = ReasonResend
			set(seqKey(keyEntry, 3), j.appendTo(encodeLocation(at)))
		},
		"not joined": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			at, _, _ := place(a.catalog.reader(), 3)
			set(seqKey(keyEntry, 3), encodeLocation(at))
		},
		"no member":       func(t *testing.T, a *Archive, set func(key, value []byte)) { set(memberKey(1, 3), nil) },
		"member too many": func(t *testing.T, a *Archive, set func(key, value []byte)) { set(memberKey(1, 4), []byte{}) },
		"no list": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(joinKey(groupOf(entry(t, a, 4))), nil)
		},
		"no totals": func(t *testing.T, a *Archive, set func(key, value []byte)) { set(tenantKey("other"), nil) },
		"totals too many": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(tenantKey("x"), TenantTotals{}.encode())
		},
		"totals differ": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(tenantKey("other"), TenantTotals{Entries: 1}.encode())
		},
		"totals damaged": func(t *testing.T, a *Archive, set func(key, value []byte)) { set(tenantKey("other"), []byte{1}) },
		"no key of a head": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(headKey(indexKeys(entry(t, a, 3))[0], 1), nil)
		},
		"no time": func(t *testing.T, a *Archive, set func(key, value []byte)) { set(spanOf(1, 4).key(), nil) },
		"another time": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(spanOf(0, 1).key(), span{1, 2}.encode())
		},
		"times damaged": func(t *testing.T, a *Archive, set func(key, value []byte)) { set(spanOf(2, 1).key(), []byte{1}) },
		"key too many": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(headKey(indexKeys(entry(t, a, 3))[0], 2), []byte{3})
		},
		"key of another entry": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(headKey(indexKeys(entry(t, a, 3))[0], 1), []byte{2})
		},
		"list forgets a form": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			h, _ := rosterIn(a.catalog.reader(), joinKey(groupOf(entry(t, a, 1))))
			h.list[0].forms = h.list[0].forms[:0]
			set(joinKey(groupOf(entry(t, a, 1))), h.encode())
		},
		"list too many": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(append([]byte{keyJoin}, make([]byte, 8)...), (&roster{list: []listed{{number: 4}}}).encode())
		},
		"list of another form": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			r, _ := rosterIn(a.catalog.reader(), joinKey(groupOf(entry(t, a, 1))))
			r.list[0].forms[0].differs = !r.list[0].forms[0].differs
			set(joinKey(groupOf(entry(t, a, 1))), r.encode())
		},
		"list of what is no entry": func(t *testing.T, a *Archive, set func(key, value []byte)) {
			set(joinKey(groupOf(entry(t, a, 3))), (&roster{list: []listed{{number: 1}, {number: 1000}}}).encode())
		},
	} {
		a := messageArchive(t, t.TempDir())
		verified(t, a)
		spoil(t, a, func(key, value []byte) {
			err := a.catalog.db.Set(key, value, pebble.NoSync)
			if value == nil {
				err = a.catalog.db.Delete(key, pebble.NoSync)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		found := 0
		if _, err := a.Verify(t.Context(), nil, func(d Damage) { found++ }); err != nil || found == 0 {
			t.Errorf("%s: nothing is found, %v", name, err)
		}
		a.Close()
	}
}

// Tenants have metrics of their own up to a bound; the others are summed up.
func TestTenantMetrics(t *testing.T) {
	var many []TenantStats
	for i := range maxTenantSeries + 5 {
		many = append(many, TenantStats{fmt.Sprintf("t%05d", i), TenantTotals{Entries: 1, StoredBytes: 10}})
	}
	many[3].Tenant = "\xff"
	got := series(many)
	if last := got[len(got)-1]; len(got) != maxTenantSeries+1 || last.Tenant != "" || last.Entries != 5 || last.StoredBytes != 50 {
		t.Errorf("%d series, the last %+v", len(got), got[len(got)-1])
	}
	a := messageArchive(t, t.TempDir())
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(a.Collectors()...)
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			have[name] = m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"daybook_archive_messages":              3,
		"daybook_tenant_entries default":        5,
		"daybook_tenant_messages default":       2,
		"daybook_tenant_messages other":         1,
		"daybook_tenant_joined content default": 2,
		"daybook_tenant_joined exact default":   1,
		"daybook_tenant_collisions default":     0,
	} {
		if got, ok := have[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
}

// A message whose first copy came inside a report is shown as the mail that it is.
func TestAMessageIsShownAsTheMailInside(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	inside := joinReceipt(t, "0s source=journal id=1@x content=one bytes=report+one from=exchange@x to=journal@z")
	inside.Identity.Exact = Digest{1}
	inside.Summary = message.Summary{MessageID: "<report@x>", Subject: "Journal"}
	inside.Truth = &message.Truth{Evidence: message.EvidenceReport, Sender: "anna@x", Subject: "the mail's"}
	first := appendOne(t, a, inside)
	m, err := a.Message(t.Context(), first.ID)
	if err != nil || m.Summary.MessageID != "<1@x>" || m.Summary.Subject != "the mail's" || m.Size != inside.Size {
		t.Errorf("of a report: %+v, %v", m, err)
	}
	plain := joinReceipt(t, "5s source=gateway id=1@x content=one bytes=one from=anna@x to=bob@y")
	plain.Summary = message.Summary{MessageID: "<1@x>", Subject: "the mail's own"}
	appendOne(t, a, plain)
	m, err = a.Message(t.Context(), first.ID)
	if err != nil || m.Entries != 2 || m.ID != first.ID || m.Summary.Subject != "the mail's own" || m.Size != plain.Size {
		t.Errorf("of the mail itself: %+v, %v", m, err)
	}
}
