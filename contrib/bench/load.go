package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client is one connection that messages are sent on. One goroutine uses it.
type client interface {
	// send sends message n, which is unique by that number, and waits until the
	// server has taken it.
	send(n int64) error
	// close ends the connection.
	close()
}

// connect opens connections. Those that it gives are to be closed, also when
// there is an error.
func connect(dial func() (client, error), connections int) ([]client, error) {
	var clients []client
	for range connections {
		c, err := dial()
		if err != nil {
			return clients, fmt.Errorf("connecting: %w", err)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func closeAll(clients []client) {
	for _, c := range clients {
		c.close()
	}
}

// outcome is what came of a load.
type outcome struct {
	seconds float64
	waits   []float64 // how long each message took, in ms, sorted
	sent    []int64   // the numbers of the messages that were taken
	failed  int       // connections that broke off
	problem string    // what the first of them met
}

// put sends messages from all connections at once, until ctx ends or so many are
// sent. A connection whose message is not taken goes no further.
func put(ctx context.Context, clients []client, messages int) outcome {
	return putFrom(ctx, clients, 0, messages)
}

// putFrom is put for the messages from first on, those before last.
func putFrom(ctx context.Context, clients []client, first, last int) outcome {
	var next atomic.Int64
	next.Store(int64(first))
	lanes := make([]lane, len(clients))
	var running sync.WaitGroup
	began := time.Now()
	for i, c := range clients {
		running.Go(func() { lanes[i].send(ctx, c, int64(last), &next) })
	}
	running.Wait()
	return gather(lanes, time.Since(began))
}

// lane is what one connection did.
type lane struct {
	waits []float64
	sent  []int64
	err   error
}

// send sends messages, each with the next number that nobody has taken.
func (a *lane) send(ctx context.Context, c client, messages int64, next *atomic.Int64) {
	for ctx.Err() == nil {
		n := next.Add(1) - 1
		if n >= messages {
			return
		}
		began := time.Now()
		if a.err = c.send(n); a.err != nil {
			return
		}
		a.waits = append(a.waits, millis(time.Since(began)))
		a.sent = append(a.sent, n)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func gather(lanes []lane, took time.Duration) outcome {
	o := outcome{seconds: took.Seconds()}
	for _, a := range lanes {
		o.waits, o.sent = append(o.waits, a.waits...), append(o.sent, a.sent...)
		if a.err == nil {
			continue
		}
		if o.failed++; o.problem == "" {
			o.problem = a.err.Error()
		}
	}
	slices.Sort(o.waits)
	return o
}
