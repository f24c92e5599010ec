package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// A Server serves any number of listeners with one Config. Its methods may be called by any goroutine.
type Server struct {
	cfg    Config
	ctx    context.Context // ends when the server is forced to stop
	force  context.CancelFunc
	limits *limits
	users  *authenticator // nil without Config.Credentials

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	running   sync.WaitGroup // sessions; Add only with mu held and stopping false
}

// NewServer returns a server that does nothing until Serve is called.
func NewServer(cfg Config) *Server {
	s := &Server{
		cfg:       cfg.withDefaults(),
		listeners: make(map[net.Listener]struct{}),
		sessions:  make(map[*session]struct{}),
		limits:    newLimits(cfg.MaxConnectionsPerIP, cfg.MessagesPerMinutePerIP),
	}
	if cfg.Credentials != nil {
		s.users = newAuthenticator(&s.cfg)
	}
	s.ctx, s.force = context.WithCancel(context.Background())
	return s
}

// Serve accepts connections on l, a listener for TCP, TLS over TCP, or Unix-domain sockets, and serves each in a goroutine. It closes
// l, and returns ErrServerClosed after Shutdown, or the error of l. It waits and tries again while l reports an error that may pass,
// such as too many open files.
func (s *Server) Serve(l net.Listener) error {
	if s.cfg.ImplicitTLS && s.cfg.TLS == nil {
		return errors.Join(errors.New("lmtp: Config.ImplicitTLS needs Config.TLS"), closeListener(l))
	}
	if !s.track(l) {
		_ = closeListener(l) // the server is closed either way
		return ErrServerClosed
	}
	defer s.untrack(l)
	var delay time.Duration
	for {
		conn, err := l.Accept()
		if err == nil {
			delay = 0
			s.start(conn)
			continue
		}
		switch {
		case s.isStopping():
			return ErrServerClosed
		case !passes(err):
			return fmt.Errorf("lmtp: accepting: %w", err)
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		s.cfg.Logger.Error("accepting a connection", "error", err, "retry_in", delay)
		select {
		case <-time.After(delay):
		case <-s.ctx.Done():
		}
	}
}

// passes reports whether an error of Accept can be one that goes away, of the network or of a resource: accept(2). Only a listener
// that is none any more ends the service.
func passes(err error) bool {
	for _, final := range []error{net.ErrClosed, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	if err := closeListener(l); err != nil {
		s.cfg.Logger.Error("closing a listener", "error", err)
	}
}

func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("lmtp: closing listener: %w", err)
	}
	return nil
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// start serves conn, or turns it away.
func (s *Server) start(conn net.Conn) {
	sess := &session{cfg: &s.cfg, log: s.cfg.Logger, ctx: s.ctx, wire: newWire(conn, &s.cfg), limits: s.limits, users: s.users}
	s.mu.Lock()
	full := len(s.sessions) >= s.cfg.MaxConnections
	if s.stopping || full {
		s.mu.Unlock()
		s.turnAway(conn, full)
		return
	}
	s.sessions[sess] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()

	go func() {
		defer s.running.Done()
		sess.run()
		s.mu.Lock()
		delete(s.sessions, sess)
		s.mu.Unlock()
	}()
}

// turnAway answers 421 (RFC 5321 section 3.1), without waiting: the reply fits the socket's empty buffer. A listener for TLS would
// first need a handshake, which is more than a full server has to give.
func (s *Server) turnAway(conn net.Conn, full bool) {
	reason := "shutting down"
	if full {
		reason = "too many connections"
		s.cfg.Logger.Warn("too many connections", "limit", s.cfg.MaxConnections)
	}
	_, isTCP := conn.(*net.TCPConn)
	_, isUnix := conn.(*net.UnixConn)
	if (isTCP || isUnix) && !s.cfg.ImplicitTLS {
		if err := conn.SetWriteDeadline(time.Now().Add(lingerTimeout)); err == nil {
			// The peer sees the end of the connection in any case.
			_, _ = io.WriteString(conn, Reply{Code: 421, Enhanced: "4.3.2", Text: reason}.line(false))
		}
	}
	_ = conn.Close() // nothing was read or promised
}

// Connections returns the number of sessions.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Shutdown stops accepting, and ends each session as soon as no message is on its way in it: with 421 4.3.2, RFC 5321 section 3.8. It
// returns when all sessions are over. When ctx ends before, it closes the connections that are left, without a reply for their
// messages, ends the context of their deliveries, and returns the error of ctx at once.
func (s *Server) Shutdown(ctx context.Context) error {
	var errs []error
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		errs = append(errs, closeListener(l))
	}
	for sess := range s.sessions {
		sess.wire.stop()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
		s.closeSessions()
	}
	s.force()
	return errors.Join(errs...)
}

func (s *Server) closeSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.sessions {
		sess.wire.close()
	}
}
