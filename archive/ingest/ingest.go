package ingest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"daybook/archive"
	"daybook/archive/message"
	"daybook/policy"
)

// Config says what an Ingest works with.
type Config struct {
	Archive *archive.Archive
	// Policy judges the messages until [Ingest.SetPolicy] puts another in its place;
	// without one no mail may come before that.
	Policy *policy.Policy
	// SpoolDir is a folder, on a disk of mail's size, for large messages that are
	// coming in. It must exist.
	SpoolDir string
	// Logger gets a line for every message.
	Logger *slog.Logger
	// Now gives the time at which messages are received, and copies joined; nil for
	// time.Now. It must be safe for concurrent use.
	Now func() time.Time
}

// Ingest takes messages from all sources. It is safe for concurrent use.
type Ingest struct {
	archive *archive.Archive
	policy  atomic.Pointer[policy.Policy]
	held    atomic.Bool
	spool   string
	rooms   rooms
	budget  *budget
	// How long messages wait for room in the budget.
	listenerPatience, milterPatience time.Duration

	log     *slog.Logger
	metrics *metrics
	began   time.Time
	now     func() time.Time
	// scanner is message.Scan, and identifier the method Identify of a message.Identifier.
	scanner    func(io.ReaderAt, int64) (*message.Structure, error)
	identifier func(context.Context, io.ReaderAt, int64, *message.Structure) (message.Identity, error)

	mu      sync.Mutex
	sources map[string]*source
	listens map[string]string // by milter or listener
}

// New makes an Ingest. The caller keeps the archive open until all sources have
// ended.
func New(c Config) *Ingest {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	i := &Ingest{
		archive: c.Archive, spool: c.SpoolDir, budget: newBudget(policy.DefaultMaxInFlight), log: c.Logger, metrics: newMetrics(), began: time.Now(),
		listenerPatience: listenerPatience, milterPatience: milterPatience,
		now: c.Now, scanner: message.Scan, identifier: new(message.Identifier).Identify,
		sources: make(map[string]*source), listens: make(map[string]string),
	}
	if c.Policy != nil {
		i.SetPolicy(c.Policy)
	}
	return i
}

// SetPolicy has the messages that are judged from now on judged by another policy.
// It must have the milters and listeners of the one before.
func (i *Ingest) SetPolicy(p *policy.Policy) {
	i.policy.Store(p)
	i.budget.resize(p.Server.MaxInFlight)
}

// Policy gives the policy that judges messages now.
func (i *Ingest) Policy() *policy.Policy { return i.policy.Load() }

// inForce gives the policy that judges a message, and errHeld while none may. It looks
// at that first: whoever takes the hold off has set the policy before.
func (i *Ingest) inForce() (*policy.Policy, error) {
	if i.held.Load() {
		return i.policy.Load(), errHeld
	}
	return i.policy.Load(), nil
}

// Hold defers all mail, or takes it again: no message is judged by a policy whose text
// the archive does not have. What is set with SetPolicy before a hold is taken off
// judges from then on.
func (i *Ingest) Hold(on bool) { i.held.Store(on) }

// source is a milter or journal at work. What is configured of it is in the policy.
type source struct {
	name   string
	ingest *Ingest
	log    *slog.Logger
	tally
}

// source gives the source of a name.
func (i *Ingest) source(name string) *source {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, ok := i.sources[name]
	if !ok {
		s = &source{name: name, ingest: i, log: i.log.With("source", name)}
		i.sources[name] = s
	}
	return s
}

// listen notes where a milter or listener is to be found, for the status.
func (i *Ingest) listen(name, address string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.listens[name] = address
}

// delivery is one message that has come in.
type delivery struct {
	envelope message.Envelope
	spool    *spool
	flags    []string
	began    time.Time
}

// newSpool gives a spool for at most limit bytes, which are taken of a hold.
func (i *Ingest) newSpool(limit int64, of *hold) *spool {
	s := newSpool(i.spool, limit, i.archive.Room, &i.rooms)
	s.hold = of
	return s
}

// gap records that a message goes past the archive, for every tenant that has none of
// the records. Where nobody can say whose it is, it is that of the tenant for mail
// that is nobody's.
func (s *source) gap(ctx context.Context, d *delivery, settings *policy.Source, records []record, why error) {
	e := archive.Event{
		Kind: archive.EventGap, Time: s.ingest.now(), Source: s.name,
		Text:     fmt.Sprintf("a message was let through without being archived: %v", why),
		Envelope: &d.envelope, Size: d.spool.size,
	}
	if d.spool.err == nil {
		e.SHA256 = d.spool.digest()
	}
	tenants := []string{cmp.Or(settings.Unclaimed, settings.Tenants[0])}
	if len(records) > 0 {
		tenants = nil
	}
	for i := range records {
		if records[i].id == 0 {
			tenants = append(tenants, records[i].Tenant)
		}
	}
	for _, tenant := range tenants {
		e.Tenant = tenant
		if _, err := s.ingest.archive.AppendEvent(context.WithoutCancel(ctx), e); err != nil {
			s.log.Error("a gap could not be recorded", "tenant", tenant, "queue_id", d.envelope.QueueID, "error", err)
		}
	}
}
