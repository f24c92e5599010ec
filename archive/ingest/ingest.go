package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"daybook/archive"
	"daybook/archive/message"
)

// Kinds of sources.
const (
	KindMilter = "milter"
	KindLMTP   = "lmtp"
)

// What a milter source does with mail that cannot be archived.
const (
	// TempFail has the MTA's client try again later: no mail passes unarchived.
	TempFail = "tempfail"
	// Accept lets the mail pass, and records the gap when it can.
	Accept = "accept"
)

// Source is a configured way in.
type Source struct {
	// Name is unique among all sources.
	Name string
	// Kind is KindMilter or KindLMTP.
	Kind string
	// Tenant is whose mail comes in here.
	Tenant string
	// OnFailure is TempFail or Accept; empty is TempFail. Only a milter has it.
	OnFailure string
	// Listen is the address, for the status only.
	Listen string
	// MaxMessage is the largest message taken, in bytes; 0 is no limit. To a
	// milter source a larger one is trouble of ours, see OnFailure.
	MaxMessage int64
}

// Config says what an Ingest works with.
type Config struct {
	Archive *archive.Archive
	// SpoolDir is a folder, on a disk of mail's size, for large messages that are
	// coming in. It must exist.
	SpoolDir string
	// Logger gets a line for every message.
	Logger *slog.Logger
}

// Ingest takes messages from all sources. It is safe for concurrent use.
type Ingest struct {
	archive *archive.Archive
	spool   string
	log     *slog.Logger
	metrics *metrics

	mu      sync.Mutex
	sources []*source
}

// New makes an Ingest. The caller keeps the archive open until all sources have
// ended.
func New(c Config) *Ingest {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Ingest{archive: c.Archive, spool: c.SpoolDir, log: c.Logger, metrics: newMetrics()}
}

// source is a Source at work.
type source struct {
	Source
	ingest *Ingest
	log    *slog.Logger
	tally
}

func (i *Ingest) add(s Source) *source {
	if s.OnFailure == "" {
		s.OnFailure = TempFail
	}
	at := &source{Source: s, ingest: i, log: i.log.With("source", s.Name)}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sources = append(i.sources, at)
	return at
}

// delivery is one message that has come in.
type delivery struct {
	envelope message.Envelope
	spool    *spool
	flags    []string
	began    time.Time
}

func (s *source) newSpool() *spool {
	return newSpool(s.ingest.spool, s.MaxMessage, s.ingest.archive.Room)
}

// keep archives a message whose transaction is complete, and gives its number.
func (s *source) keep(ctx context.Context, d *delivery) (uint64, error) {
	if err := d.spool.finish(); err != nil {
		return 0, err
	}
	e, err := s.ingest.archive.Append(ctx, &archive.Receipt{
		Tenant: s.Tenant, Source: s.Name, Received: time.Now(), Envelope: d.envelope,
		Body: d.spool, Size: d.spool.size, SHA256: d.spool.digest(),
		Summary: message.Summarize(d.spool.start()), Flags: d.flags,
	})
	return e.ID, err
}

// gap records that a message goes past the archive.
func (s *source) gap(ctx context.Context, d *delivery, why error) {
	e := archive.Event{
		Kind: archive.EventGap, Time: time.Now(), Tenant: s.Tenant, Source: s.Name,
		Text:     fmt.Sprintf("a message was let through without being archived: %v", why),
		Envelope: &d.envelope, Size: d.spool.size,
	}
	if d.spool.err == nil {
		e.SHA256 = d.spool.digest()
	}
	if _, err := s.ingest.archive.AppendEvent(context.WithoutCancel(ctx), e); err != nil {
		s.log.Error("a gap could not be recorded", "queue_id", d.envelope.QueueID, "error", err)
	}
}

// reply is what a peer is told of a message.
type reply struct {
	code     int
	enhanced string
	text     string
}

func (r reply) String() string { return fmt.Sprintf("%d %s %s", r.code, r.enhanced, r.text) }

// replyTo says how a message is answered: 4xx for any trouble of ours, as an
// MTA gives up on a 5xx for good.
func replyTo(id uint64, err error) reply {
	switch {
	case err == nil:
		return reply{250, "2.0.0", fmt.Sprintf("archived as %d", id)}
	case errors.Is(err, archive.ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return reply{452, "4.3.1", "the archive is short of disk space, try again later"}
	case errors.Is(err, archive.ErrClosed):
		return reply{451, "4.3.2", "the archive is shutting down, try again later"}
	case errors.Is(err, errTooLarge):
		return reply{451, "4.3.4", "the message is too large for the archive as it is configured"}
	}
	return reply{451, "4.3.0", "the message could not be archived, try again later"}
}

// maxLogged bounds the recipients named in a log line.
const maxLogged = 20

// done writes the line of a message and counts it.
func (s *source) done(d *delivery, id uint64, r reply, o outcome, err error) {
	took := time.Since(d.began)
	s.count(o, d.spool.size, err)
	s.ingest.metrics.message(s.Name, o, d.spool.size, took)
	to := d.envelope.Addresses()
	attrs := []slog.Attr{
		slog.Uint64("id", id), slog.String("queue_id", d.envelope.QueueID),
		slog.String("client", d.envelope.Client.Address), slog.String("sender", d.envelope.Sender.Address),
		slog.Any("recipients", to[:min(len(to), maxLogged)]), slog.Int("recipient_count", len(to)),
		slog.Int64("size", d.spool.size), slog.String("sha256", d.spool.digest().String()),
		slog.String("reply", r.String()), slog.Duration("took", took),
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		if o == aborted || o == refused {
			level = slog.LevelWarn // the peer's doing
		}
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.log.LogAttrs(context.Background(), level, string(o), attrs...)
}
