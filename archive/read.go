package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"daybook/archive/ledger"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2"
)

// Entry gives one entry. The error is [ErrNotFound] or a [*Damage].
func (a *Archive) Entry(id uint64) (Entry, error) {
	return a.entry(a.catalog.reader(), id)
}

func (a *Archive) entry(from pebble.Reader, id uint64) (Entry, error) {
	e, err := a.recorded(from, id)
	if err != nil || e.Decision.Action != ActionQuarantine {
		return e, err
	}
	if e.Quarantine, err = quarantine(from, id); err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", id, err)
	}
	return e, nil
}

// recorded gives an entry as its record has it.
func (a *Archive) recorded(from pebble.Reader, id uint64) (Entry, error) {
	at, j, err := place(from, id)
	if errors.Is(err, ErrNotFound) {
		if _, event := location(from, seqKey(keyEvent, id)); event == nil {
			return Entry{}, fmt.Errorf("%d is the number of an event, not of a message: %w", id, err)
		}
	}
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", id, err)
	}
	r, err := a.record(at, typeEntry, id)
	if err != nil {
		return Entry{}, err
	}
	e, err := a.codec.decodeEntry(r)
	if err != nil {
		return Entry{}, damaged(id, at, err.Error())
	}
	j.tell(&e)
	return e, nil
}

// record reads an entry's or event's record.
func (a *Archive) record(at ledger.Location, kind uint8, id uint64) (ledger.Record, error) {
	r, err := a.ledger.Read(at)
	return r, asRecord(r, err, at, kind, id)
}

// asRecord tells what is wrong with a record that was read as that of an entry or event.
func asRecord(r ledger.Record, err error, at ledger.Location, kind uint8, id uint64) error {
	var d *ledger.Damage
	switch {
	case errors.As(err, &d):
		return damaged(id, at, d.Reason)
	case err != nil:
		return fmt.Errorf("entry %d: %w", id, err)
	case r.Type != kind || r.Seq != id:
		return damaged(id, at, "another record stands in its place; run `daybook rebuild`")
	}
	return nil
}

// WriteTo writes the exact bytes of an entry's message to w. Every piece is
// checked against its digest before it is written, and the last one only after
// the whole message was. The error is [ErrNotFound], a [*Damage], or that of w.
func (a *Archive) WriteTo(ctx context.Context, id uint64, w io.Writer) error {
	e, err := a.recorded(a.catalog.reader(), id)
	if err != nil {
		return err
	}
	return a.writeStored(ctx, e.stored(), w)
}

// stored is something that is kept in pieces.
type stored struct {
	id      uint64 // of the entry or event that it belongs to
	tenant  string
	formula *formula
	text    element
	said    said
	size    int64
	digest  Digest
}

func (e *Entry) stored() *stored {
	return &stored{
		id: e.ID, tenant: e.Tenant, formula: e.formula, text: e.text, said: e.said(), size: e.Size, digest: e.SHA256,
	}
}

