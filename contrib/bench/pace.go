package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// connectSMTP opens connections. Those that it gives are to be closed, also when
// there is an error.
func connectSMTP(addr string, s *set, connections int) ([]*lmtpClient, error) {
	var clients []*lmtpClient
	for range connections {
		c, err := dialSMTP(addr, s.lmtp)
		if err != nil {
			return clients, fmt.Errorf("connecting: %w", err)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// pace sends the messages from first on, those before last, so many a second,
// whether the ones before have been answered or not, as far as there are free
// connections. The waits are from the end of the data to the reply.
func pace(ctx context.Context, clients []*lmtpClient, first, last int, rate float64) outcome {
	var next atomic.Int64
	next.Store(int64(first))
	lanes := make([]lane, len(clients))
	var running sync.WaitGroup
	began := time.Now()
	for i, c := range clients {
		running.Go(func() {
			for ctx.Err() == nil && lanes[i].err == nil {
				n := next.Add(1) - 1
				if n >= int64(last) {
					return
				}
				if sleepUntil(ctx, dueAt(began, n-int64(first), rate)) {
					lanes[i].sendPaced(c, n)
				}
			}
		})
	}
	running.Wait()
	return gather(lanes, time.Since(began))
}

func (a *lane) sendPaced(c *lmtpClient, n int64) {
	if a.err = c.send(n); a.err == nil {
		a.waits, a.sent = append(a.waits, millis(c.settled)), append(a.sent, n)
	}
}

// paced gives messages not before they are due, so many a second from now on.
func paced(ctx context.Context, message messageSource, rate float64) messageSource {
	began := time.Now()
	return func(n int64) (*lmtpMessage, error) {
		if !sleepUntil(ctx, dueAt(began, n, rate)) {
			return nil, ctx.Err()
		}
		return message(n)
	}
}

// dueAt is when message n is due, of so many a second.
func dueAt(began time.Time, n int64, rate float64) time.Time {
	return began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
}

// sleepUntil tells whether the time has come, and not the end.
func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
