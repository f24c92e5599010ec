package lmtp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestCertificateIsReplaced changes the certificate between two connections.
func TestCertificateIsReplaced(t *testing.T) {
	firstServer, firstClient := testTLS(t)
	secondServer, secondClient := testTLS(t)
	for _, implicit := range []bool{false, true} {
		for _, asked := range []string{"GetCertificate", "GetConfigForClient"} {
			var current atomic.Pointer[tls.Config]
			current.Store(firstServer)
			cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return &current.Load().Certificates[0], nil
			}}
			if asked == "GetConfigForClient" {
				cfg = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.Load(), nil }}
			}
			_, addr := serve(t, Config{Handler: new(recorder), TLS: cfg, ImplicitTLS: implicit}, nil)
			for _, client := range []*tls.Config{firstClient, secondClient} {
				if implicit {
					c := dial(t, addr)
					c.startTLS(client) // which knows only one certificate
					c.hello(false)
				} else {
					open(t, addr, false, client)
				}
				current.Store(secondServer)
			}
		}
	}
}

func TestImplicitTLSNeedsACertificate(t *testing.T) {
	srv := NewServer(Config{ImplicitTLS: true})
	if err := srv.Serve(mustListen(t, "tcp", "127.0.0.1:0")); err == nil || !strings.Contains(err.Error(), "ImplicitTLS needs Config.TLS") {
		t.Errorf("Serve: %v", err)
	}
}

// TestClientCertificates has one that is required and missing, one that is not from the CA, and one that nobody verifies.
func TestClientCertificates(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	other, _ := testTLS(t)
	for _, test := range []struct {
		name   string
		auth   tls.ClientAuthType
		client []tls.Certificate
		want   string // the reply to NOOP, or that there is none
	}{
		{"missing", tls.RequireAndVerifyClientCert, nil, "[closed]"},
		{"of another CA", tls.VerifyClientCertIfGiven, other.Certificates, "[closed]"},
		{"not verified", tls.RequireAnyClientCert, other.Certificates, "220"},
		{"verified", tls.RequireAndVerifyClientCert, serverTLS.Certificates, "220"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, client := serverTLS.Clone(), clientTLS.Clone()
			server.ClientAuth, server.ClientCAs, client.Certificates = test.auth, clientTLS.RootCAs, test.client
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(test.client) == 0 {
					return new(tls.Certificate), nil
				}
				return &test.client[0], nil
			}
			g := newDoorman("")
			_, addr := serve(t, Config{Handler: new(recorder), TLS: server, ImplicitTLS: true, Gate: g}, nil)
			c := dial(t, addr)
			c.startTLS(client)
			if got := c.line(); !strings.HasPrefix(got, test.want) {
				t.Fatalf("%q, want %q", got, test.want)
			}
			if test.want == "220" && (g.peers[0].Certificate != nil) != (test.name == "verified") {
				t.Errorf("certificate %v", g.peers[0].Certificate)
			}
		})
	}
}

// TestShutdownBeforeTheGreeting ends connections that have said nothing yet.
func TestShutdownBeforeTheGreeting(t *testing.T) {
	serverTLS, _ := testTLS(t)
	for _, cfg := range []Config{
		{Handler: new(recorder), TLS: serverTLS, ImplicitTLS: true},
		{Handler: new(recorder), Proxies: loopback()},
	} {
		srv, addr := serve(t, cfg, nil)
		c := dial(t, addr)
		waitFor(t, "the session", func() bool { return srv.Connections() == 1 })
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
		c.expect("[closed]")
	}
}

// TestPlaintextOnTheTLSPort is not answered in the clear.
func TestPlaintextOnTheTLSPort(t *testing.T) {
	serverTLS, _ := testTLS(t)
	srv, addr := serve(t, Config{Handler: new(recorder), TLS: serverTLS, ImplicitTLS: true, SMTP: true}, nil)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "EHLO x\r\n"+evil)
	conn.SetReadDeadline(time.Now().Add(patience))
	if got, _ := io.ReadAll(conn); strings.Contains(string(got), "220") || strings.Contains(string(got), "250") {
		t.Errorf("answered %q", got)
	}
	waitFor(t, "the session to end", func() bool { return srv.Connections() == 0 })
}

// TestLargeMessage sends 160 MiB, or 8 with -short, in every way there is, and compares the digests.
func TestLargeMessage(t *testing.T) {
	size := 160 << 20
	if testing.Short() {
		size = 8 << 20
	}
	serverTLS, clientTLS := testTLS(t)
	digests := make(chan string, 1)
	_, addr := serve(t, Config{TLS: serverTLS, SMTP: true, Handler: handlerFunc(func(_ context.Context, _ *Envelope, body io.Reader) []Reply {
		sum := sha256.New()
		n, err := io.Copy(sum, body)
		digests <- fmt.Sprintf("%d %x %v", n, sum.Sum(nil), err)
		return []Reply{{250, "2.0.0", "kept"}}
	})}, nil)
	line := strings.Repeat("0123456789", 7) + "abcdef\r\n"
	block := strings.Repeat(line, 16<<10)
	size -= size % len(block)
	sum := sha256.New()
	for range size / len(block) {
		io.WriteString(sum, block)
	}
	want := fmt.Sprintf("%d %x <nil>", size, sum.Sum(nil))
	for _, cfg := range []*tls.Config{nil, clientTLS} {
		for _, way := range []string{"DATA\r\n", fmt.Sprintf("BDAT %d LAST\r\n", size)} {
			c := open(t, addr, true, cfg)
			c.send(fmt.Sprintf("MAIL FROM:<a@example.org> SIZE=%d\r\nRCPT TO:<b@example.net>\r\n", size) + way)
			for range size / len(block) {
				c.send(block)
			}
			c.expect("250", "250")
			if way == "DATA\r\n" {
				c.expect("354")
				c.send(".\r\n")
			}
			c.expect("250 2.0.0 kept")
			if got := <-digests; got != want {
				t.Errorf("%s got %s, want %s", way, got, want)
			}
		}
	}
}
