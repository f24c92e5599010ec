package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who may deliver to the journal "exchange".
const (
	journalAddress  = "exchange-k2x7@journal.example"
	journalUser     = "exchange"
	journalPassword = "a pass=word, 100%"
)

// journalPolicy has the ways in that the tests of journal deliveries need. PORT is
// that of STARTTLS, and TLSPORT that of TLS at once.
const journalPolicy = `
tenant "acme" { domains = ["acme.example"] }
smtp "starttls" {
  listen      = "tcp:127.0.0.1:PORT"
  tls_cert    = "tls.crt"
  tls_key     = "tls.key"
  max_message = "200MiB"
}
smtp "tls" {
  listen         = "tcp:127.0.0.1:TLSPORT"
  tls_cert       = "tls.crt"
  tls_key        = "tls.key"
  tls_on_connect = true
  max_message    = "1MiB"
}
milter "milter" { listen = "tcp:127.0.0.1:0" }
journal "exchange" {
  address = "exchange-k2x7@journal.example"
  via     = ["smtp"]
  tls     = "required"
  auth {
    user          = "exchange"
    password_file = "exchange.password"
  }
}
journal "plain" {
  address = "plain-k2x7@journal.example"
  via     = ["smtp"]
  format  = "plain"
}
journal "elsewhere" {
  address    = "elsewhere-k2x7@journal.example"
  via        = ["smtp"]
  allow_from = ["192.0.2.0/24"]
}
`

// journals is a daemon with journals, behind SMTP listeners.
type journals struct {
	*daybook
	starttls, tls string // ports on 127.0.0.1
}

// startJournals runs a daemon with journalPolicy.
func startJournals(t testing.TB) *journals {
	t.Helper()
	d := &journals{daybook: newDaybook(t, "tcp", "off"), starttls: freePort(t), tls: freePort(t)}
	dir := workDir(t)
	makeCertificate(t, dir)
	writeFile(t, filepath.Join(dir, "exchange.password"), journalPassword+"\n", 0o600)
	text := strings.NewReplacer("TLSPORT", d.tls, "PORT", d.starttls).Replace(journalPolicy)
	d.config = filepath.Join(dir, "policy.hcl")
	writeFile(t, d.config, text, 0o600)
	d.start(t)
	return d
}

// makeCertificate makes tls.crt and tls.key, a certificate of its own authority.
func makeCertificate(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "daybook e2e"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) {
		writeFile(t, filepath.Join(dir, name), string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})), 0o600)
	}
	write("tls.crt", "CERTIFICATE", certificate)
	write("tls.key", "PRIVATE KEY", private)
}

func (d *journals) addr() string    { return "127.0.0.1:" + d.starttls }
func (d *journals) tlsAddr() string { return "127.0.0.1:" + d.tls }

// open begins a session with STARTTLS; with a password also a login.
func (d *journals) open(password string) (*dialogue, error) {
	c, err := openDialogue("tcp", d.addr(), false)
	if err != nil {
		return nil, err
	}
	if err := c.startTLS(); err != nil {
		c.conn.Close()
		return nil, err
	}
	if password == "" {
		return c, nil
	}
	if _, err := c.must(235, "AUTH PLAIN %s", plainResponse(password)); err != nil {
		c.conn.Close()
		return nil, err
	}
	return c, nil
}

// mustOpen is open for a step that a test cannot do without.
func (d *journals) mustOpen(t testing.TB) *dialogue {
	t.Helper()
	c, err := d.open(journalPassword)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func plainResponse(password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + journalUser + "\x00" + password))
}

