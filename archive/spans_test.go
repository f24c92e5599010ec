package archive

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// timed has the archive take mail at these times, some of it copies of mail before, all
// to one of a few addresses.
func timed(t *testing.T, a *Archive, r *rand.Rand, at []time.Time) {
	t.Helper()
	const group = 50
	for len(at) > 0 {
		var records []ledger.Record
		for _, received := range at[:min(group, len(at))] {
			n := r.IntN(1 << 30)
			if r.IntN(10) == 0 {
				n = r.IntN(50) // a mail that others are, too
			}
			e := benchEntry(n)
			e.Received = received.UTC()
			e.Source = []string{"gateway", "journal"}[r.IntN(2)]
			e.Envelope.Recipients[0].Address = fmt.Sprintf("to%d@example.org", r.IntN(5))
			e.Join.Window = 1000 * time.Hour
			clear(e.Identity.Canonical[16:])
			facts, _, err := a.codec.encodeFacts(e, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, newEntryRecord(e, facts, &element{as: textRaw, size: 4096}, make([]byte, 4096)))
		}
		if err := a.ledger.Append(context.Background(), records); err != nil {
			t.Fatal(err)
		}
		at = at[len(records):]
	}
}

// clocks give the times at which so many entries come in.
func clocks(count int) map[string]func(*rand.Rand) []time.Time {
	const step = 71 * time.Millisecond
	begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	all := func(at func(n int) time.Time) (list []time.Time) {
		for n := range count {
			list = append(list, at(n))
		}
		return list
	}
	forward := func(r *rand.Rand, n int) time.Time {
		return begin.Add(time.Duration(n)*step + time.Duration(r.IntN(int(4*step))))
	}
	return map[string]func(*rand.Rand) []time.Time{
		"forward": func(r *rand.Rand) []time.Time { return all(func(n int) time.Time { return forward(r, n) }) },
		"jumps": func(r *rand.Rand) []time.Time {
			var jump time.Duration
			return all(func(n int) time.Time {
				if r.IntN(count/8) == 0 {
					jump = time.Duration(r.IntN(1000)-500) * time.Second
				}
				if r.IntN(200) == 0 {
					return []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(0, math.MaxInt64), begin.AddDate(400, 0, 0)}[r.IntN(5)]
				}
				return forward(r, n).Add(jump)
			})
		},
		"any": func(r *rand.Rand) []time.Time {
			return all(func(int) time.Time { return begin.Add(time.Duration(r.IntN(count)) * step) })
		},
	}
}

// What is found by time is what looking at everything finds, whatever the clocks did.
func TestEntriesAreFoundByTime(t *testing.T) {
	const count = 4500 // more than one span of the third level
	for name, clock := range clocks(count) {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			r := rand.New(rand.NewPCG(3, uint64(len(name))))
			a := open(t, "data", Options{FS: fs})
			timed(t, a, r, clock(r))
			entries := list(t, a, Query{})
			for range 15 {
				checkTimes(t, a, r, entries)
			}
			before := dump(t, a)
			a.Close()
			if _, err := Rebuild(context.Background(), "data", Options{FS: fs, Logger: quiet()}, nil, func(d Damage) { t.Error(d) }); err != nil {
				t.Fatal(err)
			}
			a = open(t, "data", Options{FS: fs})
			if dump(t, a) != before {
				t.Error("the catalog that was made anew differs")
			}
			checkTimes(t, a, r, entries)
		})
	}
}

// checkTimes compares a query with a look at all entries.
func checkTimes(t *testing.T, a *Archive, r *rand.Rand, entries []Entry) {
	t.Helper()
	some := func() time.Time { return entries[r.IntN(len(entries))].Received }
	q := Query{Reverse: r.IntN(2) == 0}
	if r.IntN(4) > 0 {
		q.Since = some()
	}
	if r.IntN(2) == 0 {
		q.Until = some().Add(time.Duration(r.IntN(2)))
	}
	switch r.IntN(4) {
	case 0:
		q.Recipient = "to1@example.org"
	case 1:
		q.After, q.Before = uint64(r.IntN(len(entries))), uint64(r.IntN(len(entries)))
	}
	want, heads := []uint64(nil), map[uint64]bool{}
	for i := range entries {
		e := &entries[i]
		in := q.wants(e) && e.ID > q.After && (q.Before == 0 || e.ID < q.Before)
		if in {
			want = append(want, e.ID)
		}
		if q.wants(e) {
			heads[e.Message] = true
		}
	}
	if q.Reverse {
		slices.Reverse(want)
	}
	if got := numbers(list(t, a, q)); !slices.Equal(got, want) {
		t.Fatalf("%+v: entries %v, want %v", q, got, want)
	}
	if q.Recipient != "" || q.After > 0 || q.Before > 0 {
		return // what a message needs for that may be in several of its entries
	}
	got := messageNumbers(t, a, q)
	if q.Reverse {
		slices.Reverse(got)
	}
	if len(got) != len(heads) || !slices.IsSorted(got) || slices.ContainsFunc(got, func(id uint64) bool { return !heads[id] }) {
		t.Fatalf("%+v: messages %v, want those of %v", q, got, heads)
	}
}

