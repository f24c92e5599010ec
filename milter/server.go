package milter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("milter: server closed")

// Server serves MTAs. Its methods may be called from several goroutines.
type Server struct {
	config Config

	// Ends when Shutdown loses patience.
	ctx    context.Context
	cancel context.CancelFunc

	open sync.WaitGroup // one for each connection

	next    chan *gate   // connections for lanes that wait
	waiting atomic.Int32 // such lanes
	bodies  sync.Pool    // see frameReader

	mu        sync.Mutex // guards what follows
	closed    bool
	refusing  bool // the last connection was one too many
	listeners map[net.Listener]struct{}
	gates     map[*gate]struct{} // one for each connection
}

// NewServer returns a server that waits for Serve.
func NewServer(config Config) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		config:    config.withDefaults(),
		ctx:       ctx,
		cancel:    cancel,
		next:      make(chan *gate),
		listeners: make(map[net.Listener]struct{}),
		gates:     make(map[*gate]struct{}),
	}
}

// Serve accepts the connections of MTAs from l, a TCP or Unix socket, until
// Shutdown, and returns ErrServerClosed then. Any other error is l's own. It
// closes l, and may be called for several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	const maxPause = time.Second
	pause := 5 * time.Millisecond
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			s.start(conn)
		case s.isClosed():
			return ErrServerClosed
		case !passes(err):
			return fmt.Errorf("milter: accept: %w", err)
		default:
			s.config.Logger.Warn("milter connection not accepted", "err", err, "retry_in", pause)
			time.Sleep(pause)
			pause = min(2*pause, maxPause)
		}
	}
}

// passes reports whether an error of Accept can be one that goes away, of the
// network or of a resource: accept(2). Only a listener that is none any more ends
// the service.
func passes(err error) bool {
	for _, final := range []error{net.ErrClosed, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// Shutdown stops accepting and closes the connections that are between
// transactions. Those inside one are closed when it is over. If ctx ends
// first, the connections are closed, the contexts of all Session methods end,
// and the error wraps that of ctx; a method that is running then runs on and
// Connections counts it.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, g := range s.close() {
		g.drain()
	}
	done := make(chan struct{})
	go func() {
		s.open.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		return nil
	case <-ctx.Done():
	}
	left := s.close()
	for _, g := range left {
		g.force()
	}
	s.cancel() // after it, so that no verdict of a method that it ends goes out
	return fmt.Errorf("milter: %d connections closed inside a transaction: %w", len(left), ctx.Err())
}

// Connections returns the number of open connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.gates)
}

// start serves a connection in the goroutine of a lane that waits for one, or of
// a new one.
func (s *Server) start(conn net.Conn) {
	g := &gate{conn: conn}
	if !s.addConnection(g) {
		_ = conn.Close()
		return
	}
	select {
	case s.next <- g:
	default:
		newLane(s).start(g)
	}
}

// maxWaiting bounds the lanes that wait for a connection. Each has a stack and a
// buffer, some 50 KiB.
const maxWaiting = 32

// await has a lane wait for a connection. It is nil when the lane is to end.
func (s *Server) await() *gate {
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		return nil
	}
	defer s.waiting.Add(-1)
	select {
	case g := <-s.next:
		return g
	case <-s.ctx.Done():
		return nil
	}
}

func (s *Server) addConnection(g *gate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	full := len(s.gates) >= s.config.MaxConnections
	if full && !s.refusing {
		// One line for each time of want, or a flood would flood the log.
		s.config.Logger.Warn("too many milter connections, closing new ones", "max", s.config.MaxConnections)
	}
	s.refusing = full
	if full {
		return false
	}
	s.gates[g] = struct{}{}
	s.open.Add(1)
	return true
}

func (s *Server) removeConnection(g *gate) {
	s.mu.Lock()
	delete(s.gates, g)
	s.mu.Unlock()
	s.open.Done()
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close closes the listeners and returns the open connections.
func (s *Server) close() []*gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for l := range s.listeners {
		_ = l.Close()
	}
	gates := make([]*gate, 0, len(s.gates))
	for g := range s.gates {
		gates = append(gates, g)
	}
	return gates
}