// startTLS encrypts the session and greets again.
func (d *dialogue) startTLS() error {
	if _, err := d.must(220, "STARTTLS"); err != nil {
		return err
	}
	conn := tls.Client(d.conn, &tls.Config{InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		return err
	}
	d.conn, d.r = conn, bufio.NewReaderSize(conn, 64<<10)
	caps, err := d.must(250, "EHLO client.example.org")
	d.caps = caps
	return err
}

// TestJournalClients delivers with swaks and curl, as an administrator would try
// the listener: with STARTTLS and TLS at once, and each kind of login.
func TestJournalClients(t *testing.T) {
	needPeer(t, "swaks", "/usr/bin/swaks")
	needPeer(t, "curl", "/usr/bin/curl")
	d := startJournals(t)
	var wants []want
	add := func(name string, send func(from, msg string)) {
		env := envelope{fmt.Sprintf("m%d@client.example", len(wants)), []string{journalAddress}}
		msg := head(name) + "\r\n.one\r\n..two\r\n"
		send(env.from, msg)
		wants = append(wants, want{name: name, env: env, data: []byte(msg), client: "127.0.0.1"})
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		for _, way := range [][]string{{"--tls", "--port", d.starttls}, {"--tls-on-connect", "--port", d.tls}} {
			add("swaks "+mechanism+way[0], func(from, msg string) {
				file := filepath.Join(workDir(t), "message")
				writeFile(t, file, strings.TrimSuffix(strings.ReplaceAll(msg, "\r\n", "\n"), "\n"), 0o644)
				mustRun(t, append([]string{"/usr/bin/swaks", "--server", "127.0.0.1", "--silent", "2", "--helo", "client.example.org",
					"--from", from, "--to", journalAddress, "--data", "@" + file,
					"--auth", mechanism, "--auth-user", journalUser, "--auth-password", journalPassword}, way...)...)
			})
		}
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		for _, url := range []string{"smtp://" + d.addr(), "smtps://" + d.tlsAddr()} {
			add("curl "+mechanism+" "+url, func(from, msg string) {
				file := filepath.Join(workDir(t), "message")
				writeFile(t, file, msg, 0o644)
				mustRun(t, "/usr/bin/curl", "--silent", "--show-error", "--max-time", "30", "--url", url+"/client.example.org",
					"--ssl-reqd", "--cacert", filepath.Join(filepath.Dir(d.config), "tls.crt"),
					"--user", journalUser+":"+journalPassword, "--login-options", "AUTH="+mechanism,
					"--mail-from", from, "--mail-rcpt", journalAddress, "--upload-file", file)
			})
		}
	}
	checkJournal(t, d.daybook, wants)
	for _, e := range d.list(t) {
		if e.User != journalUser || !strings.HasPrefix(e.TLS, "TLS 1.") || e.Source != "exchange" || e.Tenant != "acme" {
			t.Errorf("entry %s: user %q, TLS %q, source %q, tenant %q", e.ID, e.User, e.TLS, e.Source, e.Tenant)
		}
	}
}

// checkJournal compares the archive with what was delivered to journals, each by a
// sender of its own.
func checkJournal(t *testing.T, d *daybook, wants []want) {
	t.Helper()
	entries := d.list(t)
	archived := d.getAll(t, entries)
	byID := make(map[string]entry)
	for _, e := range entries {
		byID[e.EnvelopeSender] = e
	}
	var found []string
	for _, w := range wants {
		e, ok := byID[w.env.from]
		if !ok {
			found = append(found, fmt.Sprintf("message %q is not in the archive", w.name))
			continue
		}
		e.Sender, e.Recipients = e.EnvelopeSender, e.EnvelopeRecipients
		found = append(found, compareEntry(e, w)...)
		found = append(found, compareBytes(w.name, archived[e.ID], w.data)...)
	}
	report(t, found)
	if len(entries) != len(wants) {
		t.Errorf("the archive has %d entries, want %d", len(entries), len(wants))
	}
	d.verify(t)
}

// TestJournalPostfix has Postfix send a copy of all mail to a journal address, over
// TLS and with a login, as main.cf says.
func TestJournalPostfix(t *testing.T) {
	needPostfix(t)
	d := startJournals(t)
	s := startSink(t)
	nexthop := "[127.0.0.1]:" + d.starttls
	p := startPostfix(t, postfixConfig{mainCF: hold +
		"always_bcc = plain-k2x7@journal.example\n" +
		"transport_maps = inline:{ { journal.example = journalout:" + nexthop + " } }\n" +
		"default_transport = smtp:" + inetBrackets(s.addr)[len("inet:"):] + "\n",
		masterCF: "tlsmgr unix - - n 1000? 1 tlsmgr\n" +
			"journalout unix - - n - - smtp\n" +
			"  -o smtp_tls_security_level=encrypt\n" +
			"  -o smtp_sasl_auth_enable=yes\n" +
			"  -o smtp_sasl_security_options=noanonymous\n" +
			"  -o smtp_line_length_limit=0\n" +
			"  -o { smtp_sasl_password_maps = inline:{ { " + nexthop + " = " + journalUser + ":" + journalPassword + " } } }\n"})
	sent := p.sender().sendAll(t, allMessages(t))
	wants := queuedWants(t, p, sent)
	p.release(t)
	eventually(t, 2*stopTimeout, func() error {
		if n := len(d.list(t)); n < len(wants) {
			return fmt.Errorf("%d of %d copies have come", n, len(wants))
		}
		return nil
	})
	for i := range wants {
		wants[i].env.to = []string{"plain-k2x7@journal.example"}
		wants[i].queueID, wants[i].client = "", ""
	}
	entries := d.list(t)
	archived := d.getAll(t, entries)
	by := byPostfixReceived()
	byID := make(map[string]entry)
	for _, e := range entries {
		byID[by.entry(e, archived[e.ID])] = e
		if !strings.HasPrefix(e.TLS, "TLS 1.") || e.User != journalUser {
			t.Errorf("entry %s: TLS %q, user %q", e.ID, e.TLS, e.User)
		}
	}
	var found []string
	for _, w := range wants {
		e := byID[by.want(w)]
		e.Sender, e.Recipients = e.EnvelopeSender, e.EnvelopeRecipients
		found = append(found, compareEntry(e, w)...)
		found = append(found, compareBytes(w.name, archived[e.ID], w.data)...)
	}
	report(t, found)
	if len(entries) != len(wants) {
		t.Errorf("the archive has %d entries, want %d", len(entries), len(wants))
	}
	d.verify(t)
}

// TestJournalOddMessages delivers every odd message over TLS: what the listener takes
// it keeps byte for byte.
func TestJournalOddMessages(t *testing.T) {
	d := startJournals(t)
	var wants []want
	var c *dialogue
	for i, m := range allMessages(t) {
		if c == nil {
			var err error
			if c, err = d.open(journalPassword); err != nil {
				t.Fatal(err)
			}
		}
		env := envelope{fmt.Sprintf("m%d@client.example", i), []string{[]string{journalAddress, "plain-k2x7@journal.example"}[i%2]}}
		r, err := c.deliver(env, m.data)
		if err != nil || !r.ok() {
			t.Errorf("message %q: reply %v, error %v", m.name, r, err)
		} else {
			wants = append(wants, want{name: m.name, env: env, data: wireForm(m.data), client: "127.0.0.1"})
		}
		if i%50 == 49 || err != nil {
			c.close()
			c = nil
		}
	}
	if c != nil {
		c.close()
	}
	checkJournal(t, d.daybook, wants)
}
