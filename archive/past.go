package archive

import (
	"errors"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// maxPast is how many entries are remembered, at least, of those that the rule of
// joining was asked about last; at most it is twice as many. Each takes some 300 bytes.
const maxPast = 4096

// past gives what the rule of joining knows of entries that came before: from memory,
// or from the ledger. It has one owner.
type past struct {
	codec codec
	read  func(ledger.Location) (ledger.Record, error)
	// young are those that were used last. When they are too many they take the place
	// of old, which is forgotten.
	young, old map[uint64]head
}

func newPast(c codec, read func(ledger.Location) (ledger.Record, error)) *past {
	return &past{codec: c, read: read, young: map[uint64]head{}}
}

// keep remembers an entry.
func (p *past) keep(one head) {
	if len(p.young) >= maxPast {
		p.young, p.old = make(map[uint64]head, maxPast), p.young
	}
	p.young[one.number] = one
}

// get gives an entry by its number. Whether it is remembered or not makes no difference.
func (p *past) get(from pebble.Reader, number uint64) (head, error) {
	if one, ok := p.young[number]; ok {
		return one, nil
	}
	one, ok := p.old[number]
	if !ok {
		var err error
		if one, err = p.look(from, number); err != nil {
			return head{}, err
		}
	}
	p.keep(one)
	return one, nil
}

var errListed = errors.New("a list of messages that may be joined names an entry that cannot be")

// look reads an entry.
func (p *past) look(from pebble.Reader, number uint64) (head, error) {
	at, _, err := place(from, number)
	if errors.Is(err, ErrNotFound) {
		return head{}, catalogError(errListed)
	}
	if err != nil {
		return head{}, err
	}
	r, err := p.read(at)
	if err != nil {
		return head{}, err
	}
	if r.Type != typeEntry || r.Seq != number {
		return head{}, catalogError(errListed)
	}
	e, err := p.codec.decodeEntry(r)
	if err != nil {
		return head{}, err
	}
	if e.Identity == nil {
		return head{}, catalogError(errListed)
	}
	return newHead(&e), nil
}
