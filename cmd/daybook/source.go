package main

import (
	"time"

	"daybook/archive/ingest"
)

// sourceStatus is how a source fares since the daemon was started.
type sourceStatus struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Tenants  []string          `json:"tenants"`
	Listen   []string          `json:"listen"`
	State    string            `json:"state"`
	Last     time.Time         `json:"last,omitzero"`
	Messages map[string]uint64 `json:"messages"` // by what became of them
	Bytes    uint64            `json:"bytes"`
	InFlight int               `json:"in_flight"`
	// LastError is the last trouble with a message, LastErrorAt when it was.
	LastError   string    `json:"last_error"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

func newSourceStatus(s *ingest.SourceStatus) sourceStatus {
	return sourceStatus{
		Name: s.Name, Kind: s.Kind, Tenants: s.Tenants, Listen: s.Listen, State: string(s.State), Last: s.Last.UTC(), Messages: s.Counts,
		Bytes: s.Bytes, InFlight: s.InFlight, LastError: valid(s.LastError), LastErrorAt: s.LastErrorAt.UTC(),
	}
}
