package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"daybook/archive/ledger"

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
	var d *ledger.Damage
	switch {
	case errors.As(err, &d):
		return r, damaged(id, at, d.Reason)
	case err != nil:
		return r, fmt.Errorf("entry %d: %w", id, err)
	case r.Type != kind || r.Seq != id:
		return r, damaged(id, at, "another record stands in its place; run `daybook rebuild`")
	}
	return r, nil
}

// WriteTo writes the exact bytes of an entry's message to w. Every piece is
// checked against its digest before it is written, and the last one only after
// the whole message was. The error is [ErrNotFound], a [*Damage], or that of w.
func (a *Archive) WriteTo(ctx context.Context, id uint64, w io.Writer) error {
	e, err := a.recorded(a.catalog.reader(), id)
	if err != nil {
		return err
	}
	return a.writeStored(ctx, &stored{id: id, tenant: e.Tenant, recipe: e.recipe, size: e.Size, digest: e.SHA256}, w)
}

// stored is something that is kept in pieces.
type stored struct {
	id     uint64 // of the entry or event that it belongs to
	tenant string
	recipe []piece
	size   int64
	digest Digest
}

// writeStored writes the exact bytes of what is stored, as WriteTo promises.
func (a *Archive) writeStored(ctx context.Context, s *stored, w io.Writer) error {
	whole := sha256.New()
	for i, p := range s.recipe {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := a.piece(s, p)
		if err != nil {
			return err
		}
		whole.Write(raw)
		if i == len(s.recipe)-1 && Digest(whole.Sum(nil)) != s.digest {
			return &Damage{Entry: s.id, Reason: errDigest.Error()}
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	if len(s.recipe) == 0 && s.size != 0 {
		return &Damage{Entry: s.id, Reason: "it has no recipe"}
	}
	return nil
}

// piece gives the bytes of one piece.
func (a *Archive) piece(s *stored, p piece) ([]byte, error) {
	switch p.Kind {
	case pieceLiteral:
		return p.Data, nil
	case pieceContent:
		return a.content(s, p)
	}
	return nil, fmt.Errorf("entry %d: its recipe was written by a newer daybook", s.id)
}

// content gives the bytes of a content, checked.
func (a *Archive) content(s *stored, p piece) ([]byte, error) {
	at, err := location(a.catalog.reader(), contentKey(s.tenant, p.Data))
	if errors.Is(err, ErrNotFound) {
		return nil, &Damage{Entry: s.id, Reason: "a content of it is missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", s.id, err)
	}
	r, err := a.ledger.Read(at)
	if d := (*ledger.Damage)(nil); errors.As(err, &d) {
		return nil, damaged(s.id, at, "its content: "+d.Reason)
	}
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", s.id, err)
	}
	c, err := decodeContent(r.Body)
	if err == nil && (r.Type != typeContent || !slices.Equal(c.hash[:], p.Data) || int64(c.size) != p.Size) {
		err = errors.New("another record stands in its place; run `daybook rebuild`")
	}
	if err != nil {
		return nil, damaged(s.id, at, "its content: "+err.Error())
	}
	raw, err := a.press.unpack(c)
	if err != nil {
		return nil, damaged(s.id, at, "its content: "+err.Error())
	}
	return raw, nil
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
