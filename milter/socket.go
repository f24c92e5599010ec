package milter

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// socket is a connection whose reads and writes have deadlines. One goroutine
// reads and writes; any may close it.
//
// What is set on the connection, for both directions, may be a deadline from
// before, which is earlier than the one that counts: setting one takes longer
// than a small read, and most reads are over long before any. When it passes, the
// one that counts is set.
type socket struct {
	net.Conn
	config *Config
	calls  calls
	armed  time.Time // the deadline that is set; zero if none is

	// The frame that is read may take so long, from the first wait for a piece of
	// it to its last; zero if there is no such limit at the moment.
	frameTimeout time.Duration
	frameEnds    time.Time // zero before the first wait

	transactionEnds time.Time // zero if there is no such limit at the moment
}

func newSocket(conn net.Conn, config *Config) *socket {
	return &socket{Conn: conn, config: config, calls: newCalls(conn)}
}

// limitFrame bounds the time that the following reads take together; zero is no
// bound.
func (s *socket) limitFrame(d time.Duration) { s.frameTimeout, s.frameEnds = d, time.Time{} }

// Read waits for IdleTimeout, and not beyond the limits of the frame and the
// transaction.
func (s *socket) Read(p []byte) (int, error) {
	deadline, what := s.limit(time.Now())
	for {
		if err := s.arm(deadline); err != nil {
			return 0, err
		}
		n, err := s.calls.read(p)
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case n > 0:
			return n, nil
		}
		s.armed = time.Time{}
		if !time.Now().Before(deadline) {
			return 0, fmt.Errorf("%s for too long: %w", what, err)
		}
	}
}

// limit gives the end of a read that begins now, and what it is the end of.
func (s *socket) limit(now time.Time) (deadline time.Time, what string) {
	deadline, what = now.Add(s.config.IdleTimeout), "idle"
	if s.frameTimeout != 0 && s.frameEnds.IsZero() {
		s.frameEnds = now.Add(s.frameTimeout)
	}
	if !s.frameEnds.IsZero() && s.frameEnds.Before(deadline) {
		deadline, what = s.frameEnds, "incomplete command"
	}
	if !s.transactionEnds.IsZero() && s.transactionEnds.Before(deadline) {
		deadline, what = s.transactionEnds, "unfinished transaction"
	}
	return deadline, what
}

// arm sees to it that no read or write waits beyond a deadline. It may end before.
func (s *socket) arm(deadline time.Time) error {
	if !s.armed.IsZero() && !s.armed.After(deadline) {
		return nil
	}
	s.armed = deadline
	return s.SetDeadline(deadline)
}

// Write waits for WriteTimeout.
func (s *socket) Write(p []byte) (int, error) {
	deadline := time.Now().Add(s.config.WriteTimeout)
	for written := 0; ; {
		if err := s.arm(deadline); err != nil {
			return written, err
		}
		n, err := s.calls.write(p[written:])
		written += n
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		s.armed = time.Time{}
		if !time.Now().Before(deadline) {
			return written, err
		}
	}
}
