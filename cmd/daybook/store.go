package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"daybook/archive"
	"daybook/policy"
)

// store is what the commands read: an archive on this machine's disk ([local]) or
// behind a daemon ([remote]). Errors are those of package archive in both cases.
type store interface {
	// List yields the entries that match, in order. An entry that is damaged is
	// an *archive.Damage in its place; any other error ends the listing, and one
	// that is not complete always ends with one.
	List(ctx context.Context, q archive.Query) iter.Seq2[entry, error]
	// Messages is List for messages: the entries that are the same mail are one.
	Messages(ctx context.Context, q archive.Query) iter.Seq2[mail, error]
	// Message gives the message that an entry belongs to, or archive.ErrNotFound.
	Message(ctx context.Context, id uint64) (mail, error)
	// Explain says why two entries are one message, or are not; with 0 for the second
	// one, why the first one belongs to its message.
	Explain(ctx context.Context, one, two uint64) (comparison, error)
	// Entry gives one entry, or archive.ErrNotFound.
	Entry(ctx context.Context, id uint64) (entry, error)
	// WriteTo writes a message's exact bytes. When it returns nil they were
	// compared with the digest of the entry.
	WriteTo(ctx context.Context, id uint64, w io.Writer) error
	// WriteOriginal writes original n, from 1 on, of the mails inside a journal's
	// delivery. The error can be archive.ErrNoOriginal or ErrEncoding.
	WriteOriginal(ctx context.Context, id uint64, n int, w io.Writer) error
	// View tells how the policy that judges, or without a daemon the one that did so
	// last, shows the mail of a source.
	View(ctx context.Context, source string) (view, error)
	// Events is List for events.
	Events(ctx context.Context, q archive.Query) iter.Seq2[event, error]
	// Policies is List for the policies that became active, each as often as it did.
	Policies(ctx context.Context, q archive.Query) iter.Seq2[keptPolicy, error]
	// Policy gives the policy of a digest as it was kept last, or archive.ErrNoPolicy.
	Policy(ctx context.Context, digest archive.Digest) (keptPolicy, error)
	// WriteFile writes the exact bytes of one of a policy's files, as WriteTo does.
	WriteFile(ctx context.Context, digest archive.Digest, name string, w io.Writer) error
	// Settle releases an entry from quarantine, or keeps it there, and gives the event
	// that records it. The error can be archive.ErrNotFound or ErrNotQuarantined.
	Settle(ctx context.Context, id uint64, verdict verdict) (event, error)
	// Verify reads everything and calls found for each damaged place.
	Verify(ctx context.Context, shown func(done, total int64), found func(damage)) (verifyResult, error)
	// Orphans reads everything and calls found for each content that nothing needs.
	Orphans(ctx context.Context, shown func(done, total int64), found func(orphan)) (orphanResult, error)
	// Compact drops contents that nothing needs.
	Compact(ctx context.Context, order compactOrder, shown func(done, total int64)) (compactResult, error)
	// Dictionaries gives the dictionaries that the archive trained, by number.
	Dictionaries(ctx context.Context) iter.Seq2[dictionary, error]
	// Train trains a dictionary on a tenant's latest mail, and gives it when it is kept;
	// else the error says why it is not.
	Train(ctx context.Context, tenant string) (dictionary, error)
	// Status tells how the archive is and, behind a daemon, the daemon.
	Status(ctx context.Context) (status, error)
	Close() error
}

// verdict is what somebody decided about an entry in quarantine.
type verdict struct {
	Release bool   `json:"-"` // else it is kept; the path of the request says so
	Actor   string `json:"actor"`
	Reason  string `json:"reason"`
}

// verifyResult is what was read to verify an archive, and what was found.
type verifyResult struct {
	Entries  uint64 `json:"entries"`
	Events   uint64 `json:"events"`
	Contents uint64 `json:"contents"`
	Bytes    int64  `json:"bytes"`
	Damage   int    `json:"damage"`
}

