package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
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
// further one, joined to the first, never an error. An error is always temporary for the sender, and
// is [ErrNoSpace], [ErrClosed], ctx's, or one of the disk.
func (a *Archive) Append(ctx context.Context, r *Receipt) (Entry, error) {
	if err := checkNames(r.Tenant, r.Source); err != nil {
		return Entry{}, err
	}
	if err := r.Decision.check(); err != nil {
		return Entry{}, err
	}
	if err := a.space.check(); err != nil {
		return Entry{}, err
	}
	e := &Entry{
		Tenant: r.Tenant, Source: r.Source, Received: r.Received.UTC(), Envelope: r.Envelope,
		Summary: r.Summary, Size: r.Size, SHA256: r.SHA256, Flags: r.Flags, Decision: r.Decision,
	}
	e.Identity, e.Join = r.identity()
	var whole bool
	if e.Truth, whole = fit(r.Truth, r.Size); !whole {
		e.Flags = append(slices.Clone(e.Flags), FlagTruthCut)
	}
	if e.Decision.Action == ActionQuarantine {
		e.Quarantine = QuarantineWaiting
	}
	c := &cutter{a: a, tenant: e.Tenant}
	if err := c.cut(ctx, r.Body, r.Size, r.SHA256); err != nil {
		return Entry{}, err
	}
	e.recipe = c.recipe
	body, err := a.codec.encodeEntry(e)
	if err != nil {
		return Entry{}, fmt.Errorf("encode entry: %w", err)
	}
	records := append(c.records, ledger.Record{Type: typeEntry, Flags: ledger.Numbered, Body: body, Note: e})
	if err := a.write(ctx, records); err != nil {
		return Entry{}, err
	}
	a.warn(ctx, e)
	return *e, nil
}

// AppendEvent records an event, durably, and gives it its number. What changes
// the standing of an entry or policy has methods of its own: [Archive.Release],
// [Archive.Keep] and [Archive.KeepPolicy].
func (a *Archive) AppendEvent(ctx context.Context, e Event) (Event, error) {
	switch e.Kind {
	case EventRelease, EventKeep, EventPolicy:
		return Event{}, fmt.Errorf("an event of the kind %q is recorded by the method that does it", e.Kind)
	case EventSkip:
		if e.Decision == nil || e.Decision.Action != ActionSkip {
			return Event{}, fmt.Errorf("an event of the kind %q has the decision to skip", e.Kind)
		}
	}
	return a.appendEvent(ctx, nil, e)
}

// appendEvent writes an event behind the contents that belong to it.
func (a *Archive) appendEvent(ctx context.Context, contents []ledger.Record, e Event) (Event, error) {
	body, err := a.codec.encodeEvent(&e)
	if err != nil {
		return Event{}, fmt.Errorf("encode event: %w", err)
	}
	records := append(contents, ledger.Record{Type: typeEvent, Flags: ledger.Numbered, Body: body, Note: &e})
	if err := a.write(ctx, records); err != nil {
		return Event{}, err
	}
	e.ID = records[len(records)-1].Seq
	return e, nil
}

func checkNames(tenant, source string) error {
	if tenant == "" || source == "" || len(tenant) > MaxName || len(source) > MaxName {
		return fmt.Errorf("tenant %q and source %q must be 1 to %d bytes long", tenant, source, MaxName)
	}
	return nil
}

// cutter cuts bodies into pieces and makes their content records.
type cutter struct {
	a      *Archive
	tenant string
	// reuse leaves out the record of a piece that the archive has and can read.
	reuse bool

	recipe  []piece         // of the body that was cut last
	records []ledger.Record // still to be written
	waiting int             // bytes of them
}

// cut cuts a body into pieces. When there are many it writes all but the last of
// them.
func (c *cutter) cut(ctx context.Context, body io.ReaderAt, size int64, digest Digest) error {
	c.recipe = nil
	if b, ok := body.(held); ok && size > 0 && size <= maxPiece && int64(len(b.Bytes())) == size && !c.reuse {
		return c.add(digest, b.Bytes())
	}
	whole := sha256.New()
	buf := make([]byte, min(size, maxPiece))
	for offset := int64(0); offset < size; {
		raw := buf[:min(size-offset, maxPiece)]
		if n, err := body.ReadAt(raw, offset); n < len(raw) {
			return fmt.Errorf("read the bytes at %d: %w", offset, err)
		}
		if c.waiting >= flushBytes {
			if err := c.flush(ctx); err != nil {
				return err
			}
		}
		whole.Write(raw)
		if err := c.add(sha256.Sum256(raw), raw); err != nil {
			return err
		}
		offset += int64(len(raw))
	}
	if Digest(whole.Sum(nil)) != digest {
		return errChanged
	}
	return nil
}

// add adds a piece to the recipe, and its record to those still to be written.
func (c *cutter) add(hash Digest, raw []byte) error {
	p := piece{Kind: pieceContent, Data: hash[:], Size: int64(len(raw))}
	c.recipe = append(c.recipe, p)
	if c.reuse {
		if c.a.has(c.tenant, p) {
			return nil
		}
		if err := c.a.space.check(); err != nil {
			return err
		}
	}
	body := c.a.press.pack(c.tenant, hash, raw)
	c.records = append(c.records, ledger.Record{Type: typeContent, Body: body, Note: contentKey(c.tenant, hash[:])})
	c.waiting += len(body)
	return nil
}

// flush writes the records that wait.
func (c *cutter) flush(ctx context.Context) error {
	err := c.a.write(ctx, c.records)
	c.records, c.waiting = nil, 0
	return err
}

var errChanged = errors.New("the bytes do not have the digest that was handed over with them: they have changed")

// write appends records and tells a full disk from other errors.
func (a *Archive) write(ctx context.Context, records []ledger.Record) error {
	err := a.ledger.Append(ctx, records)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		a.space.forget()
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
