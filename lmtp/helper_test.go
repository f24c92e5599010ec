package lmtp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 10 * time.Second // before a test says that the server hangs

// A delivery is one call of recorder.Deliver.
type delivery struct {
	env  *Envelope
	body string
	err  error // that ended body, nil for io.EOF
}

// A recorder keeps what it is given. The local parts of recipients select what it does.
type recorder struct {
	mu  sync.Mutex
	got []delivery
}

func (r *recorder) Deliver(_ context.Context, e *Envelope, body io.Reader) []Reply {
	if has(e, "early@") {
		return []Reply{{452, "4.3.1", "no space"}, {452, "4.3.1", "no space"}}
	}
	b, err := io.ReadAll(body)
	r.mu.Lock()
	r.got = append(r.got, delivery{e, string(b), err})
	r.mu.Unlock()
	if has(e, "panic@") {
		panic("as the test wants it")
	}
	var replies []Reply
	for i, to := range e.Recipients {
		local, _, _ := strings.Cut(to.Address, "@")
		reply := Reply{250, "2.0.0", fmt.Sprintf("kept as %d", i)}
		switch local {
		case "temp":
			reply = Reply{451, "4.2.0", "busy"}
		case "perm":
			reply = Reply{550, "5.1.1", "no such user"}
		case "zero":
			reply = Reply{}
		case "odd":
			reply = Reply{354, "3.0.0", "go on"}
		case "crlf":
			reply = Reply{250, "9.9", "one\r\n550 two\x00\u00e9"}
		case "bye":
			reply = Reply{421, "4.3.2", "going"}
		case "short":
			return replies
		}
		replies = append(replies, reply)
	}
	return replies
}

func has(e *Envelope, prefix string) bool {
	for _, to := range e.Recipients {
		if strings.HasPrefix(to.Address, prefix) {
			return true
		}
	}
	return false
}

func (r *recorder) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

// String is one line for each delivery, as in the dialogues.
func (d delivery) String() string {
	s := d.env.Sender.line() + " ->"
	for _, p := range d.env.Recipients {
		s += " " + p.line()
	}
	body := d.body
	if len(body) > 200 {
		body = fmt.Sprintf("%s...%d", body[:20], len(body))
	}
	s += fmt.Sprintf(" %q", body)
	if d.err != nil {
		s += " error: " + d.err.Error()
	}
	return s
}

func (p Path) line() string {
	return strings.Join(append([]string{"<" + p.Address + ">"}, p.Args...), " ")
}

// serve starts a server on l, or on a free port, and stops it with the test.
func serve(t testing.TB, cfg Config, l net.Listener) (*Server, string) {
	t.Helper()
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	if cfg.Hostname == "" {
		cfg.Hostname = "sink.example"
	}
	srv := NewServer(cfg)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
		if n := srv.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
	return srv, l.Addr().String()
}

// A client is the peer, at the level of lines.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(s string) {
	c.t.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// line returns the next reply line without its line end, or "[closed]".
func (c *client) line() string {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	s, err := c.in.ReadString('\n')
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		c.t.Fatalf("no reply in %v", patience)
	}
	if err != nil && s == "" {
		return "[closed]"
	}
	if !strings.HasSuffix(s, "\r\n") {
		c.t.Errorf("reply without CRLF: %q", s)
	}
	return strings.TrimRight(s, "\r\n")
}

// reply returns the last line of the next reply.
func (c *client) reply() string {
	c.t.Helper()
	for {
		s := c.line()
		if len(s) < 4 || s[3] != '-' {
			return s
		}
	}
}

// expect reads one reply for each of the prefixes.
func (c *client) expect(prefixes ...string) {
	c.t.Helper()
	for _, p := range prefixes {
		if s := c.reply(); !strings.HasPrefix(s, p) {
			c.t.Fatalf("reply %q, want %q", s, p)
		}
	}
}

// hello takes the greeting and introduces the client.
func (c *client) hello(smtp bool) {
	c.t.Helper()
	c.expect("220 ")
	c.greet(smtp)
}

func (c *client) greet(smtp bool) {
	c.t.Helper()
	if smtp {
		c.send("EHLO client.example\r\n")
	} else {
		c.send("LHLO client.example\r\n")
	}
	c.expect("250 ")
}

func (c *client) startTLS(cfg *tls.Config) {
	c.t.Helper()
	conn := tls.Client(c.conn, cfg)
	conn.SetDeadline(time.Now().Add(patience))
	if err := conn.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	conn.SetDeadline(time.Time{})
	c.conn = conn
	c.in.Reset(conn)
}

// open makes a session that is past its greeting, over TLS if wanted.
func open(t testing.TB, addr string, smtp bool, tlsConfig *tls.Config) *client {
	t.Helper()
	c := dial(t, addr)
	c.hello(smtp)
	if tlsConfig != nil {
		c.send("STARTTLS\r\n")
		c.expect("220 2.0.0")
		c.startTLS(tlsConfig)
		c.greet(smtp)
	}
	return c
}

// testTLS makes a self-signed certificate and the two sides' configurations.
func testTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"sink.example"},
		Subject:   pkix.Name{CommonName: "sink.example", Organization: []string{"Example, Inc."}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &tls.Config{RootCAs: pool, ServerName: "sink.example"}
}

// waitFor polls until ok.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
