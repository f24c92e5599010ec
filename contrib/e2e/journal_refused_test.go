package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestJournalRefusals: who may not deliver gets the right reply, the log says what
// to change, nothing is archived, and good traffic beside it is not disturbed.
func TestJournalRefusals(t *testing.T) {
	d := startJournals(t)
	stop, sent := make(chan struct{}), 0
	var good sync.WaitGroup
	good.Go(func() { sent = d.sendUntil(t, stop) })
	for _, c := range []struct {
		name  string
		try   func() (reply, error)
		reply string // how it begins
		log   string // what the log has to say, in parts with * between
	}{
		{"wrong password", func() (reply, error) { return d.tryLogin("PLAIN", plainResponse("guess")) }, "535 5.7.8", `msg="authentication failed"*known_user=true user=exchange`},
		{"unknown user", func() (reply, error) {
			return d.tryLogin("PLAIN", base64.StdEncoding.EncodeToString([]byte("\x00nobody\x00guess")))
		}, "535 5.7.8", `msg="authentication failed"*known_user=false`},
		{"wrong network", func() (reply, error) { return d.tryRecipient(true, journalPassword, "elsewhere-k2x7@journal.example") }, "550 5.7.1",
			`msg="not taken"*reason="the client is not in allow_from of journal \"elsewhere\""`},
		{"unknown recipient", func() (reply, error) { return d.tryRecipient(true, journalPassword, "bob@acme.example") }, "550 5.1.1",
			`recipient=bob@acme.example*no journal of this listener has this address: correct it at the sending server`},
		{"no TLS", func() (reply, error) { return d.tryRecipient(false, "", journalAddress) }, "530 5.7.0",
			`journal \"exchange\" has tls = \"required\": have the sending server use TLS`},
		{"no login", func() (reply, error) { return d.tryRecipient(true, "", journalAddress) }, "530 5.7.0",
			`journal \"exchange\" has auth: have the sending server log in as \"exchange\"`},
		{"login without TLS", d.tryClearLogin, "5", ""},
		{"oversized, announced", d.tryAnnounced, "552 5.3.4", ""},
		{"oversized, not announced", d.tryOversized, "552 5.3.4", "msg=refused*larger"},
	} {
		from := len(d.proc.output())
		r, err := c.try()
		if err != nil || !strings.HasPrefix(r.String(), c.reply) {
			t.Errorf("%s: reply %v, error %v, want %s", c.name, r, err, c.reply)
		}
		eventually(t, 10*time.Second, func() error {
			text := d.proc.output()[from:]
			for _, part := range strings.Split(c.log, "*") {
				if !strings.Contains(text, part) {
					return fmt.Errorf("%s: %q is not in the log:\n%s", c.name, part, text)
				}
			}
			return nil
		})
	}
	close(stop)
	good.Wait()
	entries := d.list(t)
	for _, e := range entries {
		if !strings.HasPrefix(e.EnvelopeSender, "good") {
			t.Errorf("entry %s of %q was archived", e.ID, e.EnvelopeSender)
		}
	}
	if sent == 0 || len(entries) != sent {
		t.Errorf("%d good messages were sent, %d are in the archive", sent, len(entries))
	}
}

// sendUntil delivers good messages, one after the other, and counts them.
func (d *journals) sendUntil(t *testing.T, stop <-chan struct{}) (sent int) {
	c, err := d.open(journalPassword)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.close()
	for {
		env := envelope{fmt.Sprintf("good%d@client.example", sent), []string{journalAddress}}
		if r, err := c.deliver(env, []byte(head(fmt.Sprint("good ", sent))+"\r\nbody\r\n")); err != nil || r.code != 250 {
			t.Errorf("good message %d: reply %v, error %v", sent, r, err)
			return sent
		}
		sent++
		select {
		case <-stop:
			return sent
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *journals) tryLogin(mechanism, response string) (reply, error) {
	c, err := d.open("")
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	return c.cmd("AUTH %s %s", mechanism, response)
}

func (d *journals) tryClearLogin() (reply, error) {
	c, err := openDialogue("tcp", d.addr(), false)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	if c.has("AUTH") {
		return reply{}, fmt.Errorf("AUTH is offered without TLS: %s", c.caps)
	}
	return c.cmd("AUTH PLAIN %s", plainResponse(journalPassword))
}

func (d *journals) tryRecipient(encrypted bool, password, to string) (reply, error) {
	open := func() (*dialogue, error) { return openDialogue("tcp", d.addr(), false) }
	if encrypted {
		open = func() (*dialogue, error) { return d.open(password) }
	}
	c, err := open()
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	if _, err := c.must(250, "MAIL FROM:<bad@client.example>"); err != nil {
		return reply{}, err
	}
	r, err := c.cmd("RCPT TO:<%s>", to)
	if err != nil {
		return r, err
	}
	if data, err := c.cmd("DATA"); err != nil || data.ok() || data.code == 354 {
		return r, fmt.Errorf("DATA without a recipient: %v, %v", data, err)
	}
	return r, nil
}

func (d *journals) tryAnnounced() (reply, error) {
	c, err := d.open(journalPassword)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	return c.cmd("MAIL FROM:<bad@client.example> SIZE=%d", 200<<20+1)
}

func (d *journals) tryOversized() (reply, error) {
	c, err := d.open(journalPassword)
	if err != nil {
		return reply{}, err
	}
	defer c.close()
	return c.deliver(envelope{"bad@client.example", []string{journalAddress}}, []byte(head("oversized")+"\r\n"+text(200<<20)))
}
