package lmtp

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A doorman is the gate of the tests. The local parts of addresses select what it does.
type doorman struct {
	tls, auth bool
	connect   *Reply

	mu    sync.Mutex
	peers []Peer // as Connect saw them
}

// newDoorman reads its wishes: words that are joined by "+".
func newDoorman(wishes string) *doorman {
	g := new(doorman)
	for _, wish := range strings.Split(wishes, "+") {
		switch wish {
		case "tls":
			g.tls = true
		case "auth":
			g.auth = true
		case "banned":
			g.connect = &Reply{550, "5.7.1", "not from there"}
		case "busy":
			g.connect = &Reply{451, "4.3.2", "not now"}
		case "odd":
			g.connect = &Reply{250, "2.0.0", "welcome"}
		}
	}
	return g
}

func (g *doorman) Connect(_ context.Context, p Peer) *Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peers = append(g.peers, p)
	return g.connect
}

func (g *doorman) Mail(_ context.Context, p Peer, sender Path) *Reply {
	switch {
	case g.tls && p.TLS == nil:
		return &Reply{530, "5.7.0", "Must issue a STARTTLS command first"}
	case g.auth && p.AuthUser == "":
		return &Reply{530, "5.7.0", "Authentication required"}
	case strings.HasPrefix(sender.Address, "panic@"):
		panic("as the test wants it")
	case strings.HasPrefix(sender.Address, "later@"):
		return &Reply{451, "4.3.2", "suspended"}
	}
	return nil
}

func (g *doorman) Rcpt(_ context.Context, p Peer, e *Envelope, to Path) *Reply {
	local, _, _ := strings.Cut(to.Address, "@")
	switch local {
	case "unknown":
		return &Reply{550, "5.1.1", "no such journal"}
	case "odd":
		return &Reply{354, "", "go on"}
	case "bye":
		return &Reply{421, "4.3.2", "going"}
	case "panic":
		panic("as the test wants it")
	case "second":
		if len(e.Recipients) == 0 {
			return &Reply{550, "5.5.0", "not the first"}
		}
	case "spoil":
		*e = Envelope{}
	}
	return nil
}

// TestEntitlement has peers say anything in any order, in the clear and under TLS, with right and wrong passwords. Whatever reaches
// the handler was begun and ended by a peer that was entitled.
func TestEntitlement(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	serverTLS, clientTLS := testTLS(t)
	rec := new(recorder)
	_, addr := serve(t, Config{
		Handler: rec, SMTP: true, TLS: serverTLS, Credentials: testUsers(t), AuthInsecure: true, authPause: time.Millisecond,
		Gate: newDoorman("tls+auth"),
	}, nil)
	rounds := 150
	if testing.Short() {
		rounds = 40
	}
	for range rounds {
		s := &stranger{client: dial(t, addr), rng: rng, tls: clientTLS}
		s.expect("220")
		for n := 0; n < 30 && s.step(); n++ {
		}
		s.conn.Close()
	}
	taken := rec.deliveries()
	for _, d := range taken {
		if d.env.AuthUser != "alice" || d.env.TLSVersion == "" || !slices.Contains([]string{"ESMTPSA", "SMTP"}, d.env.Protocol) ||
			strings.Contains(d.String(), "early") {
			t.Errorf("taken: %v of %+v", d, d.env)
		}
	}
	if len(taken) == 0 {
		t.Error("nobody was ever entitled: the test shows nothing")
	}
	t.Logf("%d messages taken", len(taken))
}

// A stranger says anything. What it says before it has both TLS and a login is marked as early.
type stranger struct {
	*client
	rng          *rand.Rand
	tls          *tls.Config
	secure, user bool
	progress     int // in the way that a proper client goes
}

func (s *stranger) mark() string {
	if s.secure && s.user {
		return "ok"
	}
	return "early"
}

// next is a command, more often than not the one that gets further.
func (s *stranger) next() string {
	proper := []string{"EHLO x", "STARTTLS", "EHLO x", "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", "MAIL FROM:<" + s.mark() + "@example.org>",
		"RCPT TO:<b@example.net>", "DATA"}
	odd := []string{"AUTH PLAIN AGFsaWNlAHg=", "AUTH LOGIN", "RSET", "NOOP", "HELO x", "BDAT 5 LAST"}
	switch s.rng.IntN(4) {
	case 0:
		return odd[s.rng.IntN(len(odd))]
	case 1:
		return proper[s.rng.IntN(len(proper))]
	}
	s.progress = max(s.progress+1, 1)
	return proper[min(s.progress-1, 4+(s.progress-1)%3)]
}

