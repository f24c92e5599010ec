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
	// Entry gives one entry, or archive.ErrNotFound.
	Entry(ctx context.Context, id uint64) (entry, error)
	// WriteTo writes a message's exact bytes. When it returns nil they were
	// compared with the digest of the entry.
	WriteTo(ctx context.Context, id uint64, w io.Writer) error
	// Events is List for events.
	Events(ctx context.Context, q archive.Query) iter.Seq2[event, error]
	// Verify reads everything and calls found for each damaged place.
	Verify(ctx context.Context, shown func(done, total int64), found func(damage)) (verifyResult, error)
	// Status tells how the archive is and, behind a daemon, the daemon.
	Status(ctx context.Context) (status, error)
	Close() error
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
	Data          string        `json:"data"`
	Version       string        `json:"version"`
	Daemon        *daemonStatus `json:"daemon"`  // null when none is running
	Problem       string        `json:"problem"` // why mail could not be archived now; empty when it could
	Entries       uint64        `json:"entries"`
	Events        uint64        `json:"events"`
	LastEntry     time.Time     `json:"last_entry,omitzero"`
	ReceivedBytes uint64        `json:"received_bytes"`
	LedgerBytes   uint64        `json:"ledger_bytes"`
	CatalogBytes  uint64        `json:"catalog_bytes"`
	Segments      int           `json:"segments"`
	FreeBytes     uint64        `json:"free_bytes"`
	Damage        []damage      `json:"damage"` // found when the archive was opened
}

// daemonStatus is how the daemon is that serves the archive.
type daemonStatus struct {
	PID     int            `json:"pid"`
	Started time.Time      `json:"started"`
	Sources []sourceStatus `json:"sources"`
}

// openStore opens the archive that a command is to read: through the daemon that
// serves it, or else on disk.
func openStore(ctx context.Context, p *place) (store, error) {
	pol, err := p.policy()
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
	return openLocal(pol)
}

// withStore runs work on the store of a place and closes it afterwards.
func withStore(ctx context.Context, p *place, work func(store) error) error {
	s, err := openStore(ctx, p)
	if err != nil {
		return err
	}
	err = work(s)
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

func openLocal(pol *policy.Policy) (store, error) {
	a, err := archive.Open(pol.Server.Data, archive.Options{ReadOnly: true})
	if err != nil {
		return nil, openFault(pol.Server.Data, err)
	}
	return &local{archive: a, data: pol.Server.Data}, nil
}
