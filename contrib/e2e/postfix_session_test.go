package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// TestPostfixSession sends several messages on one SMTP connection, with
// transactions given up, refused recipients and RSET in between. The archive
// must have each accepted message, under its accepted recipients only.
func TestPostfixSession(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "unix", "off")
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) { playSession(t, d, p, host) })
	}
}

// session is a dialogue whose every reply must be the right one.
type session struct {
	t     *testing.T
	c     *dialogue
	host  string // the client's address
	wants []want
}

// step sends a command.
func (s *session) step(code int, format string, args ...any) {
	s.t.Helper()
	if _, err := s.c.must(code, format, args...); err != nil {
		s.t.Fatal(err)
	}
}

// message sends DATA and a message, which must then be archived.
func (s *session) message(name string, from string, to ...string) {
	s.t.Helper()
	s.step(354, "DATA")
	msg := []byte(head(name) + "\r\nbody of " + name + "\r\n")
	if err := s.c.send(stuff(msg)); err != nil {
		s.t.Fatal(err)
	}
	r, err := s.c.read()
	id, ok := queuedAs(r)
	if err != nil || !ok {
		s.t.Fatalf("message %q: %v, %v", name, r, err)
	}
	s.wants = append(s.wants, want{name: name, env: envelope{from, to}, data: msg, queueID: id, client: s.host})
}

// playSession plays the dialogue and checks what it added to the archive.
func playSession(t *testing.T, d *daybook, p *postfix, host string) {
	before := len(d.list(t))
	c, err := openDialogue("tcp", net.JoinHostPort(host, p.port), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	s := &session{t: t, c: c, host: host}
	s.step(250, "MAIL FROM:<a@example.org> SIZE=200 BODY=8BITMIME RET=HDRS ENVID=QQ314159")
	s.step(250, "RCPT TO:<one@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Orig@example.net")
	s.step(554, "RCPT TO:<refused@example.net>")
	s.step(250, "RCPT TO:<two@example.net>")
	s.message("a refused recipient between", "a@example.org", "one@example.net", "two@example.net")

	s.step(250, "MAIL FROM:<given-up@example.org>")
	s.step(250, "RCPT TO:<nobody@example.net>")
	s.step(250, "RSET")
	s.step(250, "MAIL FROM:<b@example.org>")
	s.step(554, "RCPT TO:<refused@example.net>")
	s.step(554, "DATA")
	s.step(250, "RSET")
	s.step(250, "MAIL FROM:<>")
	s.step(250, "RCPT TO:<three@example.net>")
	s.message("the null reverse-path after RSET", "", "three@example.net")

	s.step(250, "NOOP")
	s.step(252, "VRFY <four@example.net>")
	s.step(250, "EHLO other.example.org")
	s.step(250, "MAIL FROM:<\"odd local\"@example.org>")
	s.step(250, "RCPT TO:<four@example.net>")
	s.message("after a second EHLO", "\"odd local\"@example.org", "four@example.net")
	for i := range 5 {
		to := fmt.Sprintf("in-a-row-%d@example.net", i)
		s.step(250, "MAIL FROM:<c@example.org>")
		s.step(250, "RCPT TO:<%s>", to)
		s.message(fmt.Sprintf("in a row %d", i), "c@example.org", to)
	}
	s.step(250, "MAIL FROM:<unfinished@example.org>")
	s.step(250, "RCPT TO:<nobody@example.net>")
	checkNewest(t, d, before, s.wants)
}

// checkNewest compares the entries after the first ones, in order.
func checkNewest(t *testing.T, d *daybook, before int, wants []want) {
	t.Helper()
	entries := d.list(t)[before:]
	if len(entries) != len(wants) {
		t.Fatalf("%d new entries, want %d: %+v", len(entries), len(wants), entries)
	}
	archived := d.getAll(t, entries)
	for i, e := range entries {
		report(t, compareEntry(e, wants[i]))
		report(t, compareBytes(wants[i].name, archived[e.ID], wants[i].data))
	}
}

// TestPostfixLocalMailAndBounces checks the mail that does not come by SMTP: what
// the sendmail command submits, and the bounces that Postfix makes itself, which
// it shows to milters only because of internal_mail_filter_classes.
func TestPostfixLocalMailAndBounces(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "tcp", "off")
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) +
		"default_transport = error:5.1.1 no such place\n" +
		"transport_maps = inline:{ { example.org = hold: } }\n"})
	submit := exec.Command("/usr/sbin/sendmail", "-C", p.dir, "-f", "local@example.org", "far@example.net")
	submit.Stdin = strings.NewReader("From: local@example.org\nTo: far@example.net\nSubject: by command\nMessage-ID: <command@example.org>\nDate: Mon, 02 Jan 2023 10:00:00 +0000\n\nbody\n")
	if out, err := submit.CombinedOutput(); err != nil {
		t.Fatalf("sendmail command: %v: %s", err, out)
	}
	var entries []entry
	eventually(t, stopTimeout, func() error {
		if entries = d.list(t); len(entries) < 2 {
			return fmt.Errorf("%d entries, want the mail and its bounce", len(entries))
		}
		return nil
	})
	archived := d.getAll(t, entries)
	mail, bounce := entries[0], entries[1]
	const text = "From: local@example.org\r\nTo: far@example.net\r\nSubject: by command\r\nMessage-ID: <command@example.org>\r\nDate: Mon, 02 Jan 2023 10:00:00 +0000\r\n\r\nbody\r\n"
	report(t, compareBytes("by command", archived[mail.ID], []byte(text)))
	if mail.Sender != "local@example.org" || strings.Join(mail.Recipients, " ") != "far@example.net" {
		t.Errorf("mail by command: sender %q, recipients %q", mail.Sender, mail.Recipients)
	}
	if bounce.Sender != "" || strings.Join(bounce.Recipients, " ") != "local@example.org" {
		t.Errorf("bounce: sender %q, recipients %q", bounce.Sender, bounce.Recipients)
	}
	if b := archived[bounce.ID]; !bytes.Contains(b, []byte("multipart/report")) || !bytes.Contains(b, []byte("no such place")) {
		t.Errorf("the archived bounce is %.500q", b)
	}
}
