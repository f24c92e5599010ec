package e2e

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"testing"
)

// TestPostfixAlwaysBcc lets Postfix send a copy of every message to Daybook by
// LMTP. The archived bytes are those in Postfix's queue, its Received field
// included, and those that the true recipient is delivered.
func TestPostfixAlwaysBcc(t *testing.T) {
	needPostfix(t)
	d := startDaybook(t, "off", "tcp")
	s := startSink(t)
	conf := journalSnippets(t, d)
	conf.mainCF += hold + "default_transport = daybook:" + inetBrackets(s.addr) + "\n"
	p := startPostfix(t, conf)
	sent := p.sender().sendAll(t, allMessages(t))
	wants := queuedWants(t, p, sent)
	p.release(t)
	p.waitForEmptyQueue(t)
	checkSink(t, s, wants)
	for i := range wants {
		// The copy's envelope and connection are Postfix's own.
		wants[i].env.to = []string{"journal@daybook.invalid"}
		wants[i].queueID, wants[i].client = "", ""
	}
	checkArchiveBy(t, d, byPostfixReceived(), wants)
}

// TestPostfixLMTPTransport routes a domain straight to Daybook, so that one
// delivery carries many recipients, over TCP and over a Unix socket.
func TestPostfixLMTPTransport(t *testing.T) {
	needPostfix(t)
	for _, kind := range []string{"tcp", "unix"} {
		t.Run(kind, func(t *testing.T) {
			d := startDaybook(t, "off", kind)
			conf := journalSnippets(t, d)
			network, address := socketOf(d.lmtp)
			nexthop := "unix:" + address
			if network == "tcp" {
				nexthop = inetBrackets(address)
			}
			conf.mainCF += hold + "always_bcc =\ndefault_transport = daybook:" + nexthop + "\n"
			p := startPostfix(t, conf)
			all := oddMessages()[:30]
			sent := p.sender().sendAll(t, all)
			wants := queuedWants(t, p, sent)
			wants = append(wants, sendToMany(t, p, 250))
			p.release(t)
			p.waitForEmptyQueue(t)
			for i := range wants {
				wants[i].queueID = ""
				slices.Sort(wants[i].env.to)
			}
			checkArchiveBy(t, d, byPostfixReceived(), wants)
		})
	}
}

// sendToMany sends one message to many recipients of one domain and reads it
// from the queue.
func sendToMany(t *testing.T, p *postfix, n int) want {
	t.Helper()
	env := envelope{from: "many@example.org"}
	for i := range n {
		env.to = append(env.to, fmt.Sprintf("r%03d@example.net", i))
	}
	c, err := openDialogue("tcp", p.addr(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	r, err := c.deliver(env, []byte(head("to many")+"\r\nhello\r\n"))
	id, ok := queuedAs(r)
	if err != nil || !ok {
		t.Fatalf("a message to %d recipients: %v, %v", n, r, err)
	}
	data, err := p.queued(id)
	if err != nil {
		t.Fatal(err)
	}
	return want{name: "to many", env: env, data: data}
}

// byPostfixReceived knows messages by the queue id in Postfix's Received field:
// the envelope of a journal copy tells nothing.
func byPostfixReceived() keys {
	field := regexp.MustCompile(`\tby postfix\.example\.org \(Postfix\) with ESMTP id (\w+)`)
	id := func(data []byte) string {
		m := field.FindSubmatch(data[:min(len(data), 1000)])
		if m == nil {
			return "no Received field of Postfix"
		}
		return string(m[1])
	}
	return keys{
		entry: func(_ entry, data []byte) string { return id(data) },
		want:  func(w want) string { return id(w.data) },
	}
}

// checkSink compares what the true recipients were delivered with the queue.
func checkSink(t *testing.T, s *sink, wants []want) {
	t.Helper()
	delivered := map[string][]byte{}
	for _, m := range s.deliveries() {
		for _, to := range m.env.to {
			if to != "second@example.net" && to != "Third.Person@Example.COM" {
				delivered[to] = m.data
			}
		}
	}
	var found []string
	for _, w := range wants {
		found = append(found, compareBytes(w.name+" as delivered", delivered[w.env.to[0]], w.data)...)
	}
	report(t, found)
}

// inetBrackets writes host:port as Postfix does, without a DNS look-up.
func inetBrackets(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return "inet:[" + host + "]:" + port
}
