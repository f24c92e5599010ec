package e2e

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestPostfixMilterOutage stops the daemon: Postfix must tell senders to come
// back later, and take mail again when the daemon is back.
func TestPostfixMilterOutage(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "tcp", "off")
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
	all := oddMessages()[:1]
	wants := queuedWants(t, p, p.sender().sendAll(t, all))
	open, err := openDialogue("tcp", p.addr(), false) // a session that is open while the daemon goes
	if err != nil {
		t.Fatal(err)
	}
	d.stop(t)
	for i, c := range []*dialogue{open, reconnect(t, p)} {
		r, err := c.deliver(envelopeFor(100+i), all[0].data)
		if no, ok := err.(*refusal); ok {
			r, err = no.reply, nil
		}
		if err != nil || r.code/100 != 4 {
			t.Errorf("a message without daemon: reply %v, error %v, want 4xx", r, err)
		}
		c.close()
	}
	d.start(t)
	c := reconnect(t, p)
	defer c.close()
	env := envelopeFor(1)
	r, err := c.deliver(env, all[0].data)
	id, ok := queuedAs(r)
	if err != nil || !ok {
		t.Fatalf("a message after the daemon is back: %v, %v", r, err)
	}
	data, err := p.queued(id)
	if err != nil {
		t.Fatal(err)
	}
	wants = append(wants, want{name: "after the outage", env: env, data: data, queueID: id})
	for i, w := range wants {
		wants[i].data = shownToMilter(t, w, w.queueID)
	}
	checkArchive(t, d, wants)
}

// TestPostfixLMTPOutage stops the daemon while Postfix has copies for it: they
// stay in Postfix's queue and arrive later. Nothing bounces.
func TestPostfixLMTPOutage(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "off", "tcp")
	conf := journalSnippets(t, d)
	conf.mainCF += "default_transport = discard\n"
	p := startPostfix(t, conf)
	d.stop(t)
	sent := p.sender().sendAll(t, oddMessages()[:50])
	var wants []want
	for _, w := range queuedWants(t, p, sent) {
		w.env.to, w.queueID = []string{"journal@daybook.invalid"}, ""
		wants = append(wants, w)
	}
	d.start(t)
	deadline := time.Now().Add(stopTimeout)
	for len(d.list(t)) < len(wants) && time.Now().Before(deadline) {
		p.flush(t)
		time.Sleep(200 * time.Millisecond)
	}
	p.waitForEmptyQueue(t)
	checkArchiveBy(t, d, byPostfixReceived(), wants)
}

// TestRestartUnderLoad stops, and kills, the daemon again and again while mail
// comes in by Postfix's milter and straight by LMTP. Every message that was
// accepted is in the archive. More may be: what the archive had when its
// answer was lost.
func TestRestartUnderLoad(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "unix", "tcp")
	p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
	l := &load{stop: make(chan struct{})}
	halt := sync.OnceFunc(func() { close(l.stop) })
	defer halt()
	for w := range 4 {
		l.wg.Go(func() { l.run(w, "tcp", p.addr(), false) })
		l.wg.Go(func() { l.run(10+w, "tcp", strings.TrimPrefix(d.lmtp, "tcp:"), true) })
	}
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for i := range rounds {
		time.Sleep(700 * time.Millisecond)
		l.awaitMore(t, 25)
		if i%2 == 0 {
			d.stop(t)
		} else {
			d.proc.kill()
		}
		time.Sleep(time.Duration(i) * 20 * time.Millisecond)
		d.start(t)
	}
	l.awaitMore(t, 25)
	halt()
	l.wg.Wait()
	l.check(t, d, p)
}

// load is senders that keep their own list of what was accepted.
type load struct {
	wg      sync.WaitGroup
	stop    chan struct{}
	mu      sync.Mutex
	wants   []want
	delayed atomic.Int64 // 4xx replies and lost connections
	wrong   []string     // 5xx replies
}

// awaitMore waits until so many more messages were accepted.
func (l *load) awaitMore(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.wants)
	}
	before := count()
	eventually(t, time.Minute, func() error {
		if n := count() - before; n < more {
			return fmt.Errorf("only %d messages were accepted: there is no load", n)
		}
		return nil
	})
}

