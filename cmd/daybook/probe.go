package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"time"

	"daybook/policy"
)

// probe is the side of the sending server in one delivery, by SMTP or LMTP.
type probe struct {
	lmtp       bool
	conn       net.Conn
	text       *textproto.Conn
	extensions map[string]string // that the listener offers, with what stands behind
	encrypted  *tls.ConnectionState
}

// refusal is a reply that says no.
type refusal struct {
	command string
	code    int
	text    string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.code, r.text) }

// dialProbe connects. The deadline of ctx is that of everything the probe does.
func dialProbe(ctx context.Context, l *listenerWay, at policy.Addr) (p *probe, err error) {
	p = &probe{lmtp: l.Kind == policy.KindLMTP}
	if at.Network == "unix" {
		p.conn, err = dialUnix(ctx, at.Address)
	} else {
		var d net.Dialer
		p.conn, err = d.DialContext(ctx, "tcp", at.Address)
	}
	if err != nil {
		return nil, listenReasonOf(err)
	}
	if end, ok := ctx.Deadline(); ok {
		err = p.conn.SetDeadline(end)
	}
	if err == nil && isBalancer(l.Proxies, p.conn.LocalAddr()) {
		_, err = p.conn.Write([]byte("PROXY UNKNOWN\r\n")) // a connection of the balancer's own
	}
	p.text = textproto.NewConn(p.conn)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// listenReasonOf leaves out of a dialer's error what is said anyway.
func listenReasonOf(err error) error {
	if reason, ok := errors.AsType[*net.OpError](err); ok {
		return listenReason(reason.Err)
	}
	return listenReason(err)
}

// isBalancer tells whether a listener takes a connection from here for one of its
// balancers.
func isBalancer(proxies []netip.Prefix, local net.Addr) bool {
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return false // a Unix socket
	}
	for _, n := range proxies {
		if n.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func (p *probe) close() error { return p.text.Close() }

// cmd sends a command, unless it is empty, and reads its reply, whose code must begin
// with the digit class. Errors call the command by shown, which tells no password.
func (p *probe) cmd(shown string, class int, command string) (string, error) {
	if command != "" {
		if err := p.text.PrintfLine("%s", command); err != nil {
			return "", err
		}
	}
	code, text, err := p.text.ReadResponse(0)
	if err != nil {
		return "", err
	}
	text = strings.ReplaceAll(text, "\n", " / ")
	if code/100 != class {
		return "", &refusal{command: shown, code: code, text: text}
	}
	return fmt.Sprintf("%d %s", code, text), nil
}

// greet reads the greeting.
func (p *probe) greet() (string, error) { return p.cmd("greeting", 2, "") }

// hello says who calls, and reads what the listener offers.
func (p *probe) hello() error {
	verb := "EHLO"
	if p.lmtp {
		verb = "LHLO"
	}
	reply, err := p.cmd(verb, 2, verb+" daybook-journal-test.invalid")
	if err != nil {
		return err
	}
	p.extensions = make(map[string]string)
	for _, line := range strings.Split(reply, " / ")[1:] {
		name, parameters, _ := strings.Cut(line, " ")
		p.extensions[strings.ToUpper(name)] = parameters
	}
	return nil
}

func (p *probe) offers(extension string) bool {
	_, ok := p.extensions[extension]
	return ok
}

// startTLS encrypts a connection after STARTTLS.
func (p *probe) startTLS(ctx context.Context) error {
	if _, err := p.cmd("STARTTLS", 2, "STARTTLS"); err != nil {
		return err
	}
	return p.encrypt(ctx)
}

// encrypt makes the TLS handshake. As most senders of journals do, it takes any
// certificate; what there is to say of it is said by describeTLS.
func (p *probe) encrypt(ctx context.Context) error {
	conn := tls.Client(p.conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	state := conn.ConnectionState()
	p.encrypted, p.conn, p.text = &state, conn, textproto.NewConn(conn)
	return nil
}

// describeTLS says how a connection is encrypted, and what a sender that looks at
// the certificate would find.
func describeTLS(state *tls.ConnectionState, hostname string, now time.Time) string {
	leaf := state.PeerCertificates[0]
	names := leaf.DNSNames
	if len(names) == 0 {
		names = []string{leaf.Subject.String()}
	}
	text := fmt.Sprintf("%s, %s, certificate of %s until %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite),
		strings.Join(names, ", "), leaf.NotAfter.UTC().Format("2006-01-02"))
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Intermediates: between, DNSName: hostname, CurrentTime: now})
	if err != nil {
		text += fmt.Sprintf("; a sender that looks at it refuses it: %v", err)
	}
	return text
}

// login proves who the probe is, with AUTH PLAIN (RFC 4616).
func (p *probe) login(user, password string) error {
	response := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	_, err := p.cmd("AUTH", 2, "AUTH PLAIN "+response)
	return err
}

// envelope names sender and recipient.
func (p *probe) envelope(sender, recipient string) error {
	if _, err := p.cmd("MAIL", 2, "MAIL FROM:<"+sender+">"); err != nil {
		return err
	}
	_, err := p.cmd("RCPT", 2, "RCPT TO:<"+recipient+">")
	return err
}

// data sends a message of CRLF lines, none of which begins with a dot, and gives the
// reply.
func (p *probe) data(text string) (string, error) {
	if _, err := p.cmd("DATA", 3, "DATA"); err != nil {
		return "", err
	}
	return p.cmd("end of data", 2, text+".")
}

// quit ends a session; its reply no longer matters.
func (p *probe) quit() { _ = p.text.PrintfLine("QUIT") }