// Where clocks go forward, of what came in at other times little is looked at.
func TestOtherTimesAreLeaptOver(t *testing.T) {
	const count = 6000
	a := open(t, "data", Options{FS: vfs.NewMem()})
	r := rand.New(rand.NewPCG(4, 4))
	timed(t, a, r, clocks(count)["forward"](r))
	for range 30 {
		e, err := a.Entry(1 + r.Uint64N(count))
		if err != nil {
			t.Fatal(err)
		}
		q := Query{Since: e.Received, Until: e.Received.Add(time.Second), Reverse: r.IntN(2) == 0}
		looked := 0
		for _, err := range a.numbers(t.Context(), a.catalog.reader(), q) {
			if err != nil {
				t.Fatal(err)
			}
			looked++
		}
		// A head is found by the times of its copies, and whoever is near it with it: these
		// are at most 50, in spans of 16.
		if found := len(list(t, a, q)); found == 0 || looked > 50*16+3*16 {
			t.Fatalf("%d entries are looked at for %d", looked, found)
		}
	}
}

// worked counts what is asked of a catalog, also by its iterators that are open.
type worked struct {
	pebble.Reader
	gets      int
	iterators []*pebble.Iterator
}

func (w *worked) Get(key []byte) ([]byte, io.Closer, error) {
	w.gets++
	return w.Reader.Get(key)
}

func (w *worked) NewIter(o *pebble.IterOptions) (*pebble.Iterator, error) {
	it, err := w.Reader.NewIter(o)
	if err == nil {
		w.iterators = append(w.iterators, it)
	}
	return it, err
}

// places is how many places were looked for, and steps how many were gone on from one.
func (w *worked) places() (places, steps int) {
	places = w.gets
	for _, it := range w.iterators {
		s := it.Stats()
		places += s.ForwardSeekCount[pebble.InterfaceCall] + s.ReverseSeekCount[pebble.InterfaceCall]
		steps += s.ForwardStepCount[pebble.InterfaceCall] + s.ReverseStepCount[pebble.InterfaceCall]
	}
	return places, steps
}

// The first entries to somebody from a time on are found with few looks into the
// catalog: spans that are in a row do not cost one each.
func TestSpansAreLookedAtInARow(t *testing.T) {
	const count, wanted, copies = 6000, 20, 600
	a := open(t, "data", Options{FS: vfs.NewMem()})
	r := rand.New(rand.NewPCG(5, 5))
	timed(t, a, r, clocks(count)["forward"](r))
	for range 30 {
		e, err := a.Entry(2*copies + r.Uint64N(count-3*copies))
		if err != nil {
			t.Fatal(err)
		}
		// The first entries have copies at all times.
		q := Query{After: copies, Recipient: "to1@example.org", Since: e.Received}
		if q.Reverse = r.IntN(2) == 0; q.Reverse {
			q.Since, q.Until = q.Until, q.Since
		}
		from := &worked{Reader: a.catalog.reader()}
		looked, places, steps := 0, 0, 0
		for _, err := range a.numbers(t.Context(), from, q) {
			if err != nil {
				t.Fatal(err)
			}
			if looked++; looked == wanted {
				places, steps = from.places()
				break
			}
		}
		// There are four levels with several spans here, which are come to once, and what is
		// leapt to in each; 20 of every fifth number are in some 8 of the shortest spans.
		if looked < wanted || places > 30 || steps > wanted+spanLevels<<spanBits {
			t.Fatalf("%d of %d are found with a look at %d places and %d steps", looked, wanted, places, steps)
		}
	}
}

