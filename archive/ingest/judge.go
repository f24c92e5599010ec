package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"daybook/archive"
	"daybook/archive/message"
	"daybook/policy"
)

// record is what became of a message for one tenant: its decision, and the number
// of the entry or event that is on stable storage.
type record struct {
	policy.Decision
	id uint64
	// message is the number of the message that the entry was joined to, and joined
	// says why; empty for the first entry of one.
	message uint64
	joined  archive.Reason
}

// String gives the record in a few words, for the log.
func (r *record) String() string {
	s := fmt.Sprintf("%s %s as %d", r.Tenant, r.Action, r.id)
	if r.joined != "" {
		s += fmt.Sprintf(" of message %d for %s", r.message, r.joined)
	}
	if r.Rule != "" {
		s += " by " + r.Rule
	}
	return s
}

// maxAtOnce bounds the records of one message that are written at the same time.
const maxAtOnce = 8

// keep has one policy decide about a message whose transaction is complete, and
// does what it says. When it returns nil, everything is on stable storage. After an
// error some tenants may have the message, and will have it once more when it is
// sent again.
func (s *source) keep(ctx context.Context, d *delivery, p *policy.Policy) ([]record, error) {
	if err := d.spool.finish(); err != nil {
		return nil, err
	}
	received := s.ingest.now()
	summary := message.Summarize(d.spool.Start())
	known := read(p, &Arrival{
		Source: s.name, Received: received, Envelope: &d.envelope, Summary: summary, Body: d.spool, Size: d.spool.size,
	})
	d.flags = append(d.flags, known.flags...)
	decisions := p.Decide(known.facts)
	r := archive.Receipt{
		Source: s.name, Received: received, Envelope: d.envelope,
		Body: d.spool, Size: d.spool.size, SHA256: d.spool.digest(), XXH64: d.spool.sum.Sum64(),
		Summary: summary, Truth: known.truth, Join: joinOf(p, s.name),
	}
	if slices.ContainsFunc(decisions, func(one policy.Decision) bool { return one.Action != policy.Skip }) {
		var err error
		if r.Structure, r.Identity, err = s.identify(ctx, d, known.mail); err != nil {
			return nil, err
		}
	}
	r.Flags = d.flags
	return s.carryOut(ctx, decisions, &r)
}

// carryOut does what the decisions about a message say, each for its tenant.
func (s *source) carryOut(ctx context.Context, decisions []policy.Decision, r *archive.Receipt) ([]record, error) {
	records := make([]record, len(decisions))
	for n, decision := range decisions {
		records[n].Decision = decision
	}
	if len(records) == 1 {
		return records, s.write(ctx, &records[0], *r)
	}
	errs := make([]error, len(decisions))
	var writing sync.WaitGroup
	slots := make(chan struct{}, maxAtOnce)
	for n := range records {
		slots <- struct{}{}
		writing.Go(func() {
			errs[n] = s.write(ctx, &records[n], *r)
			<-slots
		})
	}
	writing.Wait()
	return records, errors.Join(errs...)
}

// write does what one tenant's decision says about a receipt, and notes what came of
// it. A panic is an error.
func (s *source) write(ctx context.Context, to *record, r archive.Receipt) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("archiving panicked", "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("archiving panicked: %v", v)
		}
	}()
	decided := &to.Decision
	r.Tenant = decided.Tenant
	r.Decision = archive.Decision{
		Action: archive.Action(decided.Action), Rule: decided.Rule, At: decided.At, Reason: decided.Reason,
		Policy: decided.Policy, Tags: decided.Tags,
	}
	r.Flags = slices.Concat(r.Flags, decided.Flags)
	if decided.Action == policy.Skip {
		return s.skip(ctx, to, &r)
	}
	e, err := s.ingest.archive.Append(ctx, &r)
	if err != nil {
		return err
	}
	to.id = e.ID
	if e.Joined != "" {
		to.message, to.joined = e.Message, e.Joined
	}
	if e.Collides != 0 {
		s.log.Warn("a message has the Message-ID of an earlier one and another content: both are kept",
			"tenant", e.Tenant, "id", e.ID, "message", e.Collides, "message_id", e.Identity.MessageID)
	}
	return nil
}

// skip records that a message is not archived.
func (s *source) skip(ctx context.Context, to *record, r *archive.Receipt) error {
	// Below the floor of free space nothing is answered 250, a skip no more than others:
	// the policy's own text may be waiting for room.
	if err := s.ingest.archive.Room(); err != nil {
		return err
	}
	e, err := s.ingest.archive.AppendEvent(ctx, archive.Event{
		Kind: archive.EventSkip, Time: r.Received, Tenant: r.Tenant, Source: s.name,
		Text:     "a message was not archived, as the policy says: " + because(&to.Decision),
		Envelope: &r.Envelope, Size: r.Size, SHA256: r.SHA256, MessageID: r.Summary.MessageID,
		Truth: r.Truth, Flags: r.Flags, Decision: &r.Decision,
	})
	to.id = e.ID
	return err
}

// because names what decided.
func because(d *policy.Decision) string {
	s := fmt.Sprintf("%s at %s", d.Rule, d.At)
	if d.Reason != "" {
		s += ", " + d.Reason
	}
	return s
}

// outcomeOf says what became of a message for all its tenants together: archived
// when it was for one of them, else quarantined or skipped.
func outcomeOf(records []record) outcome {
	o := skipped
	for i := range records {
		switch records[i].Action {
		case policy.Archive:
			return archived
		case policy.Quarantine:
			o = quarantined
		}
	}
	return o
}

// textOf is what the peer is told: where the message is to be found.
func textOf(records []record) string {
	var entries, events []string
	for i := range records {
		id := strconv.FormatUint(records[i].id, 10)
		if records[i].Action == policy.Skip {
			events = append(events, id)
		} else {
			entries = append(entries, id)
		}
	}
	if len(entries) == 0 {
		return "recorded as event " + strings.Join(events[:min(len(events), maxNamed)], ", ")
	}
	return "archived as " + strings.Join(entries[:min(len(entries), maxNamed)], ", ")
}

// maxNamed bounds the numbers in a reply, which is one line.
const maxNamed = 10
