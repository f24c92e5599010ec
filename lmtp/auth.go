package lmtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// auth is RFC 4954 section 4. It changes nothing of what was said before; what follows it in the same transmission is read after it,
// as commands.
func (s *session) auth(arg string) error {
	if err := s.authRefusal(); err != nil {
		return s.refused(err)
	}
	words := strings.Fields(arg)
	if len(words) < 1 || len(words) > 2 {
		return s.refused(refuse(501, "5.5.4", "syntax: AUTH mechanism [initial-response]"))
	}
	name := strings.ToUpper(words[0])
	a := &attempt{authenticator: s.users, ctx: s.ctx}
	mechanism := a.mechanism(name)
	if mechanism == nil {
		return s.refused(refuse(504, "5.5.4", "unknown authentication mechanism"))
	}
	response, err := initialResponse(words[1:])
	if err != nil {
		return s.refused(err)
	}
	if err := s.exchange(mechanism, response); err != nil {
		return s.notAuthenticated(name, a, err)
	}
	s.user = a.user
	s.log.Debug("authenticated", "client", s.client, "mechanism", name, "user", s.user)
	return s.say([]byte(Reply{Code: 235, Enhanced: "2.7.0", Text: "authenticated"}.line(false)))
}

// authRefusal returns why AUTH cannot follow what was before.
func (s *session) authRefusal() error {
	switch {
	case s.users == nil:
		return refuse(500, "5.5.2", "command not recognized")
	case !s.greeted || s.plain:
		return refuse(503, "5.5.1", "introduce yourself with EHLO or LHLO first")
	case !s.offersAuth():
		return refuse(538, "5.7.11", "encryption required, issue a STARTTLS command first")
	case s.user != "":
		return refuse(503, "5.5.1", "already authenticated")
	case s.tx.env != nil || s.tx.spoilt:
		return refuse(503, "5.5.1", "AUTH within a transaction")
	}
	return s.pipelined()
}

// offersAuth reports whether AUTH can be used now.
func (s *session) offersAuth() bool {
	return s.users != nil && (s.tls != nil || s.cfg.AuthInsecure)
}

// pipelined refuses to go on when something of the peer is here that it sent before it could know what it is asked. None of it is
// lost: it is read as commands.
func (s *session) pipelined() error {
	if s.wire.in.Buffered() > 0 {
		return refuse(503, "5.5.1", "AUTH must wait for its replies")
	}
	return nil
}

// initialResponse is nil if none was given, which is not the same as the empty one that is written "=".
func initialResponse(given []string) ([]byte, error) {
	switch {
	case len(given) == 0:
		return nil, nil
	case given[0] == "=":
		return []byte{}, nil
	}
	return decoded(given[0])
}

func decoded(text string) ([]byte, error) {
	response, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(501, "5.5.2", "not base64")
	}
	return response, nil
}

// exchange goes through a mechanism. No mechanism has more than three steps.
func (s *session) exchange(mechanism sasl.Server, response []byte) error {
	for {
		challenge, done, err := mechanism.Next(response)
		if err != nil || done {
			return err
		}
		if response, err = s.challenge(challenge); err != nil {
			return &unanswered{err}
		}
	}
}

// unanswered is the error of a challenge that got no response: a *refusal, or of the connection.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

func (s *session) challenge(challenge []byte) ([]byte, error) {
	if err := s.pipelined(); err != nil {
		return nil, err
	}
	if err := s.say([]byte("334 " + base64.StdEncoding.EncodeToString(challenge) + "\r\n")); err != nil {
		return nil, err
	}
	line, err := s.wire.readLine(maxAuthLine, s.cfg.CommandTimeout, true)
	switch {
	case errors.Is(err, errLineTooLong):
		return nil, refuse(500, "5.5.6", "authentication response too long")
	case err != nil:
		return nil, err
	case string(line) == "*":
		return nil, refuse(501, "5.7.0", "authentication cancelled")
	}
	return decoded(string(line))
}

// notAuthenticated answers an exchange that ended with err.
func (s *session) notAuthenticated(mechanism string, a *attempt, err error) error {
	var u *unanswered
	reply := Reply{Code: 535, Enhanced: "5.7.8", Text: "authentication credentials invalid"}
	switch {
	case errors.As(err, &u):
		return s.refused(u.err)
	case errors.Is(err, errDenied):
		attrs := []any{"client", s.client, "mechanism", mechanism, "known_user", a.known}
		if a.known { // else it may be a password in the wrong place
			attrs = append(attrs, "user", a.user)
		}
		s.log.Warn("authentication failed", attrs...)
	case errors.Is(err, errNoDecision):
		s.log.Error("cannot authenticate", "client", s.client, "error", err)
		reply = Reply{Code: 454, Enhanced: "4.7.0", Text: "cannot authenticate now, try again later"}
	default: // errMalformed, or what the library for PLAIN says
		reply = Reply{Code: 501, Enhanced: "5.5.2", Text: "malformed authentication response"}
	}
	return s.deny(reply)
}

// deny makes guessing slow, and ends the session that goes on with it.
func (s *session) deny(reply Reply) error {
	if err := s.wire.out.Flush(); err != nil {
		return fmt.Errorf("sending replies: %w", err)
	}
	pause := time.NewTimer(s.cfg.authPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.ctx.Done():
	}
	if s.denied++; s.denied < maxDenied {
		return s.answered([]byte(reply.line(false)))
	}
	if err := s.say([]byte(reply.line(false))); err != nil {
		return err
	}
	return s.lastReply(Reply{Code: 421, Enhanced: "4.7.0", Text: "too many failed authentications"})
}
