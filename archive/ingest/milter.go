package ingest

import (
	"context"
	"time"

	"daybook/archive/message"
	"daybook/milter"
)

// Milter gives the sessions of a milter source.
func (i *Ingest) Milter(s Source) func() milter.Session {
	at := i.add(s)
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

func (m *milterSession) Mail(_ context.Context, t *milter.Transaction) milter.Verdict {
	m.begin()
	m.d = &delivery{spool: m.newSpool(), began: time.Now()}
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
	id, err := m.keep(ctx, d)
	r := replyTo(id, err)
	switch {
	case err == nil:
		m.done(d, id, r, archived, nil)
		return milter.Verdict{}
	case m.OnFailure == Accept:
		m.gap(ctx, d, err)
		m.done(d, 0, reply{250, "2.0.0", "let through without being archived"}, passed, err)
		return milter.Verdict{Action: milter.Accept}
	}
	m.done(d, 0, r, tempfailed, err)
	return milter.Verdict{Action: milter.TempFail, Reply: r.String()}
}

// Abort drops the transaction under way. It says nothing about the one before,
// which Postfix also ends so.
func (m *milterSession) Abort() {
	if m.d != nil {
		m.count(aborted, 0, nil)
		m.ingest.metrics.message(m.Name, aborted, 0, time.Since(m.d.began))
	}
	m.drop()
}

func (m *milterSession) Close() { m.drop() }

func (m *milterSession) drop() {
	if m.d != nil {
		m.d.spool.close()
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
