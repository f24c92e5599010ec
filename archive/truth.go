package archive

import (
	"iter"

	"daybook/archive/message"
)

// Sender gives the address that sent the entry's mail, and by which evidence. It is
// empty for the null reverse-path, and where nothing tells.
func (e *Entry) Sender() (string, message.Evidence) {
	if e.byEnvelope() {
		return e.Envelope.Sender.Address, message.EvidenceEnvelope
	}
	return e.Truth.Sender, e.Truth.Evidence
}

// Recipients gives those who received the entry's mail, and by which evidence. There
// are none where nothing tells.
func (e *Entry) Recipients() ([]message.Recipient, message.Evidence) {
	if !e.byEnvelope() {
		return e.Truth.Recipients, e.Truth.Evidence
	}
	list := make([]message.Recipient, len(e.Envelope.Recipients))
	for i, p := range e.Envelope.Recipients {
		list[i] = message.Recipient{Address: p.Address, Class: message.ClassUnknown}
	}
	return list, message.EvidenceEnvelope
}

// byEnvelope tells that the envelope is about the mail itself.
func (e *Entry) byEnvelope() bool {
	return e.Truth == nil || e.Truth.Evidence == "" || e.Truth.Evidence == message.EvidenceEnvelope
}

// senders gives the addresses by which an entry is found as a sender's: those of the
// envelope and of the truth, as both are facts about the entry.
func (e *Entry) senders() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(e.Envelope.Sender.Address) || e.Truth == nil {
			return
		}
		for _, a := range []string{e.Truth.Sender, e.Truth.OnBehalfOf} {
			if a != "" && !yield(a) {
				return
			}
		}
	}
}

// recipients gives the addresses by which an entry is found as a recipient's. The
// list by which somebody received it is one of them.
func (e *Entry) recipients() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range e.Envelope.Recipients {
			if !yield(p.Address) {
				return
			}
		}
		if e.Truth == nil {
			return
		}
		last := "" // a list has many members, one behind the other
		for _, r := range e.Truth.Recipients {
			if r.Address != "" && !yield(r.Address) {
				return
			}
			if r.From != last && r.From != "" && !yield(r.From) {
				return
			}
			last = r.From
		}
	}
}

// messageIDs gives the Message-IDs by which an entry is found.
func (e *Entry) messageIDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		if e.Summary.MessageID != "" && !yield(e.Summary.MessageID) {
			return
		}
		if e.Truth != nil && e.Truth.MessageID != "" {
			yield(e.Truth.MessageID)
		}
	}
}

// Bounds of a truth, so that an entry always has room in a record. They are above
// what a message can say that package journal reads.
const (
	maxRecipients    = 50_000
	maxRecipientText = 16 << 20 // of all recipients together, in bytes
	maxText          = 64 << 10 // of any other text, in bytes
	maxOriginals     = 100
)

// FlagTruthCut is the flag of an entry whose truth was too large, or spoke of bytes
// that its message does not have. What could not be kept of it was left out.
const FlagTruthCut = "truth-cut"

// fit gives as much of a truth as an entry with a message of size bytes can keep,
// and tells whether that is all of it. No mail is refused for what is said about it.
func fit(t *message.Truth, size int64) (_ *message.Truth, whole bool) {
	if t == nil {
		return nil, true
	}
	kept := *t
	whole = true
	for _, text := range []*string{&kept.Kind, &kept.Sender, &kept.OnBehalfOf, &kept.Subject, &kept.MessageID, &kept.Label} {
		if len(*text) > maxText {
			*text, whole = "", false
		}
	}
	kept.Recipients = t.Recipients[:fitting(t.Recipients)]
	kept.Originals = nil
	for _, o := range t.Originals {
		if o.Within(size) && len(kept.Originals) < maxOriginals {
			kept.Originals = append(kept.Originals, o)
		}
	}
	whole = whole && len(kept.Recipients) == len(t.Recipients) && len(kept.Originals) == len(t.Originals)
	return &kept, whole
}

// fitting counts the recipients, from the first one on, that are within the bounds.
// What neighbours have in common takes room once.
func fitting(list []message.Recipient) int {
	room, from := maxRecipientText, ""
	for i, r := range list[:min(len(list), maxRecipients)] {
		room -= len(r.Address)
		if r.From != from {
			room, from = room-len(r.From), r.From
		}
		if room < 0 {
			return i
		}
	}
	return min(len(list), maxRecipients)
}

// truthRecord is a Truth within the body of an entry.
type truthRecord struct {
	Evidence   message.Evidence  `cbor:"1,keyasint,omitempty"`
	Kind       string            `cbor:"2,keyasint,omitempty"`
	Sender     string            `cbor:"3,keyasint,omitempty"`
	OnBehalfOf string            `cbor:"4,keyasint,omitempty"`
	Recipients []recipientRecord `cbor:"5,keyasint,omitempty"`
	Subject    string            `cbor:"6,keyasint,omitempty"`
	MessageID  string            `cbor:"7,keyasint,omitempty"`
	Label      string            `cbor:"8,keyasint,omitempty"`
	Originals  []originalRecord  `cbor:"9,keyasint,omitempty"`
}

// recipientRecord is recipients, one behind the other, who have all in common but
// the address: the members of a list take little more than their addresses.
type recipientRecord struct {
	Addresses []string        `cbor:"1,keyasint"`
	Class     message.Class   `cbor:"2,keyasint,omitempty"`
	History   message.History `cbor:"3,keyasint,omitempty"`
	From      string          `cbor:"4,keyasint,omitempty"`
}

// originalRecord is an Original.
type originalRecord struct {
	Start     int64  `cbor:"1,keyasint,omitempty"`
	End       int64  `cbor:"2,keyasint"`
	Encoding  string `cbor:"3,keyasint,omitempty"`
	Protected bool   `cbor:"4,keyasint,omitempty"`
	Decrypted bool   `cbor:"5,keyasint,omitempty"`
}

func newTruthRecord(t *message.Truth) *truthRecord {
	if t == nil {
		return nil
	}
	b := &truthRecord{
		Evidence: t.Evidence, Kind: t.Kind, Sender: t.Sender, OnBehalfOf: t.OnBehalfOf,
		Subject: t.Subject, MessageID: t.MessageID, Label: t.Label,
	}
	var last *recipientRecord
	for _, r := range t.Recipients {
		if last == nil || r.Class != last.Class || r.History != last.History || r.From != last.From {
			b.Recipients = append(b.Recipients, recipientRecord{Class: r.Class, History: r.History, From: r.From})
			last = &b.Recipients[len(b.Recipients)-1]
		}
		last.Addresses = append(last.Addresses, r.Address)
	}
	for _, o := range t.Originals {
		b.Originals = append(b.Originals, originalRecord(o))
	}
	return b
}

// truth is nil when none was recorded.
func (b *truthRecord) truth() *message.Truth {
	if b == nil {
		return nil
	}
	t := &message.Truth{
		Evidence: b.Evidence, Kind: b.Kind, Sender: b.Sender, OnBehalfOf: b.OnBehalfOf,
		Subject: b.Subject, MessageID: b.MessageID, Label: b.Label,
	}
	for _, r := range b.Recipients {
		for _, a := range r.Addresses {
			t.Recipients = append(t.Recipients, message.Recipient{Address: a, Class: r.Class, History: r.History, From: r.From})
		}
	}
	for _, o := range b.Originals {
		t.Originals = append(t.Originals, message.Original(o))
	}
	return t
}
