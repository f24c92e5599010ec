package milter

import (
	"fmt"
	"io"
	"net"

	gomilter "github.com/emersion/go-milter"
)

// lane serves connections, one after another: for the library it is one net.Conn
// that goes on for as long as there are connections. So the library's goroutine
// is used again with the stack that it has grown, and what a connection is read
// into as well. Reading from a lane gives the library the commands that the MTA
// waits for, without their data; what the library writes goes to the MTA.
//
// It is also the library's Milter. From start on, the library's goroutine alone
// uses it.
type lane struct {
	net.Conn // the one that is served; nil between two
	server   *Server
	frames   *frameReader
	now      *conversation // nil between two connections

	pending []byte // of the frame that the library reads now
}

// laneListener is a lane as the library's listener, with itself as the only
// connection.
type laneListener struct {
	lane   *lane
	handed bool // Accept has returned the lane
}

func newLane(s *Server) *lane { return &lane{server: s, frames: newFrameReader(&s.bodies)} }

// start has the library serve the lane in a goroutine of its own, beginning with
// a connection.
func (l *lane) start(g *gate) {
	l.begin(g)
	library := gomilter.Server{
		// The library makes a new Milter after some responses.
		NewMilter: func() gomilter.Milter { return l },
	}
	// Serve's error is that of the second Accept.
	_ = library.Serve(&laneListener{lane: l})
}

// begin takes a connection.
func (l *lane) begin(g *gate) {
	s := newSocket(g.conn, &l.server.config)
	l.Conn = g.conn
	l.frames.reset(s)
	l.now = &conversation{ctx: l.server.ctx, config: &l.server.config, socket: s, frames: l.frames, gate: g}
}

// end closes the connection, if there is one.
func (l *lane) end() {
	c := l.now
	if c == nil {
		return
	}
	l.Conn, l.now = nil, nil
	defer l.server.removeConnection(c.gate)
	defer func() { _ = c.socket.Close() }()
	c.end()
}

// Read waits for the next command that the MTA waits with. It fails with io.EOF
// only, which makes the library end without a word.
func (l *lane) Read(p []byte) (int, error) {
	for len(l.pending) == 0 {
		if code, ok := l.now.next(); ok {
			l.pending = shownFrame(code)
			break
		}
		l.end()
		g := l.server.await()
		if g == nil {
			return 0, io.EOF
		}
		l.begin(g)
	}
	n := copy(p, l.pending)
	l.pending = l.pending[n:]
	return n, nil
}

// Write sends a reply. An error ends the conversation at the next Read.
func (l *lane) Write(p []byte) (int, error) {
	l.now.write(p)
	return len(p), nil
}

// Close is called by the library when it ends, also by a panic.
func (l *lane) Close() error {
	l.end()
	return nil
}

// write sends the MTA what is said to it.
func (c *conversation) write(p []byte) {
	if _, err := c.socket.Write(p); err != nil {
		c.fail(fmt.Errorf("write reply: %w", err))
	}
}

// shownFrame is the frame that the library sees for a command: the code and
// the least data that it dispatches.
func shownFrame(code gomilter.Code) []byte {
	switch code {
	case gomilter.CodeConn:
		return []byte{0, 0, 0, 3, byte(code), 0, byte(gomilter.FamilyUnknown)}
	case gomilter.CodeHeader:
		return []byte{0, 0, 0, 4, byte(code), 'x', 0, 0}
	default:
		return []byte{0, 0, 0, 1, byte(code)}
	}
}

func (l *laneListener) Accept() (net.Conn, error) {
	if l.handed {
		return nil, net.ErrClosed
	}
	l.handed = true
	return l.lane, nil
}

func (l *laneListener) Close() error { return nil }

func (l *laneListener) Addr() net.Addr { return l.lane.LocalAddr() }
