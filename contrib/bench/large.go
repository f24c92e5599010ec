package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Large messages that arrive all at once.
const (
	largeConnections = 20
	largeSizeMB      = 50
	// largeTimeout ends the attempt when the server is stuck.
	largeTimeout = 10 * time.Minute
)

// measureLarge sends the large messages at once, each on a connection of its
// own, in every round.
func (b *bench) measureLarge(ctx context.Context, m *measurement) error {
	messages := largeMessages()
	for round := range b.Rounds {
		f, err := b.sendLarge(ctx, messages)
		if err != nil {
			return fmt.Errorf("%d messages of %d MB: %w", largeConnections, largeSizeMB, err)
		}
		fmt.Fprintf(b.progress, "round %d of %d: %d x %d MB at once %42.0f MiB\n",
			round+1, b.Rounds, largeConnections, largeSizeMB, f.PeakMiB)
		m.Large = append(m.Large, large{Connections: largeConnections, SizeMB: largeSizeMB, figures: f})
	}
	return nil
}

func largeMessages() *set {
	return prepare([]*message{newMixer(kind{size: largeSizeMB << 20}).message(largeSizeMB<<20, 0)})
}

func (b *bench) sendLarge(ctx context.Context, messages *set) (f figures, err error) {
	running, err := b.servers.start(ctx, nameDaybook, pathLMTP)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, running.close()) }()
	clients, err := connect(func() (client, error) { return dialLMTP(running.addr, messages.lmtp) }, largeConnections)
	defer func() { closeAll(clients) }()
	if err != nil {
		return f, err
	}
	limited, cancel := context.WithTimeout(ctx, largeTimeout)
	defer cancel()
	o := put(limited, clients, largeConnections)
	last, err := running.usage()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return f, err
	}
	bytes := messages.bytes(o.sent)
	f = newFigures(&o, bytes, usage{}, last)
	closeAll(clients)
	return f, f.settle(running, bytes, last)
}
