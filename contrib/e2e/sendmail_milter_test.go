package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSendmailMilter sends every message through Sendmail to Daybook's milter.
// The archived bytes are those that Sendmail has in its queue, but for the
// fields that Sendmail adds itself and does not show to milters, and the address
// fields that it tidies in the queue only.
func TestSendmailMilter(t *testing.T) {
	needSendmail(t)
	for _, c := range []struct{ milter, client string }{{"unix", "127.0.0.1"}, {"tcp", "::1"}} {
		t.Run(c.milter, func(t *testing.T) {
			if c.milter == "tcp" {
				skipIfShort(t)
			}
			d := startDaybook(t, c.milter, "off")
			s := startSendmail(t, d)
			sent := s.sender(c.client).sendAll(t, allMessages(t))
			var wants []want
			for _, m := range sent {
				data, err := s.shownToMilter(m)
				if err != nil {
					t.Errorf("message %q: %v", m.name, err)
				}
				wants = append(wants, want{name: m.name, env: m.env, data: data, queueID: m.queueID, client: c.client})
			}
			checkArchive(t, d, wants)
		})
	}
}

// TestSendmailDelivery runs Sendmail's queue and compares what arrives at the
// recipient with the archive: the same, below Sendmail's Received field.
func TestSendmailDelivery(t *testing.T) {
	needSendmail(t)
	var plain messages
	for _, m := range oddMessages() {
		ordinary := []string{"ordinary", "empty body", "dots 10", "8-bit body, Latin-1", "trailing blanks in header and body", "fold 1", "fold 5", "base64 of 5700 bytes, lines of 76", "a message of 65535+0 bytes"}
		if slices.Contains(ordinary, m.name) {
			plain = append(plain, m)
		}
	}
	d := startDaybook(t, "unix", "off")
	s := startSendmail(t, d)
	sent := s.sender("127.0.0.1").sendAll(t, plain)
	var wants []want
	for _, m := range sent {
		wants = append(wants, want{name: m.name, env: m.env, data: m.data, queueID: m.queueID, client: "127.0.0.1"})
	}
	checkArchive(t, d, wants)
	s.deliver(t)
	delivered := map[string][]byte{}
	for _, m := range s.sink.deliveries() {
		for _, to := range m.env.to {
			delivered[to] = m.data
		}
	}
	for _, m := range sent {
		got := delivered[m.env.to[0]]
		if !bytes.HasPrefix(got, []byte("Received: from client.example.org (")) {
			t.Errorf("message %q was delivered without Sendmail's Received field: %.200q", m.name, got)
			continue
		}
		fields := splitFields(got)
		report(t, compareBytes(m.name+" as delivered", got[len(fields[0]):], m.data))
	}
}

// sender sends to this Sendmail from one of the loopback addresses.
func (s *sendmail) sender(host string) sender {
	return sender{addr: s.addr(host), queuedAs: sendmailQueuedAs, refused: []expectedRefusal{
		{hasBareLineEnd, "421 4.5.0 Bare ", "Sendmail takes no CR without LF and no LF without CR"},
		{hasLongHeader, "552 5.6.0 Headers too large (32768 max)", "the header is larger than MaxHeadersLength"},
		{named("header*: DEL in the name"), "553 5.3.0 header syntax error", "Sendmail checks field names"},
	}}
}

// hasBareLineEnd tells whether a CR or LF stands alone in what goes over the
// wire.
func hasBareLineEnd(m message) bool {
	rest := bytes.ReplaceAll(wireForm(m.data), []byte("\r\n"), nil)
	return bytes.ContainsAny(rest, "\r\n")
}

// hasLongHeader tells whether the header is longer than Sendmail allows.
func hasLongHeader(m message) bool {
	header, _, _ := bytes.Cut(m.data, []byte("\r\n\r\n"))
	return len(header) > 32768
}

// shownToMilter makes of a queued message what Sendmail showed to milters. This
// is the complete list of differences.
func (s *sendmail) shownToMilter(m accepted) ([]byte, error) {
	if m.name == "corpus/mime4j/benchmark__src__main__resources__long-headers.msg" {
		// More Received fields than MaxHopCount: accepted, then returned to
		// its sender at once, so that the queue does not have it.
		return m.data, nil
	}
	queued, err := s.queued(m.queueID)
	if err != nil {
		return nil, err
	}
	return withAddressesAsSent(queued, m.data)
}

// withAddressesAsSent puts the address fields of a message as it was sent into
// the message as it is queued: Sendmail separates addresses anew, folds them
// anew and cuts the longest, but only after it has shown them to milters. Blanks
// before the colon and NULs are gone before.
func withAddressesAsSent(queued, sent []byte) ([]byte, error) {
	bySent := map[string][][]byte{}
	for _, f := range splitFields(sent) {
		name, value, _ := bytes.Cut(bytes.ReplaceAll(f, []byte{0}, nil), []byte(":"))
		name = bytes.TrimRight(name, " \t")
		key := fieldName(name)
		bySent[key] = append(bySent[key], slices.Concat(name, []byte(":"), value))
	}
	var b bytes.Buffer
	fields := splitFields(queued)
	rest := queued
	for _, f := range fields {
		rest = rest[len(f):]
		name := fieldName(f)
		if !isAddressField(name) {
			b.Write(f)
			continue
		}
		if len(bySent[name]) == 0 {
			return nil, fmt.Errorf("the queue has a field %s that was not sent: %.200q", name, f)
		}
		b.Write(bySent[name][0])
		bySent[name] = bySent[name][1:]
	}
	b.Write(rest)
	return b.Bytes(), nil
}

// isAddressField tells the fields that Sendmail reads as addresses.
func isAddressField(name string) bool {
	switch strings.TrimPrefix(name, "resent-") {
	case "from", "to", "cc", "bcc", "sender", "reply-to":
		return true
	}
	return slices.Contains([]string{"apparently-to", "errors-to", "return-receipt-to", "disposition-notification-to", "full-name"}, name)
}

// splitFields cuts a header into its fields, folded lines included.
func splitFields(msg []byte) [][]byte {
	var fields [][]byte
	begin, end := 0, 0
	for line := range bytes.Lines(msg) {
		folded := line[0] == ' ' || line[0] == '\t'
		if end > begin && !folded {
			fields = append(fields, msg[begin:end])
			begin = end
		}
		if string(line) == "\r\n" {
			return fields
		}
		end += len(line)
	}
	return append(fields, msg[begin:])
}

func fieldName(field []byte) string {
	name, _, _ := bytes.Cut(field, []byte(":"))
	return strings.ToLower(strings.TrimRight(string(name), " \t"))
}
