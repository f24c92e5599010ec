package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"daybook/archive/message"
)

// factsRecord is what an entry's facts say in words: CBOR, deterministically encoded
// (RFC 8949 section 4.2.1), with texts as byte strings. What most entries of a tenant
// have in common comes first, so that a compressor finds it in one piece. Keys are
// never given a new meaning.
type factsRecord struct {
	Tenant        string                       `cbor:"1,keyasint"`
	Source        string                       `cbor:"2,keyasint"`
	Decision      *decisionRecord              `cbor:"3,keyasint,omitempty"`
	Window        uint64                       `cbor:"4,keyasint,omitempty"` // seconds
	Match         Match                        `cbor:"5,keyasint,omitempty"` // empty: MatchContent
	Flags         []string                     `cbor:"6,keyasint,omitempty"`
	Client        *message.Client              `cbor:"7,keyasint,omitempty"`
	Sender        string                       `cbor:"8,keyasint,omitempty"`
	SenderArgs    []string                     `cbor:"9,keyasint,omitempty"`
	Recipients    []string                     `cbor:"10,keyasint,omitempty"`
	RecipientArgs [][]string                   `cbor:"11,keyasint,omitempty"` // as many as recipients, or none
	From          string                       `cbor:"12,keyasint,omitempty"`
	MessageID     string                       `cbor:"13,keyasint,omitempty"`
	Subject       string                       `cbor:"14,keyasint,omitempty"`
	QueueID       string                       `cbor:"15,keyasint,omitempty"`
	Macros        map[string]map[string]string `cbor:"16,keyasint,omitempty"`
	Truth         *truthRecord                 `cbor:"17,keyasint,omitempty"`
	MailID        string                       `cbor:"18,keyasint,omitempty"` // Identity.MessageID, when it is not MessageID
}

// Numbers and digests yield nothing to a compressor, and spoil what it knows of text.
// They stand in front of the CBOR, which alone is compressed:
//
//	0  1  which of the following are there, one bit each, from the lowest on: an
//	      identity; exact, canonical, fields; date, size
//	1  8  time of arrival, nanoseconds since 1970 UTC, big endian
//	9  32 SHA-256 of the message
//	.. 32 exact: the identity's, when it is not the message's
//	.. 16 canonical, and 16 fields: the first halves of the identity's
//	.. .. date: how many seconds before the arrival the date of the summary is, varint
//	.. .. size of the message, uvarint, when it is not that of the pieces
//	.. .. the formula, see formula.encode
const (
	hasIdentity = 1 << iota
	hasExact
	hasCanonical
	hasFields
	hasDate
	hasSize
	knownNumbers = 1<<iota - 1
)

// appendNumbers writes the numbers and digests of an entry.
func appendNumbers(b []byte, e *Entry) []byte {
	at := len(b)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Received.UnixNano()))
	b = append(b, e.SHA256[:]...)
	if id := e.Identity; id != nil {
		b[at] |= hasIdentity
		if id.Exact != e.SHA256 {
			b[at] |= hasExact
			b = append(b, id.Exact[:]...)
		}
		if id.Canonical != (Digest{}) {
			b[at] |= hasCanonical
			b = append(b, id.Canonical[:len(half{})]...)
		}
		if id.Fields != (Digest{}) {
			b[at] |= hasFields
			b = append(b, id.Fields[:len(half{})]...)
		}
	}
	if e.Summary.Date != 0 {
		b[at] |= hasDate
		b = binary.AppendVarint(b, e.Received.Unix()-e.Summary.Date)
	}
	if e.Size != e.formula.size() {
		b[at] |= hasSize
		b = binary.AppendUvarint(b, uint64(e.Size))
	}
	return append(b, e.formula.encode()...)
}

var errNumbers = errors.New("its numbers are malformed")

// readNumbers reads what appendNumbers wrote.
func (e *Entry) readNumbers(b []byte) (err error) {
	f := fields{b: b}
	has := f.byte()
	if has&^knownNumbers != 0 {
		return fmt.Errorf("what has its numbers %w", errNewer)
	}
	if n := f.bytes(8); !f.bad {
		e.Received = time.Unix(0, int64(binary.BigEndian.Uint64(n))).UTC()
	}
	copy(e.SHA256[:], f.bytes(uint64(len(e.SHA256))))
	if has&hasIdentity != 0 {
		e.Identity = &Identity{Exact: e.SHA256}
		for _, d := range []struct {
			bit byte
			to  []byte
		}{{hasExact, e.Identity.Exact[:]}, {hasCanonical, e.Identity.Canonical[:len(half{})]}, {hasFields, e.Identity.Fields[:len(half{})]}} {
			if has&d.bit != 0 {
				copy(d.to, f.bytes(uint64(len(d.to))))
			}
		}
	}
	if has&hasDate != 0 {
		e.Summary.Date = e.Received.Unix() - f.varint()
	}
	if has&hasSize != 0 {
		e.Size = int64(f.uvarint(math.MaxUint64))
	}
	if f.bad {
		return errNumbers
	}
	if e.formula, err = decodeFormula(f.b); err == nil && has&hasSize == 0 {
		e.Size = e.formula.size()
	}
	return err
}

