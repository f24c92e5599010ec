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
	return convert(l.archive.List(ctx, q), newEntry)
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

func (l *local) Events(ctx context.Context, q archive.Query) iter.Seq2[event, error] {
	return convert(l.archive.Events(ctx, q), newEvent)
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
		Segments: stats.Segments, FreeBytes: stats.FreeBytes, Damage: []damage{},
	}
	if stats.Refused != nil {
		s.Problem = stats.Refused.Error()
	}
	for _, d := range l.archive.Damage() {
		s.Damage = append(s.Damage, newDamage(&d))
	}
	for e, err := range l.List(ctx, archive.Query{Reverse: true, Limit: 1}) {
		if err != nil && !isDamage(err) {
			return status{}, err
		}
		s.LastEntry = e.Received
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
