package e2e

import (
	"fmt"
	"testing"
	"time"
)

// largeMessages are those of which an MTA shows a milter many pieces at once: with no
// answer to any of them, one answer too many would let the next message pass without
// being archived.
func largeMessages(count, size int) messages {
	var m messages
	for i := range count {
		name := fmt.Sprintf("large %d", i)
		m.add(name, head(name), "\r\n", text(size+i))
	}
	return m
}

// TestPostfixMilterLarge sends messages of 3 MB, and one that is nearly as large as
// Postfix takes them, with small ones behind each on the same connection.
func TestPostfixMilterLarge(t *testing.T) {
	needPostfix(t)
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			if kind == "tcp" {
				skipIfShort(t)
			}
			d := startDaybook(t, kind, "off")
			p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
			sent := p.sender().sendAll(t, largeAndSmall())
			wants := queuedWants(t, p, sent)
			for i := range wants {
				wants[i].data = shownToMilter(t, wants[i], sent[i].queueID)
			}
			checkArchive(t, d, wants)
		})
	}
}

// TestSendmailMilterLarge is the same for Sendmail.
func TestSendmailMilterLarge(t *testing.T) {
	needSendmail(t)
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			if kind == "tcp" {
				skipIfShort(t)
			}
			d := startDaybook(t, kind, "off")
			s := startSendmail(t, d)
			var wants []want
			for _, m := range s.sender("127.0.0.1").sendAll(t, largeAndSmall()) {
				wants = append(wants, want{name: m.name, env: m.env, data: m.data, queueID: m.queueID})
			}
			checkArchive(t, d, wants)
		})
	}
}

// largeAndSmall has each connection of a sender take large and small messages in turn.
func largeAndSmall() messages {
	m := largeMessages(12, 3_000_000)
	small := messages{}
	for i := range 12 {
		name := fmt.Sprintf("small %d", i)
		small.add(name, head(name), "\r\n", text(100*i))
	}
	all := messages{}
	for i := 0; i < len(m); i += 4 { // as many as a sender has connections
		all = append(append(all, m[i:i+4]...), small[i:i+4]...)
	}
	all.add("very large", head("very large"), "\r\n", text(25_000_000))
	return all
}

// TestSendmailMilterTime shows what a small message takes through Sendmail and a
// milter on a TCP connection and on a Unix socket. With delayed acknowledgements TCP
// takes a fifth of a second more: it is in the log, and nothing fails for it.
func TestSendmailMilterTime(t *testing.T) {
	needSendmail(t)
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			d := startDaybook(t, kind, "off")
			s := startSendmail(t, d)
			c := &conversation{sender: s.sender("127.0.0.1")}
			defer c.end()
			var wants []want
			all := largeMessages(20, 4_000)
			began := time.Now()
			for i, m := range all {
				if sent := c.send(t, i, m); sent != nil {
					wants = append(wants, want{name: m.name, env: sent.env, data: m.data, queueID: sent.queueID})
				}
			}
			t.Logf("%v a message of 4 KB on one connection", (time.Since(began) / time.Duration(len(all))).Round(100*time.Microsecond))
			checkArchive(t, d, wants)
		})
	}
}