func newFactsRecord(e *Entry) *factsRecord {
	v, s := &e.Envelope, &e.Summary
	b := &factsRecord{
		Tenant: e.Tenant, Source: e.Source, Flags: e.Flags, Sender: v.Sender.Address, SenderArgs: v.Sender.Args,
		From: s.From, MessageID: s.MessageID, Subject: s.Subject, QueueID: v.QueueID, Macros: v.Macros,
		Truth: newTruthRecord(e.Truth),
	}
	if !e.Decision.isZero() {
		b.Decision = newDecisionRecord(&e.Decision)
	}
	if v.Client != (message.Client{}) {
		b.Client = &v.Client
	}
	args := false
	for _, r := range v.Recipients {
		b.Recipients = append(b.Recipients, r.Address)
		b.RecipientArgs = append(b.RecipientArgs, r.Args)
		args = args || len(r.Args) > 0
	}
	if !args {
		b.RecipientArgs = nil
	}
	if e.Identity == nil {
		return b
	}
	b.Window = uint64(e.Join.Window / time.Second)
	if e.Join.Match != MatchContent {
		b.Match = e.Join.Match
	}
	if id := e.Identity; id.Canonical == (Digest{}) || id.MessageID != summaryID(e) {
		b.MailID = id.MessageID
	}
	return b
}

// take gives an entry what its facts say. Its numbers are there already.
func (b *factsRecord) take(e *Entry) error {
	e.Tenant, e.Source, e.Flags, e.Truth = b.Tenant, b.Source, b.Flags, b.Truth.truth()
	v, s := &e.Envelope, &e.Summary
	v.Sender = message.Path{Address: b.Sender, Args: b.SenderArgs}
	v.QueueID, v.Macros = b.QueueID, b.Macros
	s.From, s.MessageID, s.Subject = b.From, b.MessageID, b.Subject
	if b.Client != nil {
		v.Client = *b.Client
	}
	if n := len(b.RecipientArgs); n > 0 && n != len(b.Recipients) {
		return fmt.Errorf("its facts have %d recipients, and arguments of %d", len(b.Recipients), n)
	}
	for i, address := range b.Recipients {
		p := message.Path{Address: address}
		if len(b.RecipientArgs) > 0 && len(b.RecipientArgs[i]) > 0 {
			p.Args = b.RecipientArgs[i]
		}
		v.Recipients = append(v.Recipients, p)
	}
	d, err := b.Decision.decision()
	if err != nil {
		return err
	}
	if d != nil {
		e.Decision = *d
	}
	if e.Identity == nil {
		return nil
	}
	e.Identity.MessageID = b.MailID
	if b.MailID == "" && e.Identity.Canonical != (Digest{}) {
		e.Identity.MessageID = summaryID(e)
	}
	e.Join = Join{Window: time.Duration(min(b.Window, maxWindow)) * time.Second, Match: MatchContent}
	if b.Match != "" {
		e.Join.Match = b.Match
	}
	return nil
}

// encodeFacts gives the facts of an entry as they stand in its record, compressed with
// own, and their words. For nil it is the dictionary that is built in. In a calm they
// are compressed better.
func (c codec) encodeFacts(e *Entry, own *ownDictionary, calm bool) (facts, words []byte, err error) {
	if words, err = c.enc.Marshal(newFactsRecord(e)); err != nil {
		return nil, nil, err
	}
	return c.facts.pack(own, calm, appendNumbers(nil, e), words), words, nil
}

// decodeFacts reads an entry whose facts are apart from its text.
func (c codec) decodeFacts(body []byte, id uint64) (e Entry, err error) {
	f := fields{b: body[1:]}
	facts := f.bytes(f.uvarint(uint64(len(body))))
	if f.bad {
		return e, errors.New("its facts are cut short")
	}
	numbers, raw, err := c.facts.unpack(facts)
	if err != nil {
		return e, err
	}
	if err := e.readNumbers(numbers); err != nil {
		return e, err
	}
	var b factsRecord
	if err := c.dec.Unmarshal(raw, &b); err != nil {
		return e, err
	}
	if err := b.take(&e); err != nil {
		return e, err
	}
	if e.text, err = decodeElement(f.b, id); err != nil {
		return e, err
	}
	if e.formula.textSize() != e.text.size {
		return e, errFormula
	}
	said := e.said()
	for _, p := range e.formula.pieces {
		if (p.from == saidID || p.from == saidSubject) && p.at+p.Stored > len(said.of(p.from)) {
			return e, errFormula
		}
	}
	return e, nil
}

// said is what the facts of an entry say that its message has too.
func (e *Entry) said() said { return said{e.Summary.MessageID, e.Summary.Subject} }

// FactsWords gives the words of an entry's facts, as they stand in its record before
// they are compressed. A dictionary for them is trained on these.
func FactsWords(e *Entry) ([]byte, error) {
	enc, _, err := newModes()
	if err != nil {
		return nil, err
	}
	return enc.Marshal(newFactsRecord(e))
}
