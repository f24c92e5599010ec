package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"daybook/archive/ledger"
)

// Append archives a receipt. When it returns nil, the entry and its content are
// on stable storage. Every receipt becomes an entry: a resend of a message is a
// further one, joined to the first, never an error. An error is always temporary for
// the sender, and is [ErrNoSpace], [ErrClosed], ctx's, or one of the disk.
func (a *Archive) Append(ctx context.Context, r *Receipt) (Entry, error) {
	if err := checkNames(r.Tenant, r.Source); err != nil {
		return Entry{}, err
	}
	if err := r.Decision.check(); err != nil {
		return Entry{}, err
	}
	done, err := a.use()
	if err != nil {
		return Entry{}, err
	}
	defer done()
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
	err = a.store(ctx, r, e, false)
	if errors.Is(err, errAwaited) {
		err = a.store(ctx, r, e, true)
	}
	if err != nil {
		return Entry{}, err
	}
	a.warn(ctx, e)
	return *e, nil
}

// store cuts a receipt's message and writes its contents and its entry. With alone
// set, it does not count on contents that others are writing.
func (a *Archive) store(ctx context.Context, r *Receipt, e *Entry, alone bool) error {
	c := &cutter{contents: &contents{a: a, tenant: e.Tenant, alone: alone}}
	defer c.end()
	if err := c.message(ctx, r); err != nil {
		return err
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	c.formula.literal, c.formula.random = len(c.literal), len(c.random)
	e.formula = &c.formula
	if err := a.writeEntry(ctx, e, c.text(), c.records); err != nil {
		return a.written(err)
	}
	c.written()
	return nil
}

// maxTries bounds how often an entry's text is compressed again, for an entry before
// it could not be written; then it is stored as it is. And how many copies of a content
// are tried, when one after the other is replaced while it is read.
const maxTries = 3

// writeEntry writes an entry behind the contents that belong to it, with its text in
// the tenant's chain.
func (a *Archive) writeEntry(ctx context.Context, e *Entry, text []byte, contents []ledger.Record) error {
	facts, words, err := a.codec.encodeFacts(e, a.school.dictionary(e.Tenant), a.chains.calm())
	if err != nil {
		return fmt.Errorf("encode entry: %w", err)
	}
	a.school.sample(e.Tenant, words)
	if len(text) == 0 {
		return a.ledger.Append(ctx, append(contents, newEntryRecord(e, facts, nil, nil)))
	}
	if l := a.chains.enter(e.Tenant); l != nil {
		defer a.chains.leave(l)
		for range maxTries {
			wait, err := a.enchain(ctx, l, e, facts, text, contents)
			if err == nil {
				err = wait()
			}
			if !errors.Is(err, ledger.ErrThread) && !errors.Is(err, errComeBack) {
				return err
			}
		}
	}
	alone, data := a.press.text(text)
	return a.ledger.Append(ctx, append(contents, newEntryRecord(e, facts, alone, data)))
}

// enchain compresses an entry's text in the lane's chain and puts its records into
// the ledger's queue, which is in the order of the chain. It waits for the first entry
// of a chain, whose number the others need.
func (a *Archive) enchain(ctx context.Context, l *lane, e *Entry, facts, text []byte, contents []ledger.Record) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.chain
	if k != nil && (k.thread.Broken() || l.full(len(text)) || a.ledger.Mark().Seq-k.start > maxSpan/2 || a.chains.unfit(k)) {
		a.chains.end(k)
		k, l.chain = nil, nil
	}
	if k == nil {
		if k, err = a.chains.begin(l); err != nil {
			return nil, err
		}
	}
	first := k.index == 0
	l.chain = nil // unless all goes well
	data, err := k.coder.code(text, e.formula.random, first)
	if err != nil {
		a.chains.end(k)
		return nil, err
	}
	record := newEntryRecord(e, facts, &element{as: textChained, start: k.start, index: k.index, size: len(text)}, data)
	wait, err = a.ledger.Submit(ctx, k.thread, append(contents, record))
	if err == nil && first {
		if err = wait(); err == nil {
			k.start = e.ID
			wait = func() error { return nil }
		}
	}
	if err != nil {
		a.chains.end(k)
		return nil, err
	}
	k.index++
	k.size += len(text)
	l.size += len(text)
	l.chain = k
	return wait, nil
}

// entryRecord makes the record of an entry.
func newEntryRecord(e *Entry, facts []byte, text *element, data []byte) ledger.Record {
	b := make([]byte, 0, len(facts)+len(data)+64)
	b = append(b, entryFormat)
	b = binary.AppendUvarint(b, uint64(len(facts)))
	b = append(b, facts...)
	if text != nil {
		b = append(text.appendHead(b), data...)
	}
	return ledger.Record{Type: typeEntry, Flags: ledger.Numbered, Body: b, Note: e}
}

// AppendEvent records an event, durably, and gives it its number. What changes
// the standing of an entry or policy has methods of its own: [Archive.Release],
// [Archive.Keep] and [Archive.KeepPolicy].
func (a *Archive) AppendEvent(ctx context.Context, e Event) (Event, error) {
	switch e.Kind {
	case EventRelease, EventKeep, EventPolicy, EventCompaction:
		return Event{}, fmt.Errorf("an event of the kind %q is recorded by the method that does it", e.Kind)
	case EventSkip:
		if e.Decision == nil || e.Decision.Action != ActionSkip {
			return Event{}, fmt.Errorf("an event of the kind %q has the decision to skip", e.Kind)
		}
	}
	done, err := a.use()
	if err != nil {
		return Event{}, err
	}
	defer done()
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
