package lmtp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

var (
	errDenied     = errors.New("lmtp: credentials do not match")
	errMalformed  = errors.New("lmtp: malformed authentication response")
	errNoDecision = errors.New("lmtp: cannot authenticate") // trouble of our own
)

// maxSCRAM bounds a SCRAM message of a client: the server repeats its nonce in a line that has a limit of its own.
const maxSCRAM = 4096

// An authenticator checks the users of all sessions. A check costs the same work whoever is claimed and whatever is known of him.
type authenticator struct {
	lookup  func(user string) (c Credential, known bool, err error)
	secret  []byte        // makes salts that look as if they were stored
	working chan struct{} // a token for each derivation under way: logins must not take the processors from the mail
	log     *slog.Logger
}

func newAuthenticator(cfg *Config) *authenticator {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return &authenticator{
		lookup:  cfg.Credentials,
		secret:  secret,
		working: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		log:     cfg.Logger,
	}
}

// An attempt is one AUTH command.
type attempt struct {
	*authenticator
	ctx   context.Context
	user  string // as claimed; proven when the exchange ends without an error
	known bool
}

// mechanism returns the server's side of a mechanism, or nil.
func (a *attempt) mechanism(name string) sasl.Server {
	switch name {
	case "PLAIN":
		return sasl.NewPlainServer(a.plain)
	case "LOGIN":
		return &loginServer{check: a.password}
	case "SCRAM-SHA-256":
		return &scramServer{attempt: a}
	}
	return nil
}

// mechanisms are those that AUTH offers, the best one first.
func mechanisms() []string { return []string{"SCRAM-SHA-256", "PLAIN", "LOGIN"} }

// credential is what is known of user. Where it is not known it is only about the work.
func (a *attempt) credential(user string) (c Credential, err error) {
	a.user = prepared(user)
	if a.user == "" {
		return c, nil
	}
	defer func() {
		if v := recover(); v != nil {
			a.log.Error("looking up a credential panicked", "panic", v, "stack", string(debug.Stack()))
			err = errNoDecision
		}
	}()
	c, known, err := a.lookup(a.user)
	if err != nil {
		return c, fmt.Errorf("%w: looking up a credential: %w", errNoDecision, err)
	}
	a.known = known && c.usable()
	return c, nil
}

// derive waits for its turn.
func (a *attempt) derive(password, salt string, iterations int) (scram.StoredCredentials, error) {
	patience := time.NewTimer(authWait)
	defer patience.Stop()
	select {
	case a.working <- struct{}{}:
	case <-patience.C:
		return scram.StoredCredentials{}, fmt.Errorf("%w: too many logins at a time", errNoDecision)
	case <-a.ctx.Done():
		return scram.StoredCredentials{}, fmt.Errorf("%w: %w", errNoDecision, a.ctx.Err())
	}
	defer func() { <-a.working }()
	keys, err := derive(password, salt, iterations)
	if err != nil {
		return keys, fmt.Errorf("%w: deriving keys: %w", errNoDecision, err)
	}
	return keys, nil
}

// salt is that of a user whose salt is not stored.
func (a *attempt) salt() string {
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte(a.user)) // never fails
	return string(mac.Sum(nil)[:16])
}

// plain is RFC 4616. Nobody acts for somebody else.
func (a *attempt) plain(identity, user, password string) error {
	if identity != "" && identity != user {
		return errDenied
	}
	return a.password(user, password)
}

// password checks a password that was sent.
func (a *attempt) password(user, password string) error {
	c, err := a.credential(user)
	if err != nil {
		return err
	}
	password = prepared(password)
	keys, err := a.derive(password, c.keys.Salt, c.iterations()) // also where nothing is to be compared with
	if err != nil {
		return err
	}
	same := hmac.Equal(keys.StoredKey, c.keys.StoredKey)
	if c.keys.StoredKey == nil {
		same = sameText(password, c.password)
	}
	if !same || !a.known {
		return errDenied
	}
	return nil
}

// stored is what SCRAM asks for. An unknown user gets keys that nobody has the password for.
func (a *attempt) stored(user string) (scram.StoredCredentials, error) {
	c, err := a.credential(user)
	if err != nil {
		return scram.StoredCredentials{}, err
	}
	password := c.password
	if !a.known {
		password = rand.Text()
	}
	keys, err := a.derive(password, a.salt(), c.iterations())
	if err == nil && a.known && c.keys.StoredKey != nil {
		keys = c.keys
	}
	return keys, err
}

// loginServer is the mechanism LOGIN, which no RFC describes: two questions and two answers; the first answer may come unasked.
type loginServer struct {
	check        func(user, password string) error
	asked, named bool
	user         string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case !l.asked && response == nil:
		l.asked = true
		return []byte("Username:"), false, nil
	case !l.named:
		l.asked, l.named, l.user = true, true, string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// scramServer is RFC 5802 without channel binding. Over SMTP the server's last message is a challenge that is answered with nothing
// (RFC 4954 section 4).
type scramServer struct {
	attempt *attempt
	talk    *scram.ServerConversation // nil before the client's first message
	trouble error                     // of ours
}

func (s *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case len(response) > maxSCRAM:
		return nil, true, errMalformed
	case response == nil:
		return nil, false, nil
	case s.talk == nil:
		challenge, err = s.first(string(response))
		return challenge, err != nil, err
	case s.talk.Valid():
		if len(response) > 0 {
			return nil, true, errMalformed
		}
		return nil, true, nil
	}
	final, err := s.talk.Step(string(response))
	if err != nil || !s.talk.Valid() || !s.attempt.known {
		return nil, true, errDenied
	}
	return []byte(final), false, nil
}

func (s *scramServer) first(message string) ([]byte, error) {
	server, err := scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
		keys, err := s.attempt.stored(user)
		s.trouble = err
		return keys, err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDecision, err)
	}
	s.talk = server.NewConversation()
	challenge, err := s.talk.Step(message)
	switch {
	case s.trouble != nil:
		return nil, s.trouble
	case err != nil:
		return nil, errMalformed
	}
	if as := s.talk.AuthzID(); as != "" && as != s.talk.Username() {
		s.attempt.known = false // nobody acts for somebody else
	}
	return []byte(challenge), nil
}
