package ingest

import (
	"context"
	"time"

	"daybook/archive/message"
	"daybook/milter"
	"daybook/policy"
)

// Milter gives the sessions of the milter of that name, which listens at an address.
func (i *Ingest) Milter(name, address string) func() milter.Session {
	i.listen(name, address)
	at := i.source(name)
	return func() milter.Session { return &milterSession{source: at} }
}

// milterSession captures the messages of one SMTP connection (milter.Session).
type milterSession struct {
	*source
	d *delivery // the transaction under way
}

// respaced flags a message whose header fields may have lost or gained a blank
// after the colon, because the MTA does not tell.
const respaced = "header-respaced"

func (m *milterSession) Connect(context.Context, *milter.Connection) milter.Verdict {
	return milter.Verdict{}
}

func (m *milterSession) Helo(context.Context, *milter.Connection) milter.Verdict {
	return milter.Verdict{}
}

// Mail begins a message. What it takes of the budget it takes when the message comes,
// which both MTAs show when they have all of it.
func (m *milterSession) Mail(ctx context.Context, t *milter.Transaction) milter.Verdict {
	m.begin()
	hold := m.ingest.budget.begin(ctx, m.ingest.milterPatience)
	m.d = &delivery{spool: m.ingest.newSpool(m.settings(m.ingest.Policy()).MaxMessage, hold), began: time.Now()}
	m.d.spool.declared = declaredSize((*message.Path)(&t.Sender))
	if !t.Connection.ExactHeaders {
		m.d.flags = append(m.d.flags, respaced)
	}
	return milter.Verdict{}
}

func (m *milterSession) Rcpt(context.Context, *milter.Transaction) milter.Verdict {
	return milter.Verdict{}
}

// Header, EndOfHeaders and Body spool the message. Their errors count at its end.

func (m *milterSession) Header(field []byte) milter.Verdict {
	m.d.spool.Write(field)
	return milter.Verdict{}
}

func (m *milterSession) EndOfHeaders() milter.Verdict {
	m.d.spool.Write([]byte("\r\n"))
	return milter.Verdict{}
}

func (m *milterSession) Body(chunk []byte) milter.Verdict {
	m.d.spool.Write(chunk)
	return milter.Verdict{}
}

func (m *milterSession) EndOfMessage(ctx context.Context, t *milter.Transaction) milter.Verdict {
	d := m.d
	defer m.drop()
	d.envelope = milterEnvelope(t)
	p, err := m.ingest.inForce()
	settings := m.settings(p)
	var records []record
	switch {
	case err != nil:
	case settings.Suspended:
		err = errSuspended
	default:
		records, err = m.keep(ctx, d, p)
	}
	r := replyTo(records, err)
	switch {
	case err == nil:
		m.done(d, records, r, outcomeOf(records), nil)
		d.spool.reuse()
		return milter.Verdict{}
	case settings.OnFailure == policy.OnFailureAccept:
		m.gap(ctx, d, &settings.Source, records, err)
		m.done(d, nil, reply{250, "2.0.0", "let through without being archived"}, passed, err)
		return milter.Verdict{Action: milter.Accept}
	}
	m.done(d, nil, r, tempfailed, err)
	return milter.Verdict{Action: milter.TempFail, Reply: r.String()}
}

// settings gives what a policy says of the milter. One that it does not name, which
// SetPolicy's caller prevents, takes nothing.
func (m *milterSession) settings(p *policy.Policy) *policy.Milter {
	if found := p.Milter(m.name); found != nil {
		return found
	}
	return &policy.Milter{Source: policy.Source{Tenants: []string{""}, Suspended: true}}
}

// Abort drops the transaction under way. It says nothing about the one before,
// which Postfix also ends so.
func (m *milterSession) Abort() {
	if m.d != nil {
		m.count(aborted, 0, nil)
		m.ingest.metrics.message(m.name, aborted, 0, time.Since(m.d.began))
	}
	m.drop()
}

func (m *milterSession) Close() { m.drop() }

func (m *milterSession) drop() {
	if m.d != nil {
		m.d.spool.close()
		m.d.spool.hold.end()
		m.d = nil
		m.end()
	}
}

func milterEnvelope(t *milter.Transaction) message.Envelope {
	c := t.Connection
	e := message.Envelope{
		Sender:  message.Path(t.Sender),
		QueueID: t.QueueID(),
		Macros:  t.Macros(),
		Client: message.Client{
			Name: c.Host, Helo: c.Helo, User: t.AuthUser(), TLS: tlsText(t.TLSVersion(), t.TLSCipher()),
		},
	}
	if c.Address.IsValid() {
		e.Client.Address = c.Address.String()
	}
	for _, p := range t.Recipients {
		e.Recipients = append(e.Recipients, message.Path(p))
	}
	return e
}
