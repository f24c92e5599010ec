package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"daybook/archive/ledger"
)

// joining checks by what the catalog finds an entry, and to which message it has
// joined it.
func (v *verifier) joining(e *Entry, r ledger.Record) {
	complain := func(reason string) { v.damage(*damaged(r.Seq, r.At, reason+"; run `daybook rebuild`")) }
	_, j, err := place(v.from, e.ID)
	if err != nil {
		complain(err.Error())
		return
	}
	if err := v.judged(e, j); err != nil {
		complain(err.Error())
	}
	t := v.tenants[e.Tenant]
	t.add(e, j, length(&r))
	v.tenants[e.Tenant] = t
	if j.reason != "" {
		v.members++
		if _, closer, err := v.from.Get(memberKey(j.head, e.ID)); err != nil {
			complain("the catalog does not list it with its message")
		} else {
			closer.Close()
		}
	}
	if !v.timed(e.ID, e) || j.reason != "" && !v.timed(j.head, e) {
		complain("the catalog does not find it by its time")
	}
	for _, key := range indexKeys(e) {
		err := v.indexed(key, e.ID)
		if err == nil && j.reason != "" {
			err = v.indexed(headKey(key, j.head), e.ID)
		}
		if err != nil {
			complain(fmt.Sprintf("the catalog does not find it by its %s", keyName(key[0])))
		}
	}
}

// timed tells whether the spans around a number have an entry's time of arrival.
func (v *verifier) timed(number uint64, e *Entry) bool {
	at := spanOfTime(e.Received)
	for level := range byte(spanLevels) {
		s, ok, err := spanIn(v.from, spanOf(level, number))
		if err != nil || !ok || s.with(at) != s {
			return false
		}
	}
	return true
}

var errIndex = errors.New("an index is damaged")

// indexed checks that there is an index key, and counts it with the entry that put it
// there last. So each is counted once.
func (v *verifier) indexed(key []byte, id uint64) error {
	value, closer, err := v.from.Get(key)
	if err != nil {
		return err
	}
	defer closer.Close()
	by := keySeq(key)
	if len(value) > 0 {
		n := 0
		if by, n = binary.Uvarint(value); n != len(value) || by <= keySeq(key) {
			return errIndex
		}
	}
	if by < id {
		return errIndex
	}
	if by == id {
		v.keys++
	}
	return nil
}

// judged applies the rule to an entry again, with the messages that were known when
// it came in, and compares what comes of it with what the catalog has.
func (v *verifier) judged(e *Entry, have joined) error {
	if e.Identity == nil {
		if have != (joined{head: e.ID}) {
			return errors.New("the catalog knows another message of it, and nothing is known to join it by")
		}
		return nil
	}
	one := newHead(e)
	final, err := rosterIn(v.from, joinKey(one.group))
	if err != nil {
		return err
	}
	for _, listed := range final.list {
		if listed.number == e.ID || slices.ContainsFunc(listed.forms, func(f listedForm) bool { return f.number == e.ID }) {
			v.remembered++
		}
	}
	before := final.before(e.ID)
	known, hidden, err := v.heads(&before, one.group)
	if err != nil {
		return err
	}
	want := known.join(&one)
	before.add(e.ID, want)
	now := final.before(e.ID + 1)
	if hidden || want == have && string(before.encode()) == string(now.encode()) {
		return nil
	}
	if other := have.other(); final.lost && other < final.list[0].number {
		return v.forgotten(e, other)
	}
	return fmt.Errorf("the catalog has it in message %d (%q, collides with %d), and it belongs to message %d (%q, %d)",
		have.head, have.reason, have.collides, want.head, want.reason, want.collides)
}

// heads reads the messages of a roster. hidden tells that damage, which is reported of
// other entries, keeps some from being read.
func (v *verifier) heads(r *roster, group half) (known heads, hidden bool, err error) {
	known = r.heads(group, func(number uint64) (head, bool) {
		one, failed := v.past.get(v.from, number)
		if errors.Is(failed, ErrCatalog) {
			err = failed
		}
		hidden = hidden || failed != nil
		return one, failed == nil
	})
	return known, hidden, err
}

// forgotten checks what an entry has to do with a message that is known no more, as so
// many others with its Message-ID came in since: the message must have that, too.
func (v *verifier) forgotten(e *Entry, other uint64) error {
	_, first, err := place(v.from, other)
	if err != nil {
		return err
	}
	head, err := v.a.recorded(v.from, other)
	if d := (*Damage)(nil); errors.As(err, &d) {
		return nil // which is reported of the other one
	}
	if err != nil {
		return err
	}
	if first.reason != "" || head.Identity == nil || groupOf(&head) != groupOf(e) {
		return fmt.Errorf("the catalog names message %d with it, which has nothing to do with it", other)
	}
	return nil
}
