package milter

import (
	"fmt"
	"io"
	"net"

	gomilter "github.com/emersion/go-milter"
)

// tap is the net.Conn that the library serves. Reading from it gives the
// library the commands of the conversation without their data; what the
// library writes goes to the MTA.
//
// It is also the library's listener, with itself as the only connection.
type tap struct {
	*socket
	conversation *conversation

	pending []byte        // of the frame that the library reads now
	handed  bool          // Accept has returned the tap
	closed  chan struct{} // the library has closed the tap
}

func newTap(s *socket, c *conversation) *tap {
	return &tap{socket: s, conversation: c, closed: make(chan struct{})}
}

// serve negotiates and then lets the library serve the connection to its end.
func (t *tap) serve() {
	if !t.conversation.negotiate() {
		_ = t.Close()
		return
	}
	t.pending = shownFrame(gomilter.CodeOptNeg)
	library := gomilter.Server{
		// The library makes a new Milter after some responses: state would be
		// lost if it were not always the same one.
		NewMilter: func() gomilter.Milter { return t.conversation },
		Protocol:  t.conversation.granted,
	}
	// Serve's error is that of the second Accept, made below.
	_ = library.Serve((*tapListener)(t))
}

// Read waits for the next command of the MTA. It fails with io.EOF only, which
// makes the library close the tap without a word.
func (t *tap) Read(p []byte) (int, error) {
	if len(t.pending) == 0 {
		code, ok := t.conversation.next()
		if !ok {
			return 0, io.EOF
		}
		t.pending = shownFrame(code)
	}
	n := copy(p, t.pending)
	t.pending = t.pending[n:]
	return n, nil
}

// Write sends a reply. An error ends the conversation at the next Read.
func (t *tap) Write(p []byte) (int, error) {
	if _, err := t.socket.Write(p); err != nil {
		t.conversation.fail(fmt.Errorf("write reply: %w", err))
	}
	return len(p), nil
}

// Close is called by the library, in the goroutine of the callbacks.
func (t *tap) Close() error {
	t.conversation.end()
	err := t.socket.Close()
	close(t.closed)
	return err
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

// tapListener is the tap as a listener.
type tapListener tap

func (l *tapListener) Accept() (net.Conn, error) {
	if !l.handed {
		l.handed = true
		return (*tap)(l), nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *tapListener) Close() error { return nil }

func (l *tapListener) Addr() net.Addr { return l.LocalAddr() }