// writeStored writes the exact bytes of what is stored, as WriteTo promises.
func (a *Archive) writeStored(ctx context.Context, s *stored, w io.Writer) error {
	whole := sha256.New()
	p := pieces{a: a, s: s}
	for i := range s.formula.pieces {
		raw, err := p.get(ctx, i)
		if err != nil {
			return err
		}
		whole.Write(raw)
		if i == len(s.formula.pieces)-1 && Digest(whole.Sum(nil)) != s.digest {
			return &Damage{Entry: s.id, Reason: errDigest.Error()}
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	if len(s.formula.pieces) == 0 && s.size != 0 {
		return &Damage{Entry: s.id, Reason: "it has no recipe"}
	}
	return nil
}

// pieces reads what is stored piece by piece. It holds one content, and one piece.
type pieces struct {
	a    *Archive
	s    *stored
	from int // index of the content that is held, plus 1
	held []byte
	text []byte // the entry's, when it was read
	wire []byte
}

// get gives the bytes of a piece, which are good until the next call.
func (p *pieces) get(ctx context.Context, i int) (raw []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	part := &p.s.formula.pieces[i]
	from, err := p.source(ctx, part.from)
	if err != nil {
		return nil, err
	}
	if part.at+part.Stored > len(from) {
		return nil, &Damage{Entry: p.s.id, Reason: "a piece of it lies outside of what it is made from"}
	}
	if part.Form == recipe.FormRaw {
		return from[part.at : part.at+part.Stored], nil
	}
	p.wire, err = part.AppendWire(p.wire[:0], from[part.at:part.at+part.Stored])
	if err != nil {
		return nil, &Damage{Entry: p.s.id, Reason: "a piece of it: " + err.Error()}
	}
	return p.wire, nil
}

// source gives the bytes that pieces are made from.
func (p *pieces) source(ctx context.Context, from int) (_ []byte, err error) {
	switch {
	case from == unknown:
		return nil, &Damage{Entry: p.s.id, Reason: "its recipe is damaged, or was written by a newer daybook"}
	case from == saidID || from == saidSubject:
		return []byte(p.s.said.of(from)), nil
	case from >= 0 && p.from == from+1:
		return p.held, nil
	case from >= 0 && !p.s.formula.contents[from].Inline:
		p.from = 0
		c := p.s.formula.contents[from]
		if p.held, err = p.a.content(ctx, p.s, c.Hash, c.Size); err == nil {
			p.from = from + 1
		}
		return p.held, err
	}
	if p.text == nil {
		if p.text, err = p.a.text(ctx, p.s.id, &p.s.text); err != nil {
			return nil, err
		}
	}
	switch from {
	case text:
		return p.text[:min(p.s.formula.literal, len(p.text))], nil
	case random:
		return p.text[min(p.s.formula.randomAt(), len(p.text)):], nil
	}
	c := p.s.formula.contents[from]
	at := p.s.formula.inlineAt(from)
	if at+c.Size > len(p.text) || sha256.Sum256(p.text[at:at+c.Size]) != c.Hash {
		return nil, &Damage{Entry: p.s.id, Reason: "its text: " + errDigest.Error()}
	}
	p.from, p.held = from+1, p.text[at:at+c.Size]
	return p.held, nil
}

// content gives the bytes of a content, checked. When the copy that it looked up is
// gone, or damaged, and another one counts by now, it gives those of that one.
func (a *Archive) content(ctx context.Context, s *stored, hash Digest, size int) ([]byte, error) {
	key := contentKey(s.tenant, hash[:])
	at, inline, err := contentPlace(a.catalog.reader(), key)
	if errors.Is(err, ErrNotFound) {
		return nil, &Damage{Entry: s.id, Reason: "a content of it is missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", s.id, err)
	}
	for tries := 1; ; tries++ {
		raw, err := a.contentAt(ctx, s, at, inline, hash, size)
		if err == nil || ctx.Err() != nil || tries == maxTries {
			return raw, err
		}
		now, in, e := contentPlace(a.catalog.reader(), key)
		if e != nil || now == at && in == inline {
			return nil, err
		}
		at, inline = now, in
	}
}

// contentAt gives the bytes of a content that stands at a place: inline is where in
// the text of the entry there, -1 for a content's own record.
func (a *Archive) contentAt(ctx context.Context, s *stored, at ledger.Location, inline int, hash Digest, size int) ([]byte, error) {
	r, err := a.ledger.Read(at)
	if d := (*ledger.Damage)(nil); errors.As(err, &d) {
		return nil, damaged(s.id, at, "its content: "+d.Reason)
	}
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", s.id, err)
	}
	raw, err := a.contentIn(ctx, r, inline, hash, size)
	if d := (*Damage)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &d) {
		return nil, damaged(s.id, at, "its content: "+err.Error())
	} else if errors.As(err, &d) {
		return nil, damaged(s.id, at, fmt.Sprintf("its content, which is in entry %d: %s", d.Entry, d.Reason))
	}
	return raw, err
}

var errOther = errors.New("another record stands in its place; run `daybook rebuild`")

// contentIn gives the bytes of a content in a record: inline is where in the text of
// an entry, -1 for a content's own record.
func (a *Archive) contentIn(ctx context.Context, r ledger.Record, inline int, hash Digest, size int) ([]byte, error) {
	if inline < 0 {
		c, err := decodeContent(r.Body)
		if err == nil && (r.Type != typeContent || c.hash != hash || int64(c.size) != int64(size)) {
			err = errOther
		}
		if err != nil {
			return nil, err
		}
		return a.press.unpack(c)
	}
	if r.Type != typeEntry {
		return nil, errOther
	}
	e, err := textOf(r.Body, r.Seq)
	if err != nil {
		return nil, err
	}
	all, err := a.text(ctx, r.Seq, &e)
	if err != nil {
		return nil, err
	}
	if inline+size > len(all) || sha256.Sum256(all[inline:inline+size]) != hash {
		return nil, errDigest
	}
	return all[inline : inline+size], nil
}

// present tells whether the tenant has a content and it can be read: a key alone does
// not prove that, and writing the content again heals it.
func (a *Archive) present(tenant string, hash Digest, size int) bool {
	_, err := a.content(context.Background(), &stored{tenant: tenant}, hash, size)
	return err == nil
}

func (a *Archive) event(from pebble.Reader, id uint64) (Event, error) {
	at, err := location(from, seqKey(keyEvent, id))
	if err != nil {
		return Event{}, fmt.Errorf("event %d: %w", id, err)
	}
	r, err := a.record(at, typeEvent, id)
	if err != nil {
		return Event{}, err
	}
	e, err := a.codec.decodeEvent(r)
	if err != nil {
		return Event{}, damaged(id, at, err.Error())
	}
	return e, nil
}
