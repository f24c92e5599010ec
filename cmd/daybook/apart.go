package main

import (
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

// leftOut finds what a listing left out because it is in quarantine.
type leftOut struct {
	query archive.Query
	count int
	last  uint64
}

// watch notes how far the listing comes.
func (l *leftOut) watch(seq iter.Seq2[entry, error]) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for e, err := range seq {
			if err == nil {
				l.count, l.last = l.count+1, e.ID
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// tell says on standard error how many there are. Where the listing came to its
// limit, what lies behind its last entry was not left out.
func (l *leftOut) tell(env *environment, s store, command string) error {
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
	for _, err := range s.List(env.ctx, q) {
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
