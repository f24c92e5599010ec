package e2e

import (
	"bytes"
	"sync"
	"testing"
)

// TestPostfixMilter sends every message through Postfix to Daybook's milter. The
// archived bytes are those that Postfix has in its queue, but for the Received
// field that it does not show to milters.
func TestPostfixMilter(t *testing.T) {
	needPostfix(t)
	for _, kind := range []string{"unix", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			if kind == "tcp" {
				skipIfShort(t)
			}
			d := startDaybook(t, kind, "off")
			p := startPostfix(t, postfixConfig{mainCF: milterSnippet(t, d) + hold})
			sent := p.sender().sendAll(t, allMessages(t))
			wants := queuedWants(t, p, sent)
			for i, w := range wants {
				w.data = shownToMilter(t, w, sent[i].queueID)
				w.client = "127.0.0.1"
				wants[i] = w
			}
			checkArchive(t, d, wants)
		})
	}
}

// postfixMilterDifferences is the complete list of messages for which Postfix's
// queue holds, below its own Received field, other bytes than it shows to
// milters.
func postfixMilterDifferences() []difference {
	const noSeparator = "no empty line ends the header in the queue; to a milter that is the same as an empty body"
	addSeparator := func(queued []byte) []byte {
		if bytes.Contains(queued, []byte("\r\n\r\n")) {
			return queued
		}
		return append(bytes.Clone(queued), "\r\n"...)
	}
	const hidden = "it begins with a bare CR, which Postfix turns into a blank: that line then continues, and is hidden with, its own Received field"
	dropFold := func(queued []byte) []byte {
		if queued[0] != ' ' {
			return queued
		}
		return queued[bytes.Index(queued, []byte("\r\n"))+2:]
	}
	return []difference{
		{"empty message", noSeparator, addSeparator},
		{"header only, no empty line", noSeparator, addSeparator},
		{"header only, last line cut", noSeparator, addSeparator},
		{"CR in the header, CR in the body", noSeparator, addSeparator},
		{"corpus/enmime/mail__header-only.raw", noSeparator, addSeparator},
		{"corpus/sisimai/mac__*", noSeparator + " (the file has CR line ends only)", addSeparator},
		{"message noise 9", hidden, dropFold},
		{"message noise 12", hidden, dropFold},
		{"message noise 12", noSeparator, addSeparator},
	}
}

// shownToMilter makes of a queued message what Postfix showed to milters.
func shownToMilter(t *testing.T, w want, queueID string) []byte {
	t.Helper()
	data, err := withoutReceived(w.data, queueID, w.env)
	if err != nil {
		t.Errorf("message %q: %v", w.name, err)
		return nil
	}
	return expectDifference(t, postfixMilterDifferences(), w.name, data)
}

// sender sends to this Postfix.
func (p *postfix) sender() sender {
	const hops = "more Received fields than hopcount_limit"
	return sender{addr: p.addr(), queuedAs: queuedAs, refused: []expectedRefusal{
		{named("3000 Received fields"), "554 5.4.0", hops},
		{named("corpus/mime4j/benchmark__src__main__resources__long-headers.msg"), "554 5.4.0", hops},
	}}
}

// queuedWants reads accepted messages from Postfix's queue, in order.
func queuedWants(t *testing.T, p *postfix, sent []accepted) []want {
	t.Helper()
	wants := make([]want, len(sent))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				s := sent[i]
				data, err := p.queued(s.queueID)
				if err != nil {
					t.Errorf("message %q: %v", s.name, err)
				}
				wants[i] = want{name: s.name, env: s.env, data: data, queueID: s.queueID}
			}
		})
	}
	for i := range sent {
		next <- i
	}
	close(next)
	wg.Wait()
	return wants
}
