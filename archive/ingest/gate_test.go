package ingest

import (
	"context"
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"daybook/archive"
	"daybook/lmtp"
)

// gatePolicy has one journal of each kind at a listener with TLS.
func gatePolicy(t *testing.T) string {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("sesame\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return `smtp "in" {
		listen   = "tcp:127.0.0.1:0"
		tls_cert = "in.crt"
		tls_key  = "in.key"
	}
	journal "network" {
		address    = "network@x"
		allow_from = ["192.0.2.0/24", "2001:db8::/32"]
	}
	journal "encrypted" {
		address    = "encrypted@x"
		tls        = "required"
		allow_from = ["192.0.2.0/24"]
	}
	journal "login" {
		address = "login@x"
		allow_from = ["192.0.2.0/24"]
		auth {
			user          = "exchange"
			password_file = "` + password + `"
		}
	}
	journal "suspended" {
		address    = "suspended@x"
		suspended  = true
		allow_from = ["192.0.2.0/24"]
	}`
}

func TestGate(t *testing.T) {
	h := newHouse(t, archive.Options{}, gatePolicy(t))
	g := h.ingest.Gate("in")
	encrypted := &tls.ConnectionState{}
	for _, c := range []struct {
		name, client, user string
		tls                *tls.ConnectionState
		recipient, want    string
	}{
		{"allowed", "192.0.2.1:25", "", nil, "Network@X", ""},
		{"allowed over IPv6", "[2001:db8::1]:25", "", nil, "network@x", ""},
		{"wrong network", "198.51.100.1:25", "", nil, "network@x", "550 5.7.1"},
		{"unknown recipient", "192.0.2.1:25", "", nil, "nobody@x", "550 5.1.1"},
		{"no TLS", "192.0.2.1:25", "", nil, "encrypted@x", "530 5.7.0"},
		{"TLS", "192.0.2.1:25", "", encrypted, "encrypted@x", ""},
		{"TLS from the wrong network", "198.51.100.1:25", "", encrypted, "encrypted@x", "550 5.7.1"},
		{"no login", "192.0.2.1:25", "", encrypted, "login@x", "530 5.7.0"},
		{"another's login", "192.0.2.1:25", "google", encrypted, "login@x", "550 5.7.1"},
		{"login", "192.0.2.1:25", "exchange", encrypted, "login@x", ""},
		{"suspended", "192.0.2.1:25", "", nil, "suspended@x", "451 4.3.2"},
	} {
		p := lmtp.Peer{Addr: netip.MustParseAddrPort(c.client), TLS: c.tls, AuthUser: c.user}
		got := ""
		if r := g.Rcpt(context.Background(), p, nil, lmtp.Path{Address: c.recipient}); r != nil {
			got = reply{r.Code, r.Enhanced, ""}.String()
		}
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if r := g.Connect(context.Background(), lmtp.Peer{Addr: netip.MustParseAddrPort("198.51.100.1:25")}); r == nil || r.Code != 554 {
		t.Errorf("a client that no journal allows is greeted: %v", r)
	}
	if r := g.Connect(context.Background(), lmtp.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:25")}); r != nil {
		t.Errorf("a client that a journal allows is not greeted: %v", r)
	}
	log := h.log.String()
	for _, want := range []string{`allow_from of journal \"network\"`, `tls = \"required\"`, `log in as \"exchange\"`, "correct it at the sending server"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

// The policy may change between RCPT and the end of the message: what is not allowed
// any more is not archived, and not lost if that is a mistake.
func TestDeliverAsksAgain(t *testing.T) {
	h := newHouse(t, archive.Options{}, gatePolicy(t))
	e := lmtpTransaction("network@x", "encrypted@x", "login@x")
	e.Client, e.TLSVersion, e.AuthUser = "198.51.100.1:25", "", ""
	for n, r := range h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader("x")) {
		if r.Code != 451 {
			t.Errorf("recipient %d: %v", n, r)
		}
	}
	if n := len(h.entries(t)); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func TestCredentials(t *testing.T) {
	h := newHouse(t, archive.Options{}, gatePolicy(t))
	look := h.ingest.Credentials("in")
	want, err := lmtp.ParseCredential("sesame")
	if err != nil {
		t.Fatal(err)
	}
	if c, known, err := look("exchange"); !known || err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("the user of a journal: %v, %v", known, err)
	}
	if _, known, err := look("nobody"); known || err != nil {
		t.Errorf("nobody's user: %v, %v", known, err)
	}
	path := h.ingest.Policy().Journal("login").Auth.PasswordFile
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := look("exchange"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a password file that is gone: %v", err)
	}
}

// Peers that are refused all the time do not fill the log.
func TestLineLimit(t *testing.T) {
	var l lineLimit
	now := time.Unix(0, 0)
	lines := 0
	for range 10 * linesPerMinute {
		if _, ok := l.next(now); ok {
			lines++
		}
	}
	if more, ok := l.next(now.Add(time.Minute)); lines != linesPerMinute || !ok || more != 9*linesPerMinute {
		t.Errorf("%d lines, then %d left out", lines, more)
	}
}

// A link-local peer has a zone, which no network in a policy has.
func TestGateAndDeliverAgree(t *testing.T) {
	h := newHouse(t, archive.Options{}, strings.ReplaceAll(gatePolicy(t), `"2001:db8::/32"`, `"fe80::/10"`))
	for _, client := range []string{"[fe80::1%eth0]:25", "[::ffff:192.0.2.1]:25", "192.0.2.1:25"} {
		addr := netip.MustParseAddrPort(client)
		peer := lmtp.Peer{Addr: netip.AddrPortFrom(plainAddr(addr.Addr()), addr.Port())}
		if r := h.ingest.Gate("in").Rcpt(context.Background(), peer, nil, lmtp.Path{Address: "network@x"}); r != nil {
			t.Errorf("%s: refused at RCPT: %v", client, r)
		}
		e := lmtpTransaction("network@x")
		e.Client = client
		if r := h.ingest.Listener("in", "").Deliver(context.Background(), e, strings.NewReader("x"))[0]; r.Code != 250 {
			t.Errorf("%s: refused in the end: %v", client, r)
		}
	}
}
