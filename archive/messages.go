package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// maxMembers is how many entries of a message are put together in a Message.
	maxMembers = 1000
	// maxParties is how many senders, and how many recipients, it names.
	maxParties = 50_000
	// maxTold is how often it says who told of one of them.
	maxTold = 16
)

// Message is all entries that are the same mail, put together.
type Message struct {
	// ID is the number of the message's first entry.
	ID     uint64
	Tenant string
	// First and Last are when the first and the last of the entries arrived that are
	// put together here.
	First, Last time.Time
	// Entries is how many entries the message has in all, and Unreadable how many of
	// those that were looked at are damaged.
	Entries, Unreadable int
	// Cut tells that not all is here: of more than 1,000 entries only the first are put
	// together, of more than 50,000 senders or recipients only the first are named, and
	// of more than 16 ways in which one is told of only the first are kept.
	Cut bool
	// Sources are the ways in by which the mail came, in the order of the entries.
	Sources []string
	// Senders and Recipients are those of all entries, and who tells of them, see
	// [Entry.Sender] and [Entry.Recipients].
	Senders, Recipients []Party
	// Summary and Size are those of the first entry that is the mail itself. When all
	// are reports with the mail inside, they are those of the first of them, with the
	// subject and the Message-ID of the mail, as far as these are known.
	Summary message.Summary
	Size    int64
	// Variants are the exact forms of the mail, in the order in which they came.
	Variants []Variant
}

// Party is somebody who sent or received a mail.
type Party struct {
	// Address is as it was given first; others may differ in case.
	Address string
	// Told says who tells of it, each way once.
	Told []Told
}

// Told is what an entry tells of a sender or recipient.
type Told struct {
	// Entry is the first entry that tells this.
	Entry    uint64
	Evidence message.Evidence
	// Class, History and From are those of a recipient, see message.Recipient.
	Class   message.Class
	History message.History
	From    string
}

// Variant is one exact form of a mail.
type Variant struct {
	// Entry is the first entry that has it. Its message is the mail, or the journal's
	// delivery with the mail inside.
	Entry uint64
	// Exact is the SHA-256 of the mail's exact bytes.
	Exact Digest
	// Differs tells that its content is not that of the first entry.
	Differs bool
	// Entries is how many entries have it, of those that are put together.
	Entries int
}

// Messages gives the messages that a query wants, by number. Of a message count the
// entries that are of the query's tenant and quarantine; it is wanted when each of
// the other conditions is met by one of them. After, Before, Reverse and Limit are
// about messages. A message that cannot be read is given as an error, after which
// the listing goes on.
func (a *Archive) Messages(ctx context.Context, q Query) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		from, count := a.catalog.reader(), 0
		for id, err := range a.candidates(ctx, from, q) {
			m, wanted := Message{}, true
			if err == nil {
				m, wanted, err = a.gather(ctx, from, id, &q)
			}
			if err == nil && !wanted {
				continue
			}
			if count++; !yield(m, err) || count == q.Limit {
				return
			}
		}
	}
}

// Message gives the message that an entry belongs to, whatever is in quarantine. The
// error is [ErrNotFound], a [*Damage] when nothing of it can be read, ctx's, or one
// of the disk.
func (a *Archive) Message(ctx context.Context, id uint64) (Message, error) {
	from := a.catalog.reader()
	_, j, err := place(from, id)
	if errors.Is(err, ErrNotFound) {
		_, err = a.recorded(from, id) // which says what the number is of
		return Message{}, err
	}
	if err != nil {
		return Message{}, fmt.Errorf("entry %d: %w", id, err)
	}
	m, _, err := a.gather(ctx, from, j.head, &Query{})
	return m, err
}

// candidates gives the numbers of the messages that a query may want. Those of other
// entries may be among them.
func (a *Archive) candidates(ctx context.Context, from pebble.Reader, q Query) iter.Seq2[uint64, error] {
	if q.Quarantine != QuarantineOnly {
		return a.numbers(ctx, from, q)
	}
	// Quarantine is known of entries only.
	return func(yield func(uint64, error) bool) {
		var found []uint64
		for id, err := range scan(ctx, from, []byte{keyQuarantine}, Query{}) {
			if err != nil {
				yield(0, err)
				return
			}
			_, j, err := place(from, id)
			if err != nil {
				j.head = id // gather tells what is wrong with it
			}
			if j.head > q.After && (q.Before == 0 || j.head < q.Before) {
				found = append(found, j.head)
			}
		}
		inOrder(found, q.Reverse, yield)
	}
}