// status is the object of daybook status --json.
type status struct {
	Data          string         `json:"data"`
	Version       string         `json:"version"`
	Daemon        *daemonStatus  `json:"daemon"`  // null when none is running
	Problem       string         `json:"problem"` // why mail could not be archived now; empty when it could
	Entries       uint64         `json:"entries"`
	Messages      uint64         `json:"messages"` // entries that are the same mail are one
	Events        uint64         `json:"events"`
	LastEntry     time.Time      `json:"last_entry,omitzero"`
	ReceivedBytes uint64         `json:"received_bytes"`
	LedgerBytes   uint64         `json:"ledger_bytes"`
	CatalogBytes  uint64         `json:"catalog_bytes"`
	Segments      int            `json:"segments"`
	Waiting       uint64         `json:"quarantine_waiting"`
	Tenants       []tenantStatus `json:"tenants"` // in the order of their names
	FreeBytes     uint64         `json:"free_bytes"`
	Damage        []damage       `json:"damage"` // found when the archive was opened
}

// tenantStatus is what has come in for a tenant, from the beginning on.
type tenantStatus struct {
	Tenant        string `json:"tenant"`
	Entries       uint64 `json:"entries"`
	Messages      uint64 `json:"messages"`
	Joined        joins  `json:"joined"`
	Collisions    uint64 `json:"collisions"` // messages with the Message-ID of an earlier one and other content
	ReceivedBytes uint64 `json:"received_bytes"`
	StoredBytes   uint64 `json:"stored_bytes"` // what the ledger's records of them take
}

// joins count the entries that were joined to an earlier one, by reason.
type joins struct {
	Resend    uint64 `json:"resend"`
	Exact     uint64 `json:"exact"`
	Content   uint64 `json:"content"`
	MessageID uint64 `json:"message_id"`
}

// daemonStatus is how the daemon is that serves the archive.
type daemonStatus struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Policy  string    `json:"policy"` // the digest of the one that judges
	// ReloadError says why the last reload was refused, ReloadFailed when; empty when it
	// was not, or none was tried.
	ReloadError  string         `json:"reload_error"`
	ReloadFailed time.Time      `json:"reload_failed,omitzero"`
	InFlight     inFlight       `json:"in_flight"`
	Sources      []sourceStatus `json:"sources"`
}

// inFlight is what the messages that are coming in take of max_in_flight.
type inFlight struct {
	Bytes       int64     `json:"bytes"`
	Limit       int64     `json:"limit_bytes"`
	Waiting     int       `json:"waiting"` // messages, for room
	Waits       uint64    `json:"waits"`   // since the start, as refused
	Refused     uint64    `json:"refused"` // told to come again
	LastRefused time.Time `json:"last_refused,omitzero"`
}

// openStore opens the archive that a command is to read: through the daemon that
// serves it, or else on disk.
func openStore(ctx context.Context, p *place) (store, error) {
	return openWith(ctx, p, openLocal)
}

// openWith opens the archive through the daemon that serves it, or else on disk in
// the way given.
func openWith(ctx context.Context, p *place, onDisk func(*policy.Policy) (store, error)) (store, error) {
	pol, err := p.server()
	if err != nil {
		return nil, err
	}
	r, err := dialControl(ctx, pol.Server.Control.Address)
	if err == nil {
		return r, nil
	}
	if !errors.Is(err, errNoDaemon) {
		return nil, err
	}
	return onDisk(pol)
}

// withStore runs work on the store of a place and closes it afterwards.
func withStore(ctx context.Context, p *place, work func(store) error) error {
	s, err := openStore(ctx, p)
	if err != nil {
		return err
	}
	return useStore(s, work)
}

// useStore runs work on a store and closes it afterwards.
func useStore(s store, work func(store) error) error {
	err := work(s)
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

// openLocal opens the archive on disk for reading.
func openLocal(pol *policy.Policy) (store, error) {
	a, err := archive.Open(pol.Server.Data, archive.Options{ReadOnly: true})
	if err != nil {
		return nil, openFault(pol.Server.Data, err)
	}
	return &local{archive: a, data: pol.Server.Data}, nil
}

// openToSettle opens the archive on disk for writing, if there is one.
func openToSettle(pol *policy.Policy) (store, error) {
	reader, err := openLocal(pol)
	if err != nil {
		return nil, err
	}
	if err := reader.Close(); err != nil {
		return nil, err
	}
	a, err := archive.Open(pol.Server.Data, archive.Options{MinFree: uint64(pol.Server.MinFree)})
	if err != nil {
		return nil, openFault(pol.Server.Data, err)
	}
	return &local{archive: a, data: pol.Server.Data}, nil
}
