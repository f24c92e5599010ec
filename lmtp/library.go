package lmtp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

var errLibraryClosed = errors.New("lmtp: command parser ended")

// A library is go-smtp serving one session over a connection in memory: a question is a command line, the answer is all that it
// writes until it reads again. There is one library server for each session, which shares nothing with the others.
//
// It knows of no transactions: those are the session's own, see parsePath, and a message costs no question.
//
// It is replaced at STARTTLS, so that it can have kept nothing (RFC 3207 section 4.2).
type library struct {
	lines chan []byte   // questions
	ready chan struct{} // the library waits for a question; out is complete
	gone  chan struct{} // the library closed its connection
	once  sync.Once

	line []byte       // rest of the question being read
	out  bytes.Buffer // the answer being written; belongs to the library until ready or gone
}

// startLibrary returns a library and its greeting. offerTLS is nil when STARTTLS is not to be advertised, offerAuth says whether AUTH
// is. The library sees neither of the commands.
func startLibrary(cfg *Config, offerTLS *tls.Config, offerAuth bool) (lib *library, greeting []byte, err error) {
	lib = &library{lines: make(chan []byte), ready: make(chan struct{}), gone: make(chan struct{})}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return grammar{}, nil }))
	srv.AllowInsecureAuth = offerAuth // whatever carries the lines
	srv.LMTP = !cfg.SMTP
	srv.Domain = cfg.Hostname
	srv.MaxRecipients = cfg.MaxRecipients
	srv.MaxMessageBytes = cfg.MaxMessage
	srv.MaxLineLength = 0 // lines are bounded before they get here
	srv.TLSConfig = offerTLS
	srv.EnableSMTPUTF8 = true
	srv.EnableBINARYMIME = true
	srv.EnableDSN = true
	srv.ErrorLog = slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelError)
	go func() {
		// It ends when the one connection was accepted, and that is no error.
		_ = srv.Serve(&oneConn{conn: &libraryConn{lib}})
	}()
	greeting, err = lib.answer()
	return lib, greeting, err
}

// ask hands the library one command line, without its line end, and returns its reply. After QUIT the library is closed, and the
// next question is errLibraryClosed.
func (l *library) ask(line string) ([]byte, error) {
	select {
	case l.lines <- []byte(line + "\r\n"):
		return l.answer()
	case <-l.gone:
		return nil, errLibraryClosed
	}
}

func (l *library) answer() ([]byte, error) {
	select {
	case <-l.ready:
	case <-l.gone:
	}
	if l.out.Len() == 0 {
		return nil, errLibraryClosed
	}
	reply := bytes.Clone(l.out.Bytes())
	l.out.Reset()
	return reply, nil
}

// close ends the library's session. It must not be used afterwards.
func (l *library) close() {
	close(l.lines)
	<-l.gone
}

// libraryConn is the library's side.
type libraryConn struct{ lib *library }

// Read gives the library its next question; that it asks for one says that it has answered the last.
func (c *libraryConn) Read(p []byte) (int, error) {
	l := c.lib
	if len(l.line) == 0 {
		select {
		case <-l.gone: // after QUIT the library reads once more
			return 0, net.ErrClosed
		default:
		}
		l.ready <- struct{}{}
		line, open := <-l.lines
		if !open {
			return 0, io.EOF
		}
		l.line = line
	}
	n := copy(p, l.line)
	l.line = l.line[n:]
	return n, nil
}

func (c *libraryConn) Write(p []byte) (int, error) { return c.lib.out.Write(p) }

func (c *libraryConn) Close() error {
	c.lib.once.Do(func() { close(c.lib.gone) })
	return nil
}

func (*libraryConn) LocalAddr() net.Addr              { return memoryAddr{} }
func (*libraryConn) RemoteAddr() net.Addr             { return memoryAddr{} }
func (*libraryConn) SetDeadline(time.Time) error      { return nil }
func (*libraryConn) SetReadDeadline(time.Time) error  { return nil }
func (*libraryConn) SetWriteDeadline(time.Time) error { return nil }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

// oneConn is a listener with one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

func (*oneConn) Close() error   { return nil }
func (*oneConn) Addr() net.Addr { return memoryAddr{} }

// grammar is the library's session. The library sees neither MAIL nor RCPT, so that most of it cannot be reached.
type grammar struct{}

func (grammar) Reset()                               {}
func (grammar) Logout() error                        { return nil }
func (grammar) Mail(string, *smtp.MailOptions) error { return nil }
func (grammar) Rcpt(string, *smtp.RcptOptions) error { return nil }

// AuthMechanisms are what is advertised where AUTH is.
func (grammar) AuthMechanisms() []string { return mechanisms() }

// Auth cannot be reached, since the library never sees AUTH.
func (grammar) Auth(string) (sasl.Server, error) { return nil, smtp.ErrAuthUnsupported }

// Data cannot be reached, since the library never sees DATA or BDAT. If it were, nothing may be lost by it.
func (grammar) Data(io.Reader) error {
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "message not taken"}
}
