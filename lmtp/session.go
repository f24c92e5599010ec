package lmtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
)

// errBye ends a session that has said its last word.
var errBye = errors.New("lmtp: session ended")

// A session is one connection. It belongs to one goroutine, but for wire.stop and wire.close.
type session struct {
	cfg    *Config
	log    *slog.Logger
	ctx    context.Context // ends when the server is forced to stop
	wire   *wire
	lib    *library
	limits *limits
	users  *authenticator // nil without AUTH

	client  string               // Envelope.Client
	addr    netip.AddrPort       // Peer.Addr
	counted bool                 // in limits
	tls     *tls.ConnectionState // nil without TLS
	greeted bool                 // LHLO, EHLO or HELO was accepted
	plain   bool                 // it was HELO
	helo    string
	user    string // that AUTH proved
	bad     int    // refused commands since the last good message

	turned   bool // the last command was DATA, and the message was not asked for
	refusals int  // of the gate and of limits since the last good message
	denied   int  // failed logins

	tx transaction
}

// A transaction is what MAIL opens.
type transaction struct {
	env    *Envelope // nil: no MAIL yet; Deliver's own once that was called
	rcpts  int       // length of env.Recipients
	utf8   bool      // env.SMTPUTF8
	size   int       // octets of addresses and parameters
	chunks *chunks   // a delivery by BDAT that is under way
	spoilt bool      // it cannot be completed; everything but RSET, QUIT and a new greeting is refused (RFC 3030 section 2)
}

