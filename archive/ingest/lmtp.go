package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"daybook/archive/message"
	"daybook/lmtp"
	"daybook/policy"
)

// Listener gives the handler of the listener of that name, which listens at an
// address.
func (i *Ingest) Listener(name, address string) lmtp.Handler {
	i.listen(name, address)
	return listener{name: name, ingest: i}
}

// listener takes the deliveries of the journals of an LMTP or SMTP listener
// (lmtp.Handler).
type listener struct {
	name   string
	ingest *Ingest
}

// Deliver archives one message, for each journal that its recipients belong to. The
// policy that judges it is the one in force when all of it is there.
func (l listener) Deliver(ctx context.Context, e *lmtp.Envelope, body io.Reader) []lmtp.Reply {
	hold := l.ingest.budget.begin(ctx, l.ingest.listenerPatience)
	d := delivery{envelope: lmtpEnvelope(e), spool: l.ingest.newSpool(l.maxMessage(l.ingest.Policy()), hold), began: time.Now()}
	defer hold.end()
	defer d.spool.close()
	d.spool.declared = declaredSize(&d.envelope.Sender)
	replies := make([]lmtp.Reply, len(e.Recipients))
	for _, s := range l.shares(l.ingest.Policy(), e, replies) {
		s.begin()
		defer s.end()
	}
	_, reading := d.spool.ReadFrom(body)
	p, held := l.ingest.inForce()
	if reading == nil {
		reading = held
	}
	kept := true
	for _, s := range l.shares(p, e, replies) {
		r := s.deliver(ctx, d, p, reading)
		kept = kept && r.code == 250
		for _, n := range s.recipients {
			replies[n] = r.lmtp()
		}
	}
	if kept {
		d.spool.reuse()
	}
	return replies
}

// share is the part of a transaction that belongs to one journal.
type share struct {
	*source
	recipients []int // by index
}

// shares divides the recipients among the journals. Those that no journal takes any
// more get their replies.
func (l listener) shares(p *policy.Policy, e *lmtp.Envelope, replies []lmtp.Reply) []*share {
	var list []*share
	byName := make(map[string]*share)
	client, _ := netip.ParseAddrPort(e.Client) // a Unix socket has none
	for n := range e.Recipients {
		j := p.JournalFor(l.name, e.Recipients[n].Address)
		if refusal := admit(j, plainAddr(client.Addr()), e.TLSVersion != "", e.AuthUser); refusal != nil {
			// The gate has let the recipient through: what has changed since may be a mistake,
			// and a 5xx would lose the message for it.
			r := refusal.reply
			if r.code/100 == 5 {
				r = reply{451, "4.3.0", "the policy has changed, try again later"}
			}
			replies[n] = r.lmtp()
			continue
		}
		s := byName[j.Name]
		if s == nil {
			s = &share{source: l.ingest.source(j.Name)}
			byName[j.Name] = s
			list = append(list, s)
		}
		s.recipients = append(s.recipients, n)
	}
	return list
}

func (l listener) maxMessage(p *policy.Policy) int64 {
	if settings := p.Listener(l.name); settings != nil {
		return settings.MaxMessage
	}
	return policy.DefaultMaxMessage
}

// deliver archives a message for one journal. All of its recipients get the same
// reply, for there is one message. Reading is the error of reading the body.
func (s *share) deliver(ctx context.Context, d delivery, p *policy.Policy, reading error) reply {
	all := d.envelope.Recipients
	d.envelope.Recipients = make([]message.Path, 0, len(s.recipients))
	for _, n := range s.recipients {
		d.envelope.Recipients = append(d.envelope.Recipients, all[n])
	}
	var records []record
	err := reading
	// The trouble is not ours when the body has it, or the peer went while its message
	// waited for room.
	peers := err != nil && (d.spool.err == nil || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)))
	if err == nil {
		records, err = s.keep(ctx, &d, p)
	}
	r := replyTo(records, err)
	switch {
	case err == nil:
		s.done(&d, records, r, outcomeOf(records), nil)
	case peers && errors.Is(err, lmtp.ErrTooLarge):
		r = reply{552, "5.3.4", "the message is larger than SIZE allows"} // RFC 1870 section 6.3
		s.done(&d, nil, r, refused, err)
	case peers && interrupted(err):
		s.done(&d, nil, r, aborted, err)
	default:
		s.done(&d, nil, r, tempfailed, err)
	}
	return r
}

// lmtp gives the reply in the form of package lmtp.
func (r reply) lmtp() lmtp.Reply { return lmtp.Reply{Code: r.code, Enhanced: r.enhanced, Text: r.text} }

// interrupted tells that the peer did not send its message to the end.
func interrupted(err error) bool {
	var n net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, lmtp.ErrAborted) || errors.As(err, &n)
}

func lmtpEnvelope(e *lmtp.Envelope) message.Envelope {
	m := message.Envelope{
		Sender: message.Path(e.Sender),
		Client: message.Client{
			Address: hostOf(e.Client), Helo: e.Helo, Protocol: e.Protocol, User: e.AuthUser,
			TLS: tlsText(e.TLSVersion, e.TLSCipher),
		},
	}
	for _, p := range e.Recipients {
		m.Recipients = append(m.Recipients, message.Path(p))
	}
	return m
}

// plainAddr is an address as networks are compared with.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// hostOf is the IP address of "host:port", and nothing for a Unix socket.
func hostOf(client string) string {
	host, _, err := net.SplitHostPort(client)
	if err != nil {
		return ""
	}
	return host
}

func tlsText(version, cipher string) string {
	if version == "" || cipher == "" {
		return version + cipher
	}
	return version + " " + cipher
}
