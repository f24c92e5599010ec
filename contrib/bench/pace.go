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
				due := began.Add(time.Duration(float64(n-int64(first)) / rate * float64(time.Second)))
				if sleepUntil(ctx, due) {
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
