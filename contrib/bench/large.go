package main

import (
	"context"
	"errors"
	"fmt"
)

// Large messages that arrive all at once.
const (
	largeConnections = 20
	largeSizeMB      = 50
	// largeMinutes ends the attempt when the server is stuck.
	largeMinutes = 10
)

// measureLarge sends the large messages at once, each on a connection of its
// own, in every round.
func (b *bench) measureLarge(ctx context.Context, m *measurement) error {
	w := newWriter(largeSizeMB)
	messages := prepare([]*message{w.message(largeSizeMB<<20, 0)})
	limited := *b
	limited.Seconds, limited.Messages = largeMinutes*60, largeConnections
	for round := range b.Rounds {
		running, err := b.servers.start(ctx, nameDaybook, pathLMTP)
		if err != nil {
			return err
		}
		f, err := limited.loadOn(ctx, running, subject{Path: pathLMTP, Connections: largeConnections}, messages)
		if err := errors.Join(err, running.stop()); err != nil {
			return fmt.Errorf("%d messages of %d MB: %w", largeConnections, largeSizeMB, err)
		}
		fmt.Fprintf(b.progress, "round %d of %d: %d x %d MB at once %24.0f MiB\n",
			round+1, b.Rounds, largeConnections, largeSizeMB, f.PeakMiB)
		m.Large = append(m.Large, large{Connections: largeConnections, SizeMB: largeSizeMB, figures: f})
	}
	return nil
}
