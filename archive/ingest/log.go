package ingest

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"
)

// maxAttrs is how many attributes a log line has, about.
const maxAttrs = 16

// maxLogged bounds the recipients and decisions named in a log line.
const maxLogged = 20

// done counts a message and, unless the source wants to hear of trouble only,
// writes its line.
func (s *source) done(d *delivery, records []record, r reply, o outcome, err error) {
	took := time.Since(d.began)
	s.count(o, d.spool.size, err)
	s.ingest.metrics.message(s.name, o, d.spool.size, took)
	s.ingest.metrics.decided(s.name, records)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
		if o == aborted || o == refused || errors.Is(err, errBusy) {
			level = slog.LevelWarn // the peer's doing, or nothing wrong
		}
	}
	if err == nil && !s.logs() {
		return
	}
	to := d.envelope.Addresses()
	attrs := append(decidedAttrs(make([]slog.Attr, 0, maxAttrs), records),
		slog.String("queue_id", d.envelope.QueueID),
		slog.String("client", d.envelope.Client.Address), slog.String("sender", d.envelope.Sender.Address),
		slog.Any("recipients", to[:min(len(to), maxLogged)]), slog.Int("recipient_count", len(to)),
		slog.Int64("size", d.spool.size), slog.String("sha256", d.spool.digest().String()),
		slog.String("reply", r.String()), slog.Duration("took", took),
	)
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.log.LogAttrs(context.Background(), level, string(o), attrs...)
}

// logs tells whether every message of the source gets a line.
func (s *source) logs() bool {
	settings := s.ingest.Policy().Source(s.name)
	return settings == nil || settings.Log
}

// decidedAttrs appends what was decided: plainly for one tenant, in a list for more.
func decidedAttrs(to []slog.Attr, records []record) []slog.Attr {
	switch len(records) {
	case 0:
		return to
	case 1:
		r := &records[0]
		to = append(to,
			slog.Uint64("id", r.id), slog.String("tenant", r.Tenant), slog.String("rule", r.Rule),
			slog.String("policy", policyName(r)),
		)
		if r.joined != "" {
			to = append(to, slog.Uint64("message", r.message), slog.String("joined", string(r.joined)))
		}
		return to
	}
	var list []string
	for i := range records[:min(len(records), maxLogged)] {
		list = append(list, records[i].String())
	}
	return append(to,
		slog.Any("decisions", list), slog.Int("decision_count", len(records)),
		slog.String("policy", policyName(&records[0])),
	)
}

// policyName is the beginning of the digest of the policy's text, which is enough to
// know it by.
func policyName(r *record) string { return hex.EncodeToString(r.Policy[:6]) }
