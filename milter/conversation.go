package milter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	gomilter "github.com/emersion/go-milter"
)

// conversation is what one milter connection has said so far. It reads the
// MTA's commands for the lane and answers them. One goroutine uses it: that of
// the library.
type conversation struct {
	ctx    context.Context
	config *Config
	socket *socket
	frames *frameReader
	gate   *gate

	negotiated bool
	granted    gomilter.OptProtocol
	frame      frame  // the command that is being answered
	field      []byte // room for a header field
	over       bool   // nothing more is read

	session    Session     // nil between SMTP connections
	connection *Connection // of session
	number     int         // of the last transaction of connection
	settled    bool        // verdict is the last word on connection
	verdict    Verdict

	transaction *openTransaction // nil between transactions

	// Macros come before the command they are for.
	connectionMacros  macroTable // of the next SMFIC_CONNECT
	transactionMacros macroTable // of the next SMFIC_MAIL
	lastMacros        macroSet   // of the last SMFIC_MACRO
}

// negotiate reads the MTA's SMFIC_OPTNEG and answers it. The library would too,
// but with the same bits for all connections.
func (c *conversation) negotiate() error {
	c.socket.limitFrame(c.config.NegotiationTimeout)
	f, err := c.frames.read()
	if err != nil {
		return err // a port check connects and goes away
	}
	if f.code != gomilter.CodeOptNeg {
		return fmt.Errorf("first command is %q, not SMFIC_OPTNEG", byte(f.code))
	}
	o, err := parseOffer(f.payload)
	if err != nil {
		return err
	}
	c.negotiated, c.granted = true, o.grant()
	c.write(answerOffer(c.granted))
	return nil
}

// next reads up to the next command that the MTA waits with. It returns false
// when the connection is to be closed.
func (c *conversation) next() (gomilter.Code, bool) {
	if !c.negotiated {
		if err := c.negotiate(); err != nil {
			c.fail(err)
		}
	}
	for !c.over {
		if !c.inFlight() {
			c.socket.transactionEnds = time.Time{}
			if !c.gate.leave() {
				return 0, false
			}
		}
		f, err := c.receive()
		if err != nil {
			c.fail(err)
			return 0, false
		}
		c.frame = f
		switch f.code {
		case gomilter.CodeMacro:
			c.takeMacros()
			continue
		case gomilter.CodeQuitNewConn:
			c.closeConnection()
			continue
		case codeUnknown:
			// The library does not know SMFIC_UNKNOWN. It answers SMFIC_DATA
			// with continue and asks nobody.
			return gomilter.CodeData, true
		case gomilter.CodeMail:
			if !c.gate.enter() {
				return 0, false
			}
		case gomilter.CodeConn, gomilter.CodeHelo, gomilter.CodeRcpt, gomilter.CodeData,
			gomilter.CodeHeader, gomilter.CodeEOH, gomilter.CodeBody, gomilter.CodeEOB,
			gomilter.CodeAbort, gomilter.CodeQuit:
		default:
			c.fail(fmt.Errorf("unexpected command %q", byte(f.code)))
			return 0, false
		}
		if !c.take(f.code) {
			return f.code, true
		}
	}
	return 0, false
}

// codeUnknown is SMFIC_UNKNOWN: an SMTP command that the MTA does not know.
const codeUnknown gomilter.Code = 'U'

// receive reads the next frame. The memory of the one before is given up first: the
// MTA may be silent for hours.
func (c *conversation) receive() (frame, error) {
	c.frame = frame{}
	c.frames.release()
	c.socket.limitFrame(0)
	if err := c.frames.wait(); err != nil {
		return frame{}, err
	}
	c.socket.limitFrame(c.config.FrameTimeout)
	return c.frames.read()
}

// fail ends the conversation and logs why, once.
func (c *conversation) fail(err error) {
	if c.over {
		return
	}
	c.over = true
	level := slog.LevelWarn
	quiet := errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
	if quiet && !c.inFlight() {
		level = slog.LevelDebug
	}
	if c.config.Logger.Enabled(c.ctx, level) {
		c.log().Log(c.ctx, level, "milter connection closed", "err", err, "in_transaction", c.inFlight())
	}
}

// log gives the logger for lines about the connection.
func (c *conversation) log() *slog.Logger {
	return c.config.Logger.With("mta", c.socket.RemoteAddr().String())
}

// broken ends the conversation because of what the MTA sent, without a reply.
func (c *conversation) broken(err error) gomilter.Response {
	c.fail(err)
	return nil
}

// end ends the Session when the connection is over.
func (c *conversation) end() {
	c.over = true
	c.closeConnection()
}

// openConnection begins an SMTP connection with a Session of its own. Without
// a Session the milter connection is over.
func (c *conversation) openConnection(connection *Connection) bool {
	c.closeConnection()
	connection.macros, c.connectionMacros = c.connectionMacros, nil
	connection.MTA = c.socket.RemoteAddr()
	connection.ExactHeaders = c.granted&gomilter.OptHeaderLeadingSpace != 0
	if addr, ok := clientAddress(connection.macros[gomilter.CodeConn]); ok {
		connection.Address = addr
	}
	if !c.protect("NewSession", func() { c.session = c.config.NewSession() }) {
		c.over = true
		return false
	}
	c.connection = connection
	return true
}

// haveConnection makes sure that there is a connection: not every client of
// the protocol sends SMFIC_CONNECT.
func (c *conversation) haveConnection() bool {
	return c.connection != nil || c.openConnection(&Connection{})
}

// closeConnection ends the SMTP connection and its open transaction, if any.
// The milter connection may go on with another one (SMFIC_QUIT_NC).
func (c *conversation) closeConnection() {
	c.endTransaction()
	if c.session != nil {
		c.protect("Close", c.session.Close)
		c.transactionMacros = nil // they are about this client
	}
	c.session, c.connection, c.number = nil, nil, 0
	c.settled, c.verdict = false, Verdict{}
}

// takeMacros keeps the macros of an SMFIC_MACRO with what they belong to.
func (c *conversation) takeMacros() {
	if err := c.lastMacros.parse(c.frame.payload); err != nil {
		c.fail(err)
		return
	}
	code, values := c.lastMacros.code, c.lastMacros.values
	switch {
	case !isStage(code):
		return
	case code == gomilter.CodeConn:
		c.connectionMacros = macroTable{code: values}
		return
	case code == gomilter.CodeHelo && c.connection == nil:
		put(&c.connectionMacros, code, values)
		return
	case code == gomilter.CodeHelo:
		put(&c.connection.macros, code, values)
	case code == gomilter.CodeMail:
		c.transactionMacros = macroTable{code: values}
	case c.transaction == nil:
		put(&c.transactionMacros, code, values)
	default:
		put(&c.transaction.macros, code, values)
	}
	if addr, ok := clientAddress(values); ok && c.connection != nil {
		c.connection.Address = addr
	}
}

func put(t *macroTable, code gomilter.Code, values map[string]string) {
	if *t == nil {
		*t = macroTable{}
	}
	(*t)[code] = values
}

// ask calls a method of the Session. A panic is a TempFail, and ok is false.
func (c *conversation) ask(method string, call func() Verdict) (v Verdict, ok bool) {
	ok = c.protect(method, func() { v = call() })
	if !ok {
		v = Verdict{Action: TempFail}
	}
	return v, ok
}

// protect calls the Session's code and returns false if it panicked.
func (c *conversation) protect(method string, call func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			c.log().Error("panic in milter session", "method", method, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	call()
	return true
}
