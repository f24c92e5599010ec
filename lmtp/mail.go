package lmtp

import (
	"crypto/tls"
	"fmt"
	"time"
)

// mail is RFC 5321 section 4.1.1.2.
func (s *session) mail(arg string) error {
	switch {
	case !s.greeted:
		return s.refused(refuse(503, "5.5.1", "introduce yourself first"))
	case s.tx.chunks != nil:
		// Whatever the peer meant, it was not to go on with that message.
		s.spoil()
		return s.refused(refuse(503, "5.5.1", "MAIL within a message"))
	case s.tx.env != nil || s.tx.spoilt:
		return s.refused(refuse(503, "5.5.1", "nested MAIL"))
	}
	path, ok := parsePath(arg, "FROM:")
	if !ok {
		return s.refused(refuse(501, "5.5.4", "syntax: MAIL FROM:<address>"))
	}
	env := s.newEnvelope(path)
	if err := mailParameters(env, s.cfg.MaxMessage, s.users != nil); err != nil {
		return s.refused(err)
	}
	if r := s.barrier(func(g Gate, p Peer) *Reply { return g.Mail(s.ctx, p, path) }); r != nil {
		return s.barred(*r)
	}
	if !s.limits.message(clientOf(s.addr.Addr()), time.Now()) {
		return s.tooManyMessages()
	}
	s.tx = transaction{env: env, utf8: env.SMTPUTF8, size: path.size()}
	return s.say([]byte(Reply{Code: 250, Enhanced: "2.0.0", Text: "sender noted"}.line(false)))
}

// tooManyMessages is said to the peer each time, and to the operator once in a while.
func (s *session) tooManyMessages() error {
	if s.refusals == 0 {
		s.log.Warn("too many messages of one client", "client", s.client, "limit", s.cfg.MessagesPerMinutePerIP)
	}
	return s.barred(Reply{Code: 451, Enhanced: "4.7.1", Text: "too many messages from your address, try again later"})
}

// rcpt is RFC 5321 section 4.1.1.3.
func (s *session) rcpt(arg string) error {
	if s.tx.env == nil || s.tx.chunks != nil || s.tx.spoilt {
		return s.refused(refuse(503, "5.5.1", "RCPT not expected here"))
	}
	path, ok := parsePath(arg, "TO:")
	if !ok {
		return s.refused(refuse(501, "5.5.4", "syntax: RCPT TO:<address>"))
	}
	if path.Address == "" {
		return s.refused(refuse(501, "5.1.3", "a recipient cannot be empty"))
	}
	if err := recipientParameters(path.Args); err != nil {
		return s.refused(err)
	}
	if s.tx.size+path.size() > maxEnvelopeBytes {
		return s.refused(refuse(452, "4.5.3", "envelope too large, send the other recipients separately"))
	}
	if r := s.barrier(func(g Gate, p Peer) *Reply {
		soFar := *s.tx.env
		return g.Rcpt(s.ctx, p, &soFar, path)
	}); r != nil {
		return s.barred(*r)
	}
	if s.tx.rcpts >= s.cfg.MaxRecipients {
		return s.refused(refuse(452, "4.5.3", fmt.Sprintf("no more than %d recipients, send the others separately", s.cfg.MaxRecipients)))
	}
	s.tx.size += path.size()
	s.tx.rcpts++
	s.tx.env.Recipients = append(s.tx.env.Recipients, path)
	return s.say([]byte(Reply{Code: 250, Enhanced: "2.0.0", Text: "recipient noted"}.line(false)))
}

// size is about the memory that p takes.
func (p Path) size() int {
	const ofPath, ofArg = 48, 16 // the headers of a Path and of a string
	n := len(p.Address) + ofPath
	for _, arg := range p.Args {
		n += len(arg) + ofArg
	}
	return n
}

func (s *session) newEnvelope(sender Path) *Envelope {
	e := &Envelope{Sender: sender, Client: s.client, Helo: s.helo, Protocol: s.protocol(), AuthUser: s.user}
	if s.tls != nil {
		e.TLSVersion = tls.VersionName(s.tls.Version)
		e.TLSCipher = tls.CipherSuiteName(s.tls.CipherSuite)
	}
	if c := s.certificate(); c != nil {
		e.TLSClient = c.Subject.String()
	}
	return e
}

// protocol is the name of RFC 3848.
func (s *session) protocol() string {
	name := "LMTP"
	if s.cfg.SMTP {
		if s.plain {
			return "SMTP"
		}
		name = "ESMTP"
	}
	if s.tls != nil {
		name += "S"
	}
	if s.user != "" {
		name += "A"
	}
	return name
}

// spoil gives up the message that is under way, and the transaction with it.
func (s *session) spoil() {
	s.abort(ErrAborted)
	s.tx.spoilt = true
}

// forget sends the replies of a transaction and ends it.
func (s *session) forget() error {
	s.tx = transaction{}
	if err := s.wire.out.Flush(); err != nil {
		return fmt.Errorf("sending replies: %w", err)
	}
	s.wire.allow(s.cfg.EnvelopeTimeout)
	return nil
}