// step sends a command, one time in three with others behind it, and reports whether the session goes on.
func (s *stranger) step() bool {
	command, more := s.next(), 0
	wire := command + "\r\n"
	if command == "BDAT 5 LAST" {
		wire += (s.mark() + "12345")[:5]
	}
	if s.rng.IntN(3) == 0 {
		wire, more = wire+"EHLO x\r\nMAIL FROM:<"+s.mark()+"@example.org>\r\n", 2
	}
	if _, err := io.WriteString(s.conn, wire); err != nil {
		return false
	}
	reply := s.reply()
	switch {
	case strings.HasPrefix(reply, "220"):
		s.startTLS(s.tls) // the others are thrown away
		s.secure, s.user, more = true, false, 0
	case strings.HasPrefix(reply, "235"):
		s.user = true
	case strings.HasPrefix(reply, "354"): // the others are text
		s.send(s.mark() + "\r\n.\r\n")
		more = 1
	case strings.HasPrefix(reply, "334"):
		s.send("*\r\n")
		more = 1
	}
	for ; more > 0 && !strings.HasPrefix(reply, "421") && reply != "[closed]"; more-- {
		reply = s.reply()
	}
	return !strings.HasPrefix(reply, "421") && reply != "[closed]"
}

// TestGateSeesThePeer compares what a gate is told with what the client knows.
func TestGateSeesThePeer(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	clientTLS.Certificates = serverTLS.Certificates
	serverTLS.ClientAuth, serverTLS.ClientCAs = tls.VerifyClientCertIfGiven, clientTLS.RootCAs
	for _, implicit := range []bool{false, true} {
		g, rec := newDoorman(""), new(recorder)
		_, addr := serve(t, Config{Handler: rec, SMTP: true, TLS: serverTLS, ImplicitTLS: implicit, Gate: g}, nil)
		c := dial(t, addr)
		if implicit {
			c.startTLS(clientTLS)
		}
		c.hello(true)
		if !implicit {
			c.send("STARTTLS\r\n")
			c.expect("220")
			c.startTLS(clientTLS)
			c.greet(true)
		}
		c.send(start + "BDAT 1 LAST\r\nx")
		c.expect("250", "250", "250")
		p := g.peers[0]
		if p.Addr != netip.MustParseAddrPort(c.conn.LocalAddr().String()) || p.Local.String() != addr {
			t.Errorf("implicit=%v: peer %v at %v", implicit, p.Addr, p.Local)
		}
		if (p.TLS != nil) != implicit || (p.Certificate != nil) != implicit {
			t.Errorf("implicit=%v: peer %+v", implicit, p)
		}
		if e := rec.deliveries()[0].env; e.TLSClient != "CN=sink.example,O=Example\\, Inc." {
			t.Errorf("implicit=%v: client certificate of %q", implicit, e.TLSClient)
		}
	}
}

// TestGateRefusesManyRecipients: unknown recipients among good ones do not end a session, but not any number of them.
func TestGateRefusesManyRecipients(t *testing.T) {
	rec := new(recorder)
	_, addr := serve(t, Config{Handler: rec, Gate: newDoorman("")}, nil)
	c := open(t, addr, false, nil)
	c.send("MAIL FROM:<a@example.org>\r\n")
	c.expect("250")
	many := strings.Repeat("RCPT TO:<unknown@example.net>\r\n", maxBarred-1)
	c.send(many + "RCPT TO:<b@example.net>\r\nBDAT 1 LAST\r\nx")
	for range maxBarred - 1 {
		c.expect("550 5.1.1")
	}
	c.expect("250", "250 2.0.0 kept")
	c.send("MAIL FROM:<a@example.org>\r\n" + many + "RCPT TO:<unknown@example.net>\r\n")
	c.expect("250")
	for range maxBarred {
		c.expect("550 5.1.1")
	}
	c.expect("421 4.7.0 too many refusals", "[closed]")
	if n := len(rec.deliveries()); n != 1 {
		t.Errorf("%d deliveries", n)
	}
}
