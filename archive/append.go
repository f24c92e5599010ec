package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"syscall"

	"daybook/archive/ledger"
)

// flushBytes is how many bytes of packed pieces a message may have waiting
// before they are written, ahead of its entry.
const flushBytes = 1 << 20

// held is a message's body that is in memory, all of it.
type held interface{ Bytes() []byte }

// Append archives a receipt. When it returns nil, the entry and its content are
// on stable storage. Every receipt becomes an entry: a resend of a message is a
// further one, never an error. An error is always temporary for the sender, and
// is [ErrNoSpace], [ErrClosed], ctx's, or one of the disk.
func (a *Archive) Append(ctx context.Context, r *Receipt) (Entry, error) {
	if err := checkNames(r.Tenant, r.Source); err != nil {
		return Entry{}, err
	}
	if err := a.space.check(); err != nil {
		return Entry{}, err
	}
	e := &Entry{
		Tenant: r.Tenant, Source: r.Source, Received: r.Received.UTC(), Envelope: r.Envelope,
		Summary: r.Summary, Size: r.Size, SHA256: r.SHA256, Flags: r.Flags,
	}
	records, err := a.pieces(ctx, r, e)
	if err != nil {
		return Entry{}, err
	}
	body, err := a.codec.encodeEntry(e)
	if err != nil {
		return Entry{}, fmt.Errorf("encode entry: %w", err)
	}
	records = append(records, ledger.Record{Type: typeEntry, Flags: ledger.Numbered, Body: body, Note: e})
	if err := a.write(ctx, records); err != nil {
		return Entry{}, err
	}
	return *e, nil
}

// AppendEvent records an event, durably, and gives it its number.
func (a *Archive) AppendEvent(ctx context.Context, e Event) (Event, error) {
	body, err := a.codec.encodeEvent(&e)
	if err != nil {
		return Event{}, fmt.Errorf("encode event: %w", err)
	}
	records := []ledger.Record{{Type: typeEvent, Flags: ledger.Numbered, Body: body}}
	if err := a.write(ctx, records); err != nil {
		return Event{}, err
	}
	e.ID = records[0].Seq
	return e, nil
}

func checkNames(tenant, source string) error {
	if tenant == "" || source == "" || len(tenant) > MaxName || len(source) > MaxName {
		return fmt.Errorf("tenant %q and source %q must be 1 to %d bytes long", tenant, source, MaxName)
	}
	return nil
}

// pieces cuts the message into pieces, writes all but the last of them when there
// are many, and notes the recipe in e. It gives the records still to be written.
func (a *Archive) pieces(ctx context.Context, r *Receipt, e *Entry) ([]ledger.Record, error) {
	if b, ok := r.Body.(held); ok && r.Size > 0 && r.Size <= maxPiece && int64(len(b.Bytes())) == r.Size {
		return []ledger.Record{a.addPiece(e, r.SHA256, b.Bytes())}, nil
	}
	var records []ledger.Record
	waiting := 0
	whole := sha256.New()
	buf := make([]byte, min(r.Size, maxPiece))
	for offset := int64(0); offset < r.Size; {
		raw := buf[:min(r.Size-offset, maxPiece)]
		if n, err := r.Body.ReadAt(raw, offset); n < len(raw) {
			return nil, fmt.Errorf("read spool at %d: %w", offset, err)
		}
		whole.Write(raw)
		record := a.addPiece(e, sha256.Sum256(raw), raw)
		records = append(records, record)
		offset += int64(len(raw))
		if waiting += len(record.Body); waiting >= flushBytes && offset < r.Size {
			if err := a.write(ctx, records); err != nil {
				return nil, err
			}
			records, waiting = nil, 0
		}
	}
	if Digest(whole.Sum(nil)) != r.SHA256 {
		return nil, errSpool
	}
	return records, nil
}

// addPiece adds a piece to an entry's recipe and gives its record.
func (a *Archive) addPiece(e *Entry, hash Digest, raw []byte) ledger.Record {
	e.recipe = append(e.recipe, piece{Kind: pieceContent, Data: hash[:], Size: int64(len(raw))})
	return ledger.Record{Type: typeContent, Body: a.press.pack(e.Tenant, hash, raw), Note: contentKey(e.Tenant, hash[:])}
}

var errSpool = errors.New("the spooled bytes do not have the digest that the message had on arrival")

// write appends records and tells a full disk from other errors.
func (a *Archive) write(ctx context.Context, records []ledger.Record) error {
	err := a.ledger.Append(ctx, records)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		a.space.forget()
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