// run sends messages one after the other until it is told to stop, on a new
// connection after each that was not accepted.
func (l *load) run(worker int, network, addr string, lmtp bool) {
	var c *dialogue
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			if c != nil {
				c.close()
			}
			return
		default:
		}
		if c == nil {
			var err error
			if c, err = openDialogue(network, addr, lmtp); err != nil {
				l.delayed.Add(1)
				time.Sleep(10 * time.Millisecond)
				continue
			}
		}
		name := fmt.Sprintf("load %d.%d", worker, n)
		env := envelope{"load@example.org", []string{fmt.Sprintf("load-%d-%d@example.net", worker, n)}}
		msg := []byte(head(name) + "\r\n" + text(200+n*997%20000))
		r, err := c.deliver(env, msg)
		if no, ok := err.(*refusal); ok {
			r = no.reply
		}
		if err != nil || !r.ok() {
			l.failed(name, r)
			c.conn.Close()
			c = nil
			continue
		}
		l.accepted(name, env, msg, r)
	}
}

func (l *load) failed(name string, r reply) {
	l.delayed.Add(1)
	if r.code/100 == 5 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wrong = append(l.wrong, fmt.Sprintf("message %q: reply %v", name, r))
	}
}

func (l *load) accepted(name string, env envelope, msg []byte, r reply) {
	id, _ := queuedAs(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wants = append(l.wants, want{name: name, env: env, data: msg, queueID: id})
}

// check finds every accepted message in the archive, byte for byte.
func (l *load) check(t *testing.T, d *daybook, p *postfix) {
	t.Helper()
	report(t, l.wrong)
	entries := d.list(t)
	found := map[string]entry{}
	for _, e := range entries {
		found[e.Recipients[0]] = e
	}
	var problems []string
	var sample []entry
	for i, w := range l.wants {
		e, ok := found[w.env.to[0]]
		if !ok {
			problems = append(problems, fmt.Sprintf("message %q was accepted (queue id %q) and is not in the archive", w.name, w.queueID))
			continue
		}
		problems = append(problems, compareEntry(e, w)...)
		if i%25 == 0 {
			sample = append(sample, e)
		}
	}
	for id, b := range d.getAll(t, sample) {
		if e := byID(sample, id); hexSHA256(b) != e.SHA256 {
			problems = append(problems, fmt.Sprintf("entry %s to %q: archived bytes have another digest than listed", id, e.Recipients))
		}
	}
	report(t, problems)
	d.verify(t)
	t.Logf("%d messages accepted, %d delayed, %d in the archive", len(l.wants), l.delayed.Load(), len(entries))
	if l.delayed.Load() == 0 {
		t.Error("no message was delayed: the daemon was never away")
	}
}

func byID(entries []entry, id entryID) entry {
	for _, e := range entries {
		if e.ID == id {
			return e
		}
	}
	return entry{}
}

// reconnect opens an SMTP session with Postfix.
func reconnect(t testing.TB, p *postfix) *dialogue {
	t.Helper()
	c, err := openDialogue("tcp", p.addr(), false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStopIsGraceful sends SIGTERM inside a message: the message is either
// finished and archived, or answered with 4xx; the daemon ends in time.
func TestStopIsGraceful(t *testing.T) {
	d := startDaybook(t, "off", "tcp")
	c := dialLMTP(t, d)
	defer c.conn.Close()
	env, msg := envelopeFor(1), []byte(head("during SIGTERM")+"\r\n"+text(3000))
	if err := c.begin(env, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.must(354, "DATA"); err != nil {
		t.Fatal(err)
	}
	if err := c.send(msg[:1000]); err != nil {
		t.Fatal(err)
	}
	d.proc.signal(syscall.SIGTERM)
	time.Sleep(100 * time.Millisecond)
	var wants []want
	if err := c.send(append(msg[1000:], ".\r\n"...)); err == nil {
		if r, err := c.read(); err == nil && r.ok() {
			wants = append(wants, want{name: "during SIGTERM", env: env, data: msg})
		} else if err == nil && r.code/100 != 4 {
			t.Errorf("reply %v, want 250 or 4xx", r)
		}
	}
	if err := d.proc.wait(stopTimeout); err != nil {
		t.Fatal(err)
	}
	checkArchive(t, d, wants)
}
