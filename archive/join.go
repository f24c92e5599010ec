package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// The rule by which entries are joined. It is a pure function of the entries that
// came before, within a tenant, with the same Message-ID; for mail without a usable
// one, with the same exact bytes.

const (
	// maxHeads is how many messages are known that an entry may belong to: the latest
	// ones with its Message-ID.
	maxHeads = 16
	// maxForms is how many exact forms of a message are known: that of its first entry
	// and of the first others that differ.
	maxForms = 8
	// exactWindow is how far apart, at least, the copies of a mail without a Message-ID
	// may arrive: the same bytes may well be sent again a day later, and be meant.
	exactWindow = 10 * time.Minute
)

// half is the first half of a SHA-256: none can be made to fit another.
type half [16]byte

// way is how an entry came: a digest of source, sender and recipients, and of the
// queue ID where there is no Message-ID.
type way [8]byte

// head is a message as the rule knows it: its first entry, and its exact forms. An
// entry that comes in is one with itself as its only form.
type head struct {
	number      uint64
	group       half  // of what it is compared with, see groupOf
	received    int64 // nanoseconds since 1970 UTC
	canonical   half  // zero: the mail has no usable Message-ID
	fields      half  // zero: none
	window      uint64
	byMessageID bool // its match is MatchMessageID
	queued      bool // the queue ID is known
	forms       []form
}

// form is one of a message's exact forms.
type form struct {
	number  uint64 // the first entry that has it
	exact   half
	way     way
	differs bool // its canonical identity is not the message's
}

// newHead is what the rule knows of an entry, which must have an identity.
func newHead(e *Entry) head {
	h := head{
		number: e.ID, group: groupOf(e), received: e.Received.UnixNano(), window: uint64(e.Join.Window / time.Second),
		byMessageID: e.Join.Match == MatchMessageID, queued: e.Envelope.QueueID != "",
	}
	if e.Identity.named() {
		h.canonical = half(e.Identity.Canonical[:16])
		if h.byMessageID {
			h.fields = half(e.Identity.Fields[:16])
		}
	}
	h.forms = []form{{number: e.ID, exact: half(e.Identity.Exact[:16]), way: wayOf(e)}}
	return h
}

// wayOf is the way of an entry: that of its mail, as far as it is known, and of the
// delivery.
func wayOf(e *Entry) way {
	var texts []string
	list, _ := e.Recipients()
	for _, r := range list {
		texts = append(texts, r.Address)
	}
	if !e.byEnvelope() {
		texts = append(texts, e.Envelope.Addresses()...)
	}
	slices.Sort(texts)
	sender, _ := e.Sender()
	texts = append(texts, e.Source, e.Envelope.Sender.Address, sender)
	if !e.Identity.named() {
		texts = append(texts, e.Envelope.QueueID)
	}
	var b []byte
	for _, t := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	sum := sha256.Sum256(b)
	return way(sum[:8])
}

// groupOf tells entries apart that have nothing to do with each other: only those of
// one tenant with the same Message-ID, or the same bytes where there is none, have the
// same group.
func groupOf(e *Entry) half {
	b := append(binary.AppendUvarint(nil, uint64(len(e.Tenant))), e.Tenant...)
	if e.Identity.named() {
		b = append(append(b, 'm'), e.Identity.MessageID...)
	} else {
		b = append(append(b, 'x'), e.Identity.Exact[:]...)
	}
	sum := sha256.Sum256(b)
	return half(sum[:16])
}

// joinKey is the key of the roster that a group is in. Groups may share one.
func joinKey(group half) []byte { return append([]byte{keyJoin}, group[:8]...) }

func (h *head) named() bool { return h.canonical != half{} }

// apart is how far apart two entries came in, in nanoseconds.
func (h *head) apart(e *head) uint64 {
	if h.received > e.received {
		return uint64(h.received) - uint64(e.received)
	}
	return uint64(e.received) - uint64(h.received)
}

// reach is the window within which both may be joined, in nanoseconds.
func (h *head) reach(e *head) uint64 { return min(h.window, e.window, maxWindow) * uint64(time.Second) }

// takes tells whether an entry belongs to the message for a reason, and gives the
// form that it has. The ends of the window are within it.
func (h *head) takes(e *head, why Reason) (form, bool) {
	apart, reach := h.apart(e), h.reach(e)
	near := reach > 0 && apart <= reach
	switch why {
	case ReasonResend, ReasonExact:
		i := slices.IndexFunc(h.forms, func(f form) bool { return f.exact == e.forms[0].exact })
		if i < 0 {
			return form{}, false
		}
		f := h.forms[i]
		near = e.named() || apart <= max(reach, uint64(exactWindow))
		if why == ReasonResend {
			return f, f.way == e.forms[0].way && (near || h.queued && e.queued)
		}
		return f, near
	case ReasonContent:
		return form{}, near && h.named() && h.canonical == e.canonical
	default:
		same := h.byMessageID && e.byMessageID && h.fields == e.fields && h.fields != half{}
		return form{differs: h.canonical != e.canonical}, near && same
	}
}

// joined is what the rule says of an entry.
type joined struct {
	head    uint64 // number of the message's first entry
	reason  Reason // empty: the entry is that one
	differs bool   // its canonical identity is not the first entry's
	// collides is the latest message with the same Message-ID and another content, for
	// the first entry of a message; 0 for none.
	collides uint64
}

// other is the message that is named with an entry: the one it is joined to or
// collides with, or its own.
func (j joined) other() uint64 {
	if j.collides != 0 {
		return j.collides
	}
	return j.head
}

// heads are the messages that an entry may belong to, by number.
type heads struct{ list []head }

// reasons are in the order in which they are tried: the strictest first.
func reasons() [4]Reason {
	return [4]Reason{ReasonResend, ReasonExact, ReasonContent, ReasonMessageID}
}

// join finds the message that an entry belongs to. When several would take it for
// the same reason it is the one that came in nearest in time, and then the first.
func (h *heads) join(e *head) joined {
	for _, why := range reasons() {
		found, best := joined{}, uint64(0)
		for i := range h.list {
			one := &h.list[i]
			f, ok := one.takes(e, why)
			if ok && (found.head == 0 || one.apart(e) < best) {
				found, best = joined{head: one.number, reason: why, differs: f.differs}, one.apart(e)
			}
		}
		if found.head != 0 {
			return found
		}
	}
	j := joined{head: e.number}
	for i := range h.list {
		if h.list[i].canonical != e.canonical {
			j.collides = h.list[i].number
		}
	}
	return j
}