// gather puts a message together, and tells whether a query wants it. What is not the
// number of a message is not wanted.
func (a *Archive) gather(ctx context.Context, from pebble.Reader, id uint64, q *Query) (Message, bool, error) {
	_, j, err := place(from, id)
	if errors.Is(err, ErrNotFound) {
		err = &Damage{Entry: id, Reason: "its record is lost; what was decided about it since is not"}
	}
	if err != nil || j.head != id {
		return Message{}, false, err
	}
	u := &union{m: Message{ID: id}, senders: map[string]int{}, recipients: map[string]int{}}
	last := id
	for n, err := range members(ctx, from, id) {
		if err != nil {
			return Message{}, false, err
		}
		last = n
		if err := a.member(from, n, u, q); err != nil {
			return Message{}, false, err
		}
	}
	if u.m.Cut {
		if e, err := a.entry(from, last); err == nil && q.counts(&e) {
			u.time(e.Received)
		}
	}
	wanted := u.counted && u.met == allMet
	if !wanted && u.damage != nil {
		return Message{}, false, u.damage
	}
	return u.m, wanted, nil
}

// members gives the numbers of a message's entries.
func members(ctx context.Context, from pebble.Reader, head uint64) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		if !yield(head, nil) {
			return
		}
		for n, err := range scan(ctx, from, seqKey(keyMember, head), Query{}) {
			if !yield(n, err) {
				return
			}
		}
	}
}

// member reads one entry of a message. When there are very many, those are not read
// that can change nothing. The error is none that is about the entry alone.
func (a *Archive) member(from pebble.Reader, n uint64, u *union, q *Query) error {
	u.m.Entries++
	full := u.taken == maxMembers
	if full && u.met == allMet {
		u.m.Cut = true
		return nil
	}
	e, err := a.entry(from, n)
	d := (*Damage)(nil)
	if errors.Is(err, ErrNotFound) {
		err = &Damage{Entry: n, Reason: "its record is lost"}
	}
	switch {
	case errors.As(err, &d):
		u.m.Unreadable++
		if u.damage == nil {
			u.damage = d
		}
	case err != nil:
		return err
	case q.counts(&e):
		u.counted = true
		u.met |= q.meets(&e)
		if full {
			u.m.Cut = true
			return nil
		}
		u.add(&e)
	}
	return nil
}

// union puts the entries of a message together.
type union struct {
	m                   Message
	taken               int
	inside              bool // the summary is that of a report with the mail inside
	counted             bool // an entry counts for the query
	met                 met
	damage              *Damage
	senders, recipients map[string]int // where they are, by their folded address
}

func (u *union) add(e *Entry) {
	if u.taken++; u.taken == 1 {
		u.m.Tenant = e.Tenant
	}
	if inside := e.exact() != e.SHA256; u.taken == 1 || u.inside && !inside {
		u.m.Summary, u.m.Size, u.inside = e.mailSummary(inside), e.Size, inside
	}
	u.time(e.Received)
	if !slices.Contains(u.m.Sources, e.Source) {
		u.m.Sources = append(u.m.Sources, e.Source)
	}
	u.variant(e)
	sender, evidence := e.Sender()
	if sender != "" || evidence == message.EvidenceEnvelope {
		u.party(&u.m.Senders, u.senders, sender, Told{Entry: e.ID, Evidence: evidence})
	}
	list, evidence := e.Recipients()
	for _, r := range list {
		u.party(&u.m.Recipients, u.recipients, r.Address,
			Told{Entry: e.ID, Evidence: evidence, Class: r.Class, History: r.History, From: r.From})
	}
}

func (u *union) time(t time.Time) {
	if u.m.First.IsZero() || t.Before(u.m.First) {
		u.m.First = t
	}
	if t.After(u.m.Last) {
		u.m.Last = t
	}
}

func (u *union) variant(e *Entry) {
	exact := e.exact()
	i := slices.IndexFunc(u.m.Variants, func(v Variant) bool { return v.Exact == exact })
	if i < 0 {
		i = len(u.m.Variants)
		u.m.Variants = append(u.m.Variants, Variant{Entry: e.ID, Exact: exact, Differs: e.Differs})
	}
	u.m.Variants[i].Entries++
}

// mailSummary is the summary of an entry's mail, which may be inside of a report.
func (e *Entry) mailSummary(inside bool) message.Summary {
	s := e.Summary
	if !inside {
		return s
	}
	if e.Identity.MessageID != "" {
		s.MessageID = "<" + e.Identity.MessageID + ">"
	}
	if e.Truth != nil && e.Truth.Subject != "" {
		s.Subject = e.Truth.Subject
	}
	return s
}

// exact is the SHA-256 of the exact bytes of an entry's mail; of its message, when
// nothing is known of a mail inside.
func (e *Entry) exact() Digest {
	if e.Identity != nil {
		return e.Identity.Exact
	}
	return e.SHA256
}

// party notes a sender or recipient, and who tells of it.
func (u *union) party(list *[]Party, known map[string]int, address string, told Told) {
	folded := foldAddress(address)
	i, ok := known[folded]
	if !ok {
		if len(*list) == maxParties {
			u.m.Cut = true
			return
		}
		i = len(*list)
		known[folded] = i
		*list = append(*list, Party{Address: address})
	}
	p := &(*list)[i]
	same := func(t Told) bool {
		t.Entry = told.Entry
		return t == told
	}
	switch {
	case slices.ContainsFunc(p.Told, same):
	case len(p.Told) == maxTold:
		u.m.Cut = true
	default:
		p.Told = append(p.Told, told)
	}
}
