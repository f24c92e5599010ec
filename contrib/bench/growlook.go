package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"daybook/archive"
)

// growLimit is how many entries a listing wants.
const growLimit = 20

// lookup is how long one way of finding takes.
type lookup struct {
	Name  string  `json:"name"`
	Times int     `json:"times"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
}

// finder looks for entries of a grown archive, and sees that it finds the right ones.
type finder struct {
	*grower
	ctx    context.Context
	random *rand.Rand
	rare   [][]int // messages to addresses that hardly ever get any, by number
	rareAt []int   // those addresses
}

// lookAll looks for entries in every way. Each of them looks once, and gives how long
// that took without the time to see that what it found is right.
func (g *grower) lookAll(ctx context.Context) (all []lookup, err error) {
	f := &finder{grower: g, ctx: ctx, random: rand.New(rand.NewPCG(1, uint64(g.entries)))}
	f.chooseRare()
	for _, way := range []struct {
		name string
		once func() (time.Duration, error)
	}{
		{"get entry", f.entry}, {"get message", f.message}, {"list Message-ID", f.messageID}, {"list rare address", f.rareAddress},
		{"list common address", f.commonAddress}, {"list a second", f.second}, {"list since", f.since},
		{"list address since", f.addressSince}, {"list newest", f.newest},
	} {
		one := lookup{Name: way.name, Times: g.lookups}
		var took []float64
		for range g.lookups {
			if err := ctx.Err(); err != nil {
				return all, err
			}
			t, err := way.once()
			if err != nil {
				return all, fmt.Errorf("%s: %w", way.name, err)
			}
			took = append(took, t.Seconds()*1000)
		}
		slices.Sort(took)
		one.P50, one.P99 = quantile(took, 0.5), quantile(took, 0.99)
		all = append(all, one)
	}
	return all, nil
}

// chooseRare chooses addresses that hardly ever get mail, and works out which they get.
func (f *finder) chooseRare() {
	const count = 50
	at := map[int]int{}
	for len(at) < min(count, f.lookups) {
		n := growAddresses - 1 - f.random.IntN(growAddresses/4)
		if _, known := at[n]; !known {
			at[n] = len(f.rareAt)
			f.rareAt = append(f.rareAt, n)
		}
	}
	f.rare = make([][]int, len(f.rareAt))
	for n := range f.entries {
		_, recipients, _ := f.mailer.parties(n)
		for i, to := range recipients {
			if k, wanted := at[to]; wanted && !slices.Contains(recipients[:i], to) {
				f.rare[k] = append(f.rare[k], n)
			}
		}
	}
}

func (f *finder) id() uint64 { return uint64(1 + f.random.IntN(f.entries)) }

// check sees that an entry is that of the message which its Message-ID names, and gives
// that message's number.
func (f *finder) check(e *archive.Entry) (int, error) {
	n := growNumber(e.Summary.MessageID)
	if n < 0 || n >= f.entries {
		return n, fmt.Errorf("entry %d has the Message-ID %q", e.ID, e.Summary.MessageID)
	}
	if wrong := f.mailer.make(n).differs(e); wrong != "" {
		return n, fmt.Errorf("entry %d is not message %d as it came: %s", e.ID, n, wrong)
	}
	return n, nil
}

func (f *finder) entry() (time.Duration, error) {
	id := f.id()
	began := time.Now()
	e, err := f.archive.Entry(id)
	took := time.Since(began)
	if err == nil && e.ID != id {
		err = fmt.Errorf("entry %d came for %d", e.ID, id)
	}
	if err == nil {
		_, err = f.check(&e)
	}
	return took, err
}

func (f *finder) message() (time.Duration, error) {
	id := f.id()
	var b bytes.Buffer
	began := time.Now()
	err := f.archive.WriteTo(f.ctx, id, &b)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	e, err := f.archive.Entry(id)
	if err != nil {
		return 0, err
	}
	n, err := f.check(&e)
	if err == nil && !bytes.Equal(b.Bytes(), f.mailer.make(n).body) {
		err = fmt.Errorf("other bytes came back of entry %d", id)
	}
	return took, err
}

// list gives what a query finds, in the order that it wants, each checked.
func (f *finder) list(q archive.Query) (found []int, ids []uint64, took time.Duration, err error) {
	var all []archive.Entry
	began := time.Now()
	for e, err := range f.archive.List(f.ctx, q) {
		if err != nil {
			return nil, nil, 0, err
		}
		all = append(all, e)
	}
	took = time.Since(began)
	for i := range all {
		n, err := f.check(&all[i])
		if err != nil {
			return nil, nil, 0, err
		}
		if i > 0 && all[i].ID > all[i-1].ID == q.Reverse {
			return nil, nil, 0, fmt.Errorf("entry %d comes behind %d", all[i].ID, all[i-1].ID)
		}
		found, ids = append(found, n), append(ids, all[i].ID)
	}
	return found, ids, took, nil
}

// same sees that the entries were found that should have been.
func same(found, want []uint64) error {
	if !slices.Equal(found, want) {
		return fmt.Errorf("entries %d were found, and not %d", found, want)
	}
	return nil
}

func (f *finder) messageID() (time.Duration, error) {
	m := &growMail{n: f.random.IntN(f.entries)}
	found, _, took, err := f.list(archive.Query{MessageID: "<" + m.id() + ">"})
	if err == nil && !slices.Equal(found, []int{m.n}) {
		err = fmt.Errorf("messages %d were found, and not %d", found, m.n)
	}
	return took, err
}

// rareAddress finds the newest ones. That these are all, or the last ones of all, is
// seen by finding all, which is not measured.
func (f *finder) rareAddress() (time.Duration, error) {
	k := f.random.IntN(len(f.rare))
	q := archive.Query{Recipient: growAddress(f.rareAt[k]), Reverse: true, Limit: growLimit}
	_, ids, took, err := f.list(q)
	if err != nil {
		return 0, err
	}
	q.Limit = 0
	all, allIDs, _, err := f.list(q)
	if err != nil {
		return 0, err
	}
	slices.Sort(all)
	if !slices.Equal(all, f.rare[k]) {
		return 0, fmt.Errorf("%d messages were found to %s, which got %d", len(all), q.Recipient, len(f.rare[k]))
	}
	return took, same(ids, allIDs[:min(growLimit, len(allIDs))])
}

// commonAddress finds the newest ones, and compares them with the newest of all.
func (f *finder) commonAddress() (time.Duration, error) {
	q := archive.Query{Recipient: growAddress(0), Reverse: true, Limit: growLimit}
	_, ids, took, err := f.list(q)
	if err != nil {
		return 0, err
	}
	want, err := f.filtered(archive.Query{Reverse: true}, func(e *archive.Entry) bool {
		return slices.Contains(e.Envelope.Addresses(), q.Recipient)
	})
	if err != nil {
		return 0, err
	}
	return took, same(ids, want)
}

// filtered gives the first entries that are wanted, by looking at one after the other.
func (f *finder) filtered(q archive.Query, wanted func(*archive.Entry) bool) (ids []uint64, err error) {
	for e, err := range f.archive.List(f.ctx, q) {
		if err != nil {
			return nil, err
		}
		if wanted(&e) {
			if ids = append(ids, e.ID); len(ids) == growLimit {
				break
			}
		}
	}
	return ids, nil
}

// second finds what came in within a second, wherever in the archive that is.
func (f *finder) second() (time.Duration, error) {
	from := f.random.IntN(f.entries)
	q := archive.Query{Since: growReceived(from), Until: growReceived(from).Add(time.Second), Limit: growLimit}
	found, _, took, err := f.list(q)
	if err != nil {
		return 0, err
	}
	var want []int
	for n := from; n < f.entries && growReceived(n).Before(q.Until); n++ {
		want = append(want, n)
	}
	slices.Sort(found)
	if !slices.Equal(found, want) {
		return 0, fmt.Errorf("messages %d came in within a second, and not %d", found, want)
	}
	return took, nil
}

// growDisorder is how far entries are out of the order in which their messages were
// made, at most: writers overtake each other.
const growDisorder = 2000

// since finds the first ones that came in at some time or later.
func (f *finder) since() (time.Duration, error) {
	return f.sinceFor(archive.Query{Limit: growLimit}, func(*archive.Entry) bool { return true })
}

// addressSince is since for one who gets very much mail.
func (f *finder) addressSince() (time.Duration, error) {
	q := archive.Query{Recipient: growAddress(0), Limit: growLimit}
	return f.sinceFor(q, func(e *archive.Entry) bool {
		return slices.Contains(e.Envelope.Addresses(), q.Recipient)
	})
}

func (f *finder) sinceFor(q archive.Query, wanted func(*archive.Entry) bool) (time.Duration, error) {
	q.Since = growReceived(f.random.IntN(f.entries))
	_, ids, took, err := f.list(q)
	if err != nil {
		return 0, err
	}
	near := uint64(q.Since.Sub(growReceived(0)) / growStep)
	want, err := f.filtered(archive.Query{After: near - min(near, growDisorder)}, func(e *archive.Entry) bool {
		return !e.Received.Before(q.Since) && wanted(e)
	})
	if err != nil {
		return 0, err
	}
	return took, same(ids, want)
}

func (f *finder) newest() (time.Duration, error) {
	_, ids, took, err := f.list(archive.Query{Reverse: true, Limit: growLimit})
	if err != nil {
		return 0, err
	}
	var want []uint64
	for id := f.entries; id > max(0, f.entries-growLimit); id-- {
		want = append(want, uint64(id))
	}
	return took, same(ids, want)
}
