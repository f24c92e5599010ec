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
type socket struct {
	net.Conn
	config   *Config
	quickAck func()

	// Zero if there is no such limit at the moment.
	frameEnds       time.Time
	transactionEnds time.Time
}

func newSocket(conn net.Conn, config *Config) *socket {
	return &socket{Conn: conn, config: config, quickAck: quickAck(conn)}
}

// Read waits for IdleTimeout, and not beyond the limits of the frame and the
// transaction.
func (s *socket) Read(p []byte) (int, error) {
	deadline, what := time.Now().Add(s.config.IdleTimeout), "idle"
	if !s.frameEnds.IsZero() && s.frameEnds.Before(deadline) {
		deadline, what = s.frameEnds, "incomplete command"
	}
	if !s.transactionEnds.IsZero() && s.transactionEnds.Before(deadline) {
		deadline, what = s.transactionEnds, "unfinished transaction"
	}
	if err := s.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	s.quickAck()
	n, err := s.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%s for too long: %w", what, err)
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}
