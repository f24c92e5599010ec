package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"daybook/archive"
)

// local is an archive that this process has opened: for reading by a command, or
// the daemon's own, which is served to others over the control socket.
type local struct {
	archive *archive.Archive
	data    string
}

func (l *local) List(ctx context.Context, q archive.Query) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		count, rest := 0, q
		for e, err := range convert(l.archive.List(ctx, q), newEntry) {
			if count++; !yield(e, err) || err != nil && !isDamage(err) {
				return
			}
			if err != nil || count != q.Limit {
				continue
			}
			if q.Reverse {
				rest.After = e.ID
			} else {
				rest.Before = e.ID
			}
		}
		for _, d := range l.archive.Damage() {
			if l.isLost(ctx, &rest, d.Entry) && !yield(entry{}, &d) {
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
