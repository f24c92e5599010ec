package e2e

import (
	"errors"
	"fmt"
	"testing"
)

// TestSendmailSession sends several messages on one connection, with
// transactions given up in between: Sendmail tells its filters nothing at the
// end of a message, so that they have to keep messages apart themselves.
func TestSendmailSession(t *testing.T) {
	needSendmail(t)
	d := startDaybook(t, "unix", "off")
	s := startSendmail(t, d)
	var wants []want
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := openDialogue("tcp", s.addr(host), false)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if err := c.begin(envelope{"given-up@example.org", []string{"nobody@example.net"}}, " SIZE=100"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.must(250, "RSET"); err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("session from %s, message %d", host, i)
			env := envelope{fmt.Sprintf("s%d@example.org", i), []string{fmt.Sprintf("r%d.%d@example.net", len(host), i), "second@example.net"}[:1+i%2]}
			msg := []byte(head(name) + "\r\n" + name + "\r\n")
			r, err := c.deliver(env, msg)
			id, ok := sendmailQueuedAs(r)
			if err != nil || !ok {
				t.Fatalf("message %q: %v, %v", name, r, err)
			}
			wants = append(wants, want{name: name, env: env, data: msg, queueID: id, client: host})
		}
		c.close()
	}
	checkArchive(t, d, wants)
}

// TestSendmailOutage stops the daemon: because of F=T senders are told to come
// back later, and mail passes again when the daemon is back.
func TestSendmailOutage(t *testing.T) {
	needSendmail(t)
	d := startDaybook(t, "tcp", "off")
	s := startSendmail(t, d)
	env, msg := envelopeFor(1), []byte(head("outage")+"\r\nbody\r\n")
	send := func() (reply, error) {
		c, err := openDialogue("tcp", s.addr("127.0.0.1"), false)
		if err != nil {
			return reply{}, err
		}
		defer c.close()
		r, err := c.deliver(env, msg)
		var no *refusal
		if errors.As(err, &no) {
			return no.reply, nil
		}
		return r, err
	}
	d.stop(t)
	if r, err := send(); err != nil || r.code/100 != 4 {
		t.Errorf("a message without daemon: reply %v, error %v, want 4xx", r, err)
	}
	d.start(t)
	r, err := send()
	id, ok := sendmailQueuedAs(r)
	if err != nil || !ok {
		t.Fatalf("a message after the daemon is back: %v, %v", r, err)
	}
	checkArchive(t, d, []want{{name: "after the outage", env: env, data: msg, queueID: id, client: "127.0.0.1"}})
}
