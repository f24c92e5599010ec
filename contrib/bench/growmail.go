package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"daybook/archive"
	mail "daybook/archive/message"
)

const (
	// growAddresses is how many addresses write and receive the mail that an archive
	// grows by. The first ones do so very often, the last ones hardly ever.
	growAddresses = 20_000
	// growStep is how far apart two messages arrive.
	growStep = 71 * time.Millisecond
	// growDomain ends the Message-IDs, which begin with the message's number.
	growDomain = "mail.example.com"
)

// growMailer makes the mail that an archive grows by. Message n is always the same one,
// so that whatever is found can be told to be right without remembering it.
type growMailer struct{ words []string }

func newGrowMailer() *growMailer { return &growMailer{strings.Fields(commonWords)} }

// growMail is one mail.
type growMail struct {
	n          int
	received   time.Time
	sender     string
	recipients []string
	subject    string
	body       []byte // the message with its header
}

func growAddress(n int) string {
	return fmt.Sprintf("user%d@dept%d.example.org", n, n%97)
}

// growReceived is when message n arrives: later than all before it.
func growReceived(n int) time.Time {
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * growStep)
}

// parties gives sender and recipients of message n, as numbers of addresses.
func (*growMailer) parties(n int) (sender int, recipients []int, rest *rand.Rand) {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	one := func() int {
		x := r.Float64()
		return int(x * x * x * growAddresses)
	}
	sender, recipients = one(), []int{one()}
	for len(recipients) < 3 && r.IntN(4) == 0 {
		if to := one(); to != recipients[0] {
			recipients = append(recipients, to)
		}
	}
	return sender, recipients, r
}

// make gives message n, of 250 to 700 bytes.
func (g *growMailer) make(n int) *growMail {
	sender, recipients, r := g.parties(n)
	m := &growMail{n: n, received: growReceived(n), sender: growAddress(sender)}
	for _, to := range recipients {
		m.recipients = append(m.recipients, growAddress(to))
	}
	m.subject = g.phrase(r, 3+r.IntN(4)) + " " + strconv.Itoa(r.IntN(10_000))
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s>\r\n\r\n",
		m.sender, strings.Join(m.recipients, ", "), m.subject, m.received.Format(time.RFC1123Z), m.id())
	for size := b.Len() + 60 + r.IntN(360); b.Len() < size; {
		b.WriteString(g.phrase(r, 8) + "\r\n")
	}
	m.body = b.Bytes()
	return m
}

func (g *growMailer) phrase(r *rand.Rand, words int) string {
	var b strings.Builder
	for i := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(g.words[r.IntN(len(g.words))])
	}
	return b.String()
}

// id is the Message-ID without brackets.
func (m *growMail) id() string {
	return fmt.Sprintf("%d.%08x@%s", m.n, uint32(m.n)*2654435761, growDomain)
}

// growNumber gives the number of a message by its Message-ID, -1 when it is of none.
func growNumber(id string) int {
	text, _, _ := strings.Cut(strings.Trim(id, "<>"), ".")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// receipt is what is handed to the archive, with an identity, so that all of the rule by
// which copies are joined is asked.
func (m *growMail) receipt() *archive.Receipt {
	sum := sha256.Sum256(m.body)
	r := &archive.Receipt{
		Tenant: "example", Source: "gateway", Received: m.received,
		Envelope: mail.Envelope{Sender: mail.Path{Address: m.sender}, QueueID: fmt.Sprintf("%X", m.n)},
		Body:     bytes.NewReader(m.body), Size: int64(len(m.body)), SHA256: sum,
		Summary:  mail.Summarize(m.body),
		Identity: &archive.Identity{Exact: sum, Canonical: sha256.Sum256(sum[:]), MessageID: m.id()},
		Join:     archive.Join{Window: 10 * time.Minute, Match: archive.MatchContent},
	}
	for _, to := range m.recipients {
		r.Envelope.Recipients = append(r.Envelope.Recipients, mail.Path{Address: to})
	}
	return r
}

// differs says in what an entry is not that of the message; empty when it is.
func (m *growMail) differs(e *archive.Entry) string {
	var recipients []string
	for _, to := range e.Envelope.Recipients {
		recipients = append(recipients, to.Address)
	}
	switch {
	case e.SHA256 != sha256.Sum256(m.body) || e.Size != int64(len(m.body)):
		return "its digest or size"
	case !e.Received.Equal(m.received):
		return "its time of arrival"
	case e.Envelope.Sender.Address != m.sender || strings.Join(recipients, " ") != strings.Join(m.recipients, " "):
		return "its envelope"
	case e.Summary.Subject != m.subject || e.Identity == nil || e.Identity.MessageID != m.id():
		return "its summary"
	case e.Message != e.ID:
		return "its message, which it should be alone in"
	}
	return ""
}