// run serves the connection to its end.
func (s *session) run() {
	defer s.end()
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("session panicked", "client", s.client, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	err := s.open()
	for err == nil {
		err = s.command()
	}
	s.abort(cut(err))
	s.farewell(err)
}

func (s *session) end() {
	s.abort(io.ErrUnexpectedEOF)
	if s.lib != nil {
		s.lib.close()
	}
	s.wire.hangUp()
	if s.counted {
		s.limits.leave(clientOf(s.addr.Addr()))
	}
}

// open greets the peer.
func (s *session) open() error {
	s.wire.allow(s.cfg.EnvelopeTimeout)
	for _, step := range []func() error{s.identify, s.count, s.secure, s.enter} {
		if err := step(); err != nil {
			return err
		}
	}
	lib, greeting, err := startLibrary(s.cfg, s.offeredTLS(), s.offersAuth())
	if err != nil {
		return err
	}
	s.lib = lib
	return s.say(greeting)
}

// count counts the session as one of its client's.
func (s *session) count() error {
	if s.counted = s.limits.enter(clientOf(s.addr.Addr())); s.counted {
		return nil
	}
	s.log.Warn("too many connections of one client", "client", s.client, "limit", s.cfg.MaxConnectionsPerIP)
	if s.beginsWithTLS() {
		s.wire.close() // a handshake is more than it may have
		return errBye
	}
	// It is not waited for until it has read that.
	if err := s.say([]byte(Reply{Code: 421, Enhanced: "4.7.0", Text: "too many connections from your address"}.line(false))); err != nil {
		return err
	}
	return errBye
}

func (s *session) beginsWithTLS() bool {
	_, ok := s.wire.raw.(*tls.Conn)
	return ok || s.cfg.ImplicitTLS
}

// secure begins TLS where the connection begins with it.
func (s *session) secure() (err error) {
	var state tls.ConnectionState
	conn, ok := s.wire.raw.(*tls.Conn)
	switch {
	case ok:
		state, err = s.wire.secure(s.ctx, conn)
	case s.cfg.ImplicitTLS:
		state, _, err = s.wire.handshake(s.ctx, s.cfg.TLS)
	default:
		return nil
	}
	if err != nil {
		s.log.Info("tls handshake failed", "client", s.client, "error", err)
		s.wire.close() // there is no layer to say anything in
		return fmt.Errorf("tls handshake: %w", err)
	}
	s.tls = &state
	return nil
}

func clientName(addr net.Addr) string {
	if strings.HasPrefix(addr.Network(), "unix") {
		return "unix"
	}
	return addr.String()
}

// offeredTLS is the configuration for STARTTLS as long as it can be used.
func (s *session) offeredTLS() *tls.Config {
	if s.tls != nil {
		return nil
	}
	return s.cfg.TLS
}

// command reads and carries out one command. An error ends the session.
func (s *session) command() error {
	line, err := s.wire.readLine(s.lineLimit(), s.cfg.CommandTimeout, s.tx.chunks == nil)
	tooLong := errors.Is(err, errLineTooLong)
	if err != nil && !tooLong {
		return err
	}
	if s.turned {
		s.turned = false
		if verb, _ := splitCommand(string(line)); tooLong || !knownCommand(verb) {
			return s.strayed()
		}
	}
	tooLong = tooLong || len(line) > s.cfg.MaxLine && !isAuth(line)
	if verb, _ := splitCommand(string(line)); announcesChunk(line) && (tooLong || verb != "BDAT" || !clean(line)) {
		return s.bdat("") // what follows cannot be understood
	}
	if tooLong {
		return s.refused(refuse(500, "5.5.2", "command line too long"))
	}
	if !clean(line) && !hasPath(line) {
		return s.refused(refuse(500, "5.5.2", "control character in command"))
	}
	return s.dispatch(string(line))
}

// knownCommand reports whether verb can be meant as a command by a peer that was just told not to send its message.
func knownCommand(verb string) bool {
	switch verb {
	case "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "LHLO", "EHLO", "HELO", "VRFY", "EXPN", "HELP", "AUTH", "STARTTLS":
		return true
	}
	return false
}

// strayed ends the session of a peer that sends a message all the same: its author could have written commands into it.
func (s *session) strayed() error {
	s.log.Warn("a message came that was not asked for", "client", s.client)
	return s.lastReply(Reply{Code: 421, Enhanced: "4.7.0", Text: "a message was not asked for here"})
}

// lineLimit is the length of the longest command: AUTH may be longer than the others (RFC 4954 section 4).
func (s *session) lineLimit() int {
	if s.users == nil {
		return s.cfg.MaxLine
	}
	return max(s.cfg.MaxLine, maxAuthLine)
}

func isAuth(line []byte) bool {
	verb, _ := splitCommand(string(line))
	return verb == "AUTH"
}

func (s *session) dispatch(line string) error {
	verb, arg := splitCommand(line)
	switch verb {
	case "DATA":
		return s.data(arg)
	case "BDAT":
		return s.bdat(arg)
	case "MAIL":
		return s.mail(arg)
	case "RCPT":
		return s.rcpt(arg)
	case "LHLO", "EHLO", "HELO":
		return s.hello(verb, arg)
	case "RSET":
		s.abort(ErrAborted)
		s.tx = transaction{}
		return s.pass(verb)
	case "QUIT":
		s.abort(ErrAborted)
		if err := s.pass(verb); err != nil {
			return err
		}
		return errBye
	case "NOOP", "VRFY", "EXPN", "HELP":
		return s.pass(verb)
	case "ETRN", "ATRN", "TURN": // would have us send mail
		return s.refused(refuse(502, "5.5.1", "nothing is ever sent from here"))
	case "AUTH":
		return s.auth(arg)
	case "STARTTLS":
		return s.startTLS(arg)
	case "GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS":
		// A web browser was made to talk to us; what follows is not meant by its user.
		return s.lastReply(Reply{Code: 421, Enhanced: "4.7.0", Text: "this is not a web server"})
	}
	return s.refused(refuse(500, "5.5.2", "command not recognized"))
}

// hello is RFC 5321 section 4.1.4: it also forgets the transaction.
func (s *session) hello(verb, arg string) error {
	if arg == "" {
		return s.refused(refuse(501, "5.5.4", "syntax: "+verb+" hostname"))
	}
	reply, err := s.lib.ask(verb + " " + arg)
	if err != nil {
		return err
	}
	if reply[0] != '2' {
		return s.answered(reply)
	}
	s.abort(ErrAborted)
	s.tx = transaction{}
	s.greeted = true
	s.plain = verb == "HELO"
	s.helo, _, _ = strings.Cut(arg, " ")
	return s.answered(reply)
}

// pass has the library carry out a command that it knows all about.
func (s *session) pass(line string) error {
	reply, err := s.lib.ask(line)
	if err != nil {
		return err
	}
	return s.answered(reply)
}

// answered sends the reply to a command and counts it if it is a refusal. A 552 for a size that was declared is none.
func (s *session) answered(reply []byte) error {
	if err := s.say(reply); err != nil {
		return err
	}
	if strings.HasPrefix(string(reply), "552") {
		s.log.Warn("a message larger than max_message was announced, and not taken", "client", s.client, "max_message", s.cfg.MaxMessage)
		return nil
	}
	if reply[0] != '5' {
		return nil
	}
	if s.bad++; s.bad < maxBadCommands {
		return nil
	}
	s.log.Warn("too many bad commands", "client", s.client)
	return s.lastReply(Reply{Code: 421, Enhanced: "4.7.0", Text: "too many bad commands"})
}

// refused answers a command with err, which is a *refusal, or ends the session with it.
func (s *session) refused(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	return s.answered([]byte(Reply(*r).line(false)))
}

func (s *session) say(reply []byte) error {
	if _, err := s.wire.out.Write(reply); err != nil {
		return fmt.Errorf("sending a reply: %w", err)
	}
	return nil
}

// lastReply sends r and ends the session.
func (s *session) lastReply(r Reply) error {
	if err := s.say([]byte(r.line(false))); err != nil {
		return err
	}
	s.wire.linger()
	return errBye
}

// farewell tells the peer why its session ends, where it can still be told (RFC 5321 section 3.8).
func (s *session) farewell(err error) {
	switch {
	case errors.Is(err, errBye):
		return
	case errors.Is(err, errStopping):
		err = s.lastReply(Reply{Code: 421, Enhanced: "4.3.2", Text: s.cfg.Hostname + " is shutting down"})
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.log.Info("session timed out", "client", s.client)
		err = s.lastReply(Reply{Code: 421, Enhanced: "4.4.2", Text: "timeout"})
	}
	if !errors.Is(err, errBye) {
		s.log.Debug("session ended", "client", s.client, "error", err)
	}
}
