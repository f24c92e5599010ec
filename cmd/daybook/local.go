package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"daybook/archive"
)

// local is an archive that this process has opened: for reading by a command, or
// the daemon's own, which is served to others over the control socket.
type local struct {
	archive *archive.Archive
	data    string
}

func (l *local) List(ctx context.Context, q archive.Query) iter.Seq2[entry, error] {
	return withLost(ctx, l, q, convert(l.archive.List(ctx, q), newEntry), func(e *entry) uint64 { return e.ID })
}

func (l *local) Messages(ctx context.Context, q archive.Query) iter.Seq2[mail, error] {
	messages := func(yield func(mail, error) bool) {
		for m, err := range l.archive.Messages(ctx, q) {
			var shown mail
			if err == nil {
				shown, err = l.numbered(ctx, &m)
			}
			if !yield(shown, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
	return withLost(ctx, l, q, messages, func(m *mail) uint64 { return m.ID })
}

// numbered gives a message with the numbers that its variants have among all of it: a
// query may have left entries out.
func (l *local) numbered(ctx context.Context, m *archive.Message) (mail, error) {
	shown, counted := newMail(m), 0
	for _, v := range m.Variants {
		counted += v.Entries
	}
	if counted+m.Unreadable >= m.Entries {
		return shown, nil
	}
	all, err := l.archive.Message(ctx, m.ID)
	if err != nil {
		return mail{}, err
	}
	for i, v := range m.Variants {
		shown.Variants[i].Number = 1 + slices.IndexFunc(all.Variants, func(other archive.Variant) bool { return other.Exact == v.Exact })
	}
	return shown, nil
}

// withLost gives a listing, and behind it the damaged places that it could not find.
func withLost[T any](ctx context.Context, l *local, q archive.Query, seq iter.Seq2[T, error], id func(*T) uint64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		count, rest := 0, q
		for item, err := range seq {
			if count++; !yield(item, err) || err != nil && !isDamage(err) {
				return
			}
			if err != nil || count != q.Limit {
				continue
			}
			if q.Reverse {
				rest.After = id(&item)
			} else {
				rest.Before = id(&item)
			}
		}
		for _, d := range l.archive.Damage() {
			var none T
			if l.isLost(ctx, &rest, d.Entry) && !yield(none, &d) {
				return
			}
		}
	}
}

// isLost tells that a number is of a record that the catalog does not have, so
// that a listing leaves it out; what the query says of more than numbers is not
// known of it.
func (l *local) isLost(ctx context.Context, q *archive.Query, id uint64) bool {
	if id == 0 || id <= q.After || q.Before != 0 && id >= q.Before {
		return false
	}
	if _, err := l.archive.Entry(id); !errors.Is(err, archive.ErrNotFound) {
		return false
	}
	for range l.archive.Events(ctx, archive.Query{After: id - 1, Before: id + 1}) {
		return false
	}
	return true
}

func (l *local) Entry(_ context.Context, id uint64) (entry, error) {
	e, err := l.archive.Entry(id)
	if err != nil {
		return entry{}, err
	}
	return newEntry(&e), nil
}

func (l *local) Message(ctx context.Context, id uint64) (mail, error) {
	m, err := l.archive.Message(ctx, id)
	if err != nil {
		return mail{}, err
	}
	return newMail(&m), nil
}

func (l *local) Explain(ctx context.Context, one, two uint64) (comparison, error) {
	x, err := l.archive.Explain(ctx, one, two)
	if err != nil {
		return comparison{}, err
	}
	return newComparison(&x), nil
}

func (l *local) WriteTo(ctx context.Context, id uint64, w io.Writer) error {
	return l.archive.WriteTo(ctx, id, w)
}

func (l *local) WriteOriginal(ctx context.Context, id uint64, n int, w io.Writer) error {
	return l.archive.WriteOriginal(ctx, id, n-1, w)
}

func (l *local) View(ctx context.Context, source string) (view, error) {
	kept, err := latestPolicy(ctx, l)
	if err != nil {
		return view{}, err
	}
	pol, err := kept.load(ctx, l)
	if err != nil {
		return view{}, err
	}
	return viewOf(pol, source), nil
}

func (l *local) Events(ctx context.Context, q archive.Query) iter.Seq2[event, error] {
	return convert(l.archive.Events(ctx, q), newEvent)
}

func (l *local) Policies(ctx context.Context, q archive.Query) iter.Seq2[keptPolicy, error] {
	return convert(l.archive.Policies(ctx, q), newKeptPolicy)
}

func (l *local) Policy(_ context.Context, digest archive.Digest) (keptPolicy, error) {
	p, err := l.archive.Policy(digest)
	if err != nil {
		return keptPolicy{}, err
	}
	return newKeptPolicy(&p.Event), nil
}

func (l *local) WriteFile(ctx context.Context, digest archive.Digest, name string, w io.Writer) error {
	p, err := l.archive.Policy(digest)
	if err != nil {
		return err
	}
	return p.WriteFile(ctx, name, w)
}

func (l *local) Settle(ctx context.Context, id uint64, v verdict) (event, error) {
	settle := l.archive.Keep
	if v.Release {
		settle = l.archive.Release
	}
	e, err := settle(ctx, id, v.Actor, v.Reason)
	if err != nil {
		return event{}, err
	}
	return newEvent(&e), nil
}

func (l *local) Verify(ctx context.Context, shown func(done, total int64), found func(damage)) (verifyResult, error) {
	r, err := l.archive.Verify(ctx, shown, func(d archive.Damage) { found(newDamage(&d)) })
	return verifyResult(r), err
}

func (l *local) Status(ctx context.Context) (status, error) {
	stats := l.archive.Stats()
	s := status{
		Data: l.data, Version: newVersionInfo().Version, Entries: stats.Entries, Events: stats.Events,
		ReceivedBytes: stats.ReceivedBytes, LedgerBytes: stats.LedgerBytes, CatalogBytes: stats.CatalogBytes,
		Segments: stats.Segments, Waiting: stats.Waiting, FreeBytes: stats.FreeBytes, Damage: []damage{},
		Messages: stats.Messages, Tenants: newTenants(stats.Tenants),
	}
	if stats.Refused != nil {
		s.Problem = stats.Refused.Error()
	}
	for _, d := range l.archive.Damage() {
		s.Damage = append(s.Damage, newDamage(&d))
	}
	for e, err := range l.List(ctx, archive.Query{Reverse: true}) {
		if err == nil {
			s.LastEntry = e.Received
			break
		}
		if !isDamage(err) {
			return status{}, err
		}
	}
	return s, nil
}

func (l *local) Close() error { return l.archive.Close() }

// convert gives a sequence of the archive in the form in which it is shown. As in
// the archive, damage does not end it; any other error does.
func convert[A, B any](seq iter.Seq2[A, error], to func(*A) B) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for a, err := range seq {
			var b B
			if err == nil {
				b = to(&a)
			}
			if !yield(b, err) || err != nil && !isDamage(err) {
				return
			}
		}
	}
}

func isDamage(err error) bool {
	_, ok := errors.AsType[*archive.Damage](err)
	return ok
}