// The number that is come to is that of the nearest of the shortest spans with a time
// that is wanted, however far away it is.
func TestNextNumberByTime(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(6, seed))
		a := open(t, "data", Options{FS: vfs.NewMem()})
		spans := map[spanName]span{}
		some := []uint64{0, 1, math.MaxUint64}
		for range 100 {
			// A few are near one before, and many far away.
			n := some[r.IntN(len(some))] + r.Uint64N(1<<(4+r.IntN(30))) - 1<<10
			if r.IntN(20) == 0 {
				n = r.Uint64()
			}
			some = append(some, n)
		}
		for _, number := range some {
			at := span{r.Uint64N(1000), 0}
			at.last = at.first + r.Uint64N(3)
			for level := range byte(spanLevels) {
				n := spanOf(level, number)
				if now, ok := spans[n]; ok {
					spans[n] = now.with(at)
				} else {
					spans[n] = at
				}
			}
		}
		for n, s := range spans {
			if err := a.catalog.db.Set(n.key(), s.encode(), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			checkNext(t, a.catalog.reader(), r, spans, some)
		}
	}
}

// checkNext goes through the numbers of a query, and compares each with what a look at
// all spans gives.
func checkNext(t *testing.T, from pebble.Reader, r *rand.Rand, spans map[spanName]span, some []uint64) {
	t.Helper()
	wanted := span{first: r.Uint64N(1000)}
	wanted.last = wanted.first + r.Uint64N(200)
	reverse := r.IntN(2) == 0
	w, err := newTimes(from, wanted, reverse)
	if err != nil {
		t.Fatal(err)
	}
	defer w.spans.Close()
	slices.Sort(some)
	numbers := slices.Clone(some)
	if reverse {
		slices.Reverse(numbers)
	}
	for _, number := range numbers[r.IntN(len(numbers)):] {
		want, any := uint64(0), false
		for n, s := range spans {
			if n.level > 0 || !s.meets(wanted) {
				continue
			}
			at, ahead := max(number, n.begin()), number <= n.end()-1
			if reverse {
				at, ahead = min(number, n.end()-1), number >= n.begin()
			}
			if ahead && (!any || reverse && at > want || !reverse && at < want) {
				want, any = at, true
			}
		}
		got, ok, err := w.next(number)
		for last := number; err == nil && ok && got != last; {
			last = got
			got, ok, err = w.next(got)
		}
		if err != nil || ok != any || ok && got != want {
			t.Fatalf("from %d, reverse %v: %d, %v, %v; want %d, %v", number, reverse, got, ok, err, want, any)
		}
	}
}

// Spans that cannot be read do not keep mail from coming in, nor from being found.
func TestSpansThatCannotBeRead(t *testing.T) {
	fs := vfs.NewMem()
	a := open(t, "data", Options{FS: fs})
	first := appendOne(t, a, receipt([]byte("Subject: one\r\n\r\n"), "a@b", "c@d"))
	for level := range byte(spanLevels) {
		if err := a.catalog.db.Set(spanOf(level, first.ID).key(), []byte("no span"), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	clear(a.catalog.spans)
	late := receipt([]byte("Subject: two\r\n\r\n"), "a@b", "c@d")
	late.Received = late.Received.Add(time.Hour)
	second := appendOne(t, a, late)
	if got := numbers(list(t, a, Query{Since: late.Received})); !slices.Equal(got, []uint64{second.ID}) {
		t.Errorf("entries %v are found", got)
	}
	if a.Stats().Doubts == 0 {
		t.Error("nobody is told")
	}
	a.Close()
	a = open(t, "data", Options{FS: fs})
	if got := numbers(list(t, a, Query{Until: late.Received})); !slices.Equal(got, []uint64{first.ID}) || a.Stats().Doubts > 0 {
		t.Errorf("entries %v are found in the catalog that was made anew, %d doubts", got, a.Stats().Doubts)
	}
	verified(t, a)
}

func TestSpansAreDecoded(t *testing.T) {
	for _, s := range []span{{}, {1, 2}, always(), {math.MaxInt64, math.MaxInt64}} {
		if got, err := decodeSpan(s.encode()); got != s || err != nil {
			t.Errorf("%v comes back as %v, %v", s, got, err)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, 17), span{2, 1}.encode(), span{0, math.MaxUint64}.encode()} {
		if s, err := decodeSpan(b); err == nil {
			t.Errorf("%x is read as %v", b, s)
		}
	}
	n := spanOf(spanLevels-1, math.MaxUint64)
	if n.begin() == 0 || n.end() > n.begin() {
		t.Errorf("the last span goes from %d to %d", n.begin(), n.end())
	}
}
