package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"daybook/archive"
)

// apart are the flags that choose among the entries by quarantine.
type apart struct {
	Quarantined bool `help:"Only what is in quarantine."`
	All         bool `help:"Also what is in quarantine."`
}

func (a *apart) choose(q *archive.Query) error {
	switch {
	case a.Quarantined && a.All:
		return refuse("--quarantined", errors.New("--all stands beside it"), "leave one of the two out")
	case a.Quarantined:
		q.Quarantine = archive.QuarantineOnly
	case !a.All:
		q.Quarantine = archive.QuarantineWithout
	}
	return nil
}

// leftOut finds what a listing of entries or messages left out because it is in
// quarantine.
type leftOut[T any] struct {
	query archive.Query
	list  func(context.Context, archive.Query) iter.Seq2[T, error]
	id    func(*T) uint64
	count int
	last  uint64
}

func leftOutEntries(s store, q archive.Query) *leftOut[entry] {
	return &leftOut[entry]{query: q, list: s.List, id: func(e *entry) uint64 { return e.ID }}
}

// watch notes how far the listing comes.
func (l *leftOut[T]) watch(seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item, err := range seq {
			if err == nil {
				l.count, l.last = l.count+1, l.id(&item)
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// tell says on standard error how many there are. Where the listing came to its
// limit, what lies behind its last line was not left out. A message counts when one
// of its entries was.
func (l *leftOut[T]) tell(env *environment, command string) error {
	q := l.query
	if q.Quarantine != archive.QuarantineWithout {
		return nil
	}
	if q.Limit > 0 && l.count >= q.Limit {
		if q.Reverse {
			q.After = max(q.After, l.last)
		} else {
			q.Before = l.last
		}
	}
	q.Quarantine, q.Limit = archive.QuarantineOnly, 0
	n := 0
	for _, err := range l.list(env.ctx, q) {
		switch {
		case err == nil:
			n++
		case !isDamage(err): // which the listing has named
			return err
		}
	}
	if n > 0 {
		fmt.Fprintf(env.stderr, "daybook: %s: %s in quarantine left out: see --quarantined and --all\n",
			command, plural(n, "message", "messages"))
	}
	return nil
}
