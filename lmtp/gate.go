package lmtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"runtime/debug"
)

// A Gate decides who may deliver. Each method returns nil to let the peer go on, or the Reply that refuses it: 4xx or 5xx; anything
// else, and a panic, is 451 4.3.0. A 421 also closes the connection. Its methods are called by many sessions at the same time, in the
// way of the peer: they should not take long. ctx ends when the server is forced to stop.
//
// A refusal is not one of the bad commands that end a session, so that an unknown recipient among many does no harm to the others.
type Gate interface {
	// Connect is asked before the greeting; after the handshake with ImplicitTLS. A refusal takes the place of the greeting, as 554
	// for any 5xx and 421 for any 4xx, and closes the connection.
	Connect(ctx context.Context, p Peer) *Reply

	// Mail is asked for each MAIL command that is well-formed and in its place. What Peer says of TLS and AuthUser does not change
	// before the transaction ends.
	Mail(ctx context.Context, p Peer, sender Path) *Reply

	// Rcpt is asked for each such RCPT command. e is the transaction so far, and must be neither changed nor kept.
	Rcpt(ctx context.Context, p Peer, e *Envelope, recipient Path) *Reply
}

// A Peer is what is known of the other side of a session.
type Peer struct {
	// Addr is the client's address, an IPv4 one in four octets and without a zone. It is that of the real client behind one of
	// Config.Proxies. It is not valid for a peer on a Unix-domain socket.
	Addr netip.AddrPort

	// Local is the address of ours that it connected to, or that its balancer did.
	Local net.Addr

	Helo string               // the argument of the last LHLO, EHLO or HELO, unverified; empty before
	TLS  *tls.ConnectionState // nil without TLS; must not be changed

	// Certificate is that of the client if it has been verified (tls.Config.ClientAuth and ClientCAs), else nil.
	Certificate *x509.Certificate

	AuthUser string // the authenticated user; empty without AUTH
}

func (s *session) peer() Peer {
	return Peer{
		Addr: s.addr, Local: s.wire.raw.LocalAddr(), Helo: s.helo,
		TLS: s.tls, Certificate: s.certificate(), AuthUser: s.user,
	}
}

// certificate is the client's if it has been verified.
func (s *session) certificate() *x509.Certificate {
	if s.tls == nil || len(s.tls.VerifiedChains) == 0 {
		return nil
	}
	return s.tls.VerifiedChains[0][0]
}

// barrier asks the gate.
func (s *session) barrier(ask func(g Gate, p Peer) *Reply) (refusal *Reply) {
	if s.cfg.Gate == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("gate panicked", "client", s.client, "panic", v, "stack", string(debug.Stack()))
			r := tempFail()
			refusal = &r
		}
	}()
	refusal = ask(s.cfg.Gate, s.peer())
	if refusal != nil && refusal.Code/100 != 4 && refusal.Code/100 != 5 {
		r := tempFail()
		refusal = &r
	}
	return refusal
}

// enter asks the gate whether the peer is to be greeted.
func (s *session) enter() error {
	r := s.barrier(func(g Gate, p Peer) *Reply { return g.Connect(s.ctx, p) })
	if r == nil {
		return nil
	}
	refusal := *r
	if refusal.Code = 554; r.Code/100 == 4 {
		refusal.Code = 421 // RFC 5321 section 3.1 has no other
	}
	s.log.Debug("connection refused", "client", s.client, "reply", refusal.Code, "text", refusal.Text)
	return s.lastReply(refusal)
}

// barred answers a command that the gate, or a rate, does not let through.
func (s *session) barred(r Reply) error {
	if r.Code == 421 {
		return s.lastReply(r)
	}
	if err := s.say([]byte(r.line(s.tx.utf8))); err != nil {
		return err
	}
	if s.refusals++; s.refusals < maxBarred {
		return nil
	}
	s.log.Warn("too many refusals", "client", s.client)
	return s.lastReply(Reply{Code: 421, Enhanced: "4.7.0", Text: "too many refusals"})
}
