package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// pass is what applying a group has changed of values that are read in order to be
// changed: the next record of the group sees it here.
type pass struct {
	rosters map[string]roster // by their key
	listed  map[uint64]head   // entries that rosters name since, which cannot be looked up yet
	tenants map[string]TenantTotals
	held    map[string]held // by their key
	spans   map[spanName]span
	// look finds rosters as they were before the group; nil when none was looked for.
	look *pebble.Iterator
}

func newPass() *pass {
	return &pass{
		rosters: map[string]roster{}, listed: map[uint64]head{}, tenants: map[string]TenantTotals{}, held: map[string]held{},
		spans: map[spanName]span{},
	}
}

// end closes what was opened for the group.
func (p *pass) end() {
	if p.look != nil {
		_ = p.look.Close() // its errors are those of seek
		p.look = nil
	}
}

// seek looks for the value of a key as it was before the group. all is whether the
// filters of the last level are asked too. What it gives lasts until the next call.
func (p *pass) seek(from pebble.Reader, key []byte, all bool) (value []byte, found bool, err error) {
	if p.look == nil {
		if p.look, err = from.NewIter(&pebble.IterOptions{UseL6Filters: all}); err != nil {
			return nil, false, err
		}
	}
	if !p.look.SeekPrefixGE(key) {
		return nil, false, p.look.Error()
	}
	value, err = p.look.ValueAndErr()
	return value, true, err
}

// join finds the message that an entry belongs to, tells the entry, and remembers it
// for those that follow. What cannot be read is noted, and left out of what the entry is
// compared with; it may be a message of its own for that. No damage there keeps mail
// from coming in.
func (k *catalog) join(b *pebble.Batch, e *Entry, s *state) (joined, error) {
	j := joined{head: e.ID}
	defer func() { j.tell(e) }()
	if e.Identity == nil {
		return j, nil
	}
	one := newHead(e)
	key := joinKey(one.group)
	all, err := k.roster(key)
	if err != nil {
		s.doubts++
	}
	known := all.heads(one.group, func(number uint64) (head, bool) { return k.head(number, s) })
	if j = known.join(&one); !all.add(e.ID, j) {
		return j, nil
	}
	k.pass.rosters[string(key)] = all
	k.pass.listed[e.ID] = one
	return j, b.Set(key, all.encode(), nil)
}

// roster gives the messages under a key, as the records so far have left them.
func (k *catalog) roster(key []byte) (roster, error) {
	if r, ok := k.pass.rosters[string(key)]; ok {
		return r, nil
	}
	value, found, err := k.pass.seek(k.reader(), key, k.filters())
	if err != nil {
		// A filter that is damaged keeps no roster from being found.
		k.pass.end()
		return rosterIn(k.reader(), key)
	}
	if !found {
		return roster{}, nil
	}
	return rosterOf(value)
}

// filters tells whether the filters of the last level are asked.
func (k *catalog) filters() bool { return k.state.messages*filterBits/8 <= mostFilters }

// head gives an entry that a roster names, and reports false when it cannot be read.
// That is a doubt, whatever the reason: it may be read later, or the catalog made anew
// without it, and who remembers the entry goes on with it.
func (k *catalog) head(number uint64, s *state) (head, bool) {
	if one, ok := k.pass.listed[number]; ok {
		return one, true
	}
	one, err := k.past.get(k.reader(), number)
	if err != nil {
		s.doubts++
	}
	return one, err == nil
}

// keepListed takes over the entries that a group has brought.
func (k *catalog) keepListed() {
	for _, one := range k.pass.listed {
		k.past.keep(one)
	}
}

// rosterIn gives the messages under a key; none when there is no such key.
func rosterIn(from pebble.Reader, key []byte) (roster, error) {
	value, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return roster{}, nil
	}
	if err != nil {
		return roster{}, catalogError(err)
	}
	defer closer.Close()
	return rosterOf(value)
}

func rosterOf(value []byte) (roster, error) {
	r, err := decodeRoster(value)
	if err != nil {
		return roster{}, catalogError(err)
	}
	return r, nil
}

// tell gives an entry its message.
func (j joined) tell(e *Entry) {
	e.Message, e.Joined, e.Differs, e.Collides = j.head, j.reason, j.differs, j.collides
}

// joinDiffers is set in the byte that says why an entry is joined, beside the number
// of the reason. They are numbered from 1 on; 0 is for one that is not joined, and
// collides.
const joinDiffers = 0x80

// appendTo writes behind an entry's location which other message it belongs to, or
// collides with, if there is one.
func (j joined) appendTo(at []byte) []byte {
	if j.reason == "" && j.collides == 0 {
		return at
	}
	all := reasons()
	at = binary.AppendUvarint(at, j.other())
	return append(at, byte(1+slices.Index(all[:], j.reason))|bit(j.differs, joinDiffers))
}

// place looks up where an entry's record stands, and the message it belongs to. The
// error is [ErrNotFound] or [ErrCatalog].
func place(from pebble.Reader, id uint64) (ledger.Location, joined, error) {
	v, closer, err := from.Get(seqKey(keyEntry, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return ledger.Location{}, joined{}, ErrNotFound
	}
	if err != nil {
		return ledger.Location{}, joined{}, catalogError(err)
	}
	defer closer.Close()
	at, j, err := decodePlace(v, id)
	if err != nil {
		return at, j, catalogError(err)
	}
	return at, j, nil
}

var errPlace = errors.New("the place of an entry is damaged")

// decodePlace reads the value of an entry's key.
func decodePlace(v []byte, id uint64) (ledger.Location, joined, error) {
	at, rest, ok := decodeLocation(v)
	if !ok {
		return at, joined{}, errPlace
	}
	if len(rest) == 0 {
		return at, joined{head: id}, nil
	}
	other, n := binary.Uvarint(rest)
	if n <= 0 || len(rest) != n+1 || other == 0 || other >= id {
		return at, joined{}, errPlace
	}
	if rest[n] == 0 {
		return at, joined{head: id, collides: other}, nil
	}
	all, why := reasons(), rest[n]&^joinDiffers
	if why == 0 || int(why) > len(all) {
		return at, joined{}, errPlace
	}
	return at, joined{head: other, reason: all[why-1], differs: rest[n]&joinDiffers != 0}, nil
}

// warn records that an entry has the Message-ID of another message and another
// content. The entry is archived, whatever becomes of the warning.
func (a *Archive) warn(ctx context.Context, e *Entry) {
	if e.Collides == 0 {
		return
	}
	_, err := a.appendEvent(context.WithoutCancel(ctx), nil, Event{
		Kind: EventCollision, Time: time.Now().UTC(), Tenant: e.Tenant, Source: e.Source, Entry: e.ID,
		MessageID: e.Identity.MessageID, Size: e.Size, SHA256: e.SHA256,
		Text: fmt.Sprintf("entry %d has the Message-ID of message %d and another content; both are kept, as two messages", e.ID, e.Collides),
	})
	if err != nil {
		a.log.Warn("an event could not be recorded; the message that it is about is archived",
			"kind", EventCollision, "entry", e.ID, "other", e.Collides, "error", err)
	}
}
