package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A flood: so many large messages at once that not all can be in flight.
const (
	floodConnections = 200
	// floodRoom is what the folder for archives must have free: every message as it
	// comes in, and as it is kept.
	floodRoom = 2 * floodConnections * largeSizeMB << 20
	// floodAgain is when a message that was told to come back does.
	floodAgain = time.Second
)

// flood is one round of it.
type flood struct {
	large
	// Deferred is how often a message was told to come back later.
	Deferred int64 `json:"deferred"`
}

// measureFlood sends large messages at once, each on a connection of its own, and
// again as long as they are told to come back: in every round.
func (b *bench) measureFlood(ctx context.Context, m *measurement) error {
	free, err := freeIn(b.servers.work)
	if err != nil {
		return err
	}
	if free < floodRoom {
		b.notes = append(b.notes, fmt.Sprintf("%d messages of %d MB at once: %d GB are free in %s, it takes %d; name another folder with --work",
			floodConnections, largeSizeMB, free/1e9, b.work, floodRoom/1_000_000_000))
		return nil
	}
	messages := largeMessages()
	for round := range b.Rounds {
		f, err := b.sendFlood(ctx, messages)
		if err != nil {
			return fmt.Errorf("%d messages of %d MB: %w", floodConnections, largeSizeMB, err)
		}
		fmt.Fprintf(b.progress, "round %d of %d: %d x %d MB at once %41.0f MiB\n",
			round+1, b.Rounds, floodConnections, largeSizeMB, f.PeakMiB)
		m.Flood = append(m.Flood, f)
	}
	return nil
}

func (b *bench) sendFlood(ctx context.Context, messages *set) (f flood, err error) {
	f.Connections, f.SizeMB = floodConnections, largeSizeMB
	running, err := b.servers.start(ctx, nameDaybook, pathLMTP)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, running.close()) }()
	limited, cancel := context.WithTimeout(ctx, largeTimeout)
	defer cancel()
	lanes := make([]lane, floodConnections)
	var deferred atomic.Int64
	var sending sync.WaitGroup
	began := time.Now()
	for i := range lanes {
		sending.Go(func() { lanes[i].insist(limited, running.addr, messages, int64(i), &deferred) })
	}
	sending.Wait()
	o := gather(lanes, time.Since(began))
	last, err := running.usage()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return f, err
	}
	bytes := messages.bytes(o.sent)
	f.figures, f.Deferred = newFigures(&o, bytes, usage{}, last), deferred.Load()
	return f, f.settle(running, bytes, last)
}

// insist sends one message, again and again until it is taken, as a mail server
// does. Each attempt has a connection of its own.
func (a *lane) insist(ctx context.Context, addr string, messages *set, n int64, deferred *atomic.Int64) {
	began := time.Now()
	for {
		c := &lmtpClient{message: inTurn(messages.lmtp), timeout: largeTimeout}
		if a.err = c.dial(addr); a.err == nil {
			a.err = c.send(n)
			c.close()
		}
		if a.err == nil {
			a.waits, a.sent = append(a.waits, millis(time.Since(began))), append(a.sent, n)
			return
		}
		var refused *refusal
		if !errors.As(a.err, &refused) || refused.code[0] != '4' {
			return
		}
		deferred.Add(1)
		if !sleepUntil(ctx, time.Now().Add(floodAgain)) {
			return
		}
	}
}
