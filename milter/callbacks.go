package milter

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"

	gomilter "github.com/emersion/go-milter"
)

var _ gomilter.Milter = (*conversation)(nil)

// The callbacks of the library. What it passes is of no use (see tap): the
// command is in c.frame.

// Connect answers SMFIC_CONNECT.
func (c *conversation) Connect(string, string, uint16, net.IP, *gomilter.Modifier) (gomilter.Response, error) {
	connection, err := parseConnect(c.frame.payload)
	if err != nil {
		return c.broken(err)
	}
	if !c.openConnection(connection) {
		return nil, nil
	}
	return c.decideConnection("Connect", gomilter.OptNoConnReply, func() Verdict {
		return c.session.Connect(c.ctx, c.connection)
	}), nil
}

// Helo answers SMFIC_HELO, which also ends a transaction (RFC 5321, 4.1.4).
func (c *conversation) Helo(string, *gomilter.Modifier) (gomilter.Response, error) {
	name, err := parseHelo(c.frame.payload)
	if err != nil {
		return c.broken(err)
	}
	if !c.haveConnection() {
		return nil, nil
	}
	c.endTransaction()
	c.transactionMacros = nil
	c.connection.Helo = name
	return c.decideConnection("Helo", gomilter.OptNoHeloReply, func() Verdict {
		return c.session.Helo(c.ctx, c.connection)
	}), nil
}

// decideConnection asks the Session about the connection, unless its verdict
// has fallen already.
func (c *conversation) decideConnection(method string, noReply gomilter.OptProtocol, call func() Verdict) gomilter.Response {
	if !c.settled {
		c.verdict, _ = c.ask(method, call)
		c.settled = c.verdict.Action != Continue
	}
	if !c.waits(noReply) {
		return nil
	}
	return response(c.verdict)
}

// MailFrom answers SMFIC_MAIL.
func (c *conversation) MailFrom(string, *gomilter.Modifier) (gomilter.Response, error) {
	sender, err := parsePath(c.frame.payload)
	if err != nil {
		return c.broken(fmt.Errorf("SMFIC_MAIL: %w", err))
	}
	if !c.haveConnection() {
		return nil, nil
	}
	t := c.beginTransaction(sender)
	if c.settled {
		c.settle(c.verdict)
	} else {
		t.shown = true
		c.decide("Mail", func() Verdict { return c.session.Mail(c.ctx, t.Transaction) })
	}
	return c.answer(gomilter.OptNoMailReply), nil
}

// RcptTo answers SMFIC_RCPT. If the MTA waits, a temporary failure is one of
// this recipient only.
func (c *conversation) RcptTo(string, *gomilter.Modifier) (gomilter.Response, error) {
	t := c.transaction
	if t == nil {
		return c.outside("SMFIC_RCPT")
	}
	if t.headersEnded {
		return c.broken(errors.New("SMFIC_RCPT after the end of the headers"))
	}
	recipient, err := parsePath(c.frame.payload)
	if err != nil {
		return c.broken(fmt.Errorf("SMFIC_RCPT: %w", err))
	}
	if !t.settled {
		before := len(t.Recipients)
		v := c.addRecipient(recipient)
		if v.Action == TempFail && c.waits(gomilter.OptNoRcptReply) {
			t.Recipients = t.Recipients[:before]
			return response(v), nil
		}
		c.settle(v)
	}
	return c.answer(gomilter.OptNoRcptReply), nil
}

// Header answers SMFIC_HEADER.
func (c *conversation) Header(_, _ string, m *gomilter.Modifier) (gomilter.Response, error) {
	// The library collects fields until SMFIC_ABORT, which Sendmail does not
	// send between messages.
	clear(m.Headers)
	t := c.transaction
	if t == nil {
		return c.outside("SMFIC_HEADER")
	}
	if t.headersEnded {
		return c.broken(errors.New("SMFIC_HEADER after the end of the headers"))
	}
	field, err := headerField(c.frame.payload, t.Connection.ExactHeaders)
	if err != nil {
		return c.broken(err)
	}
	c.decide("Header", func() Verdict { return c.session.Header(field) })
	return c.answer(gomilter.OptNoHeaderReply), nil
}

// Headers answers SMFIC_EOH.
func (c *conversation) Headers(textproto.MIMEHeader, *gomilter.Modifier) (gomilter.Response, error) {
	if c.transaction == nil {
		return c.outside("SMFIC_EOH")
	}
	c.endHeaders()
	return c.answer(gomilter.OptNoEOHReply), nil
}

// BodyChunk answers SMFIC_BODY.
func (c *conversation) BodyChunk([]byte, *gomilter.Modifier) (gomilter.Response, error) {
	if c.transaction == nil {
		return c.outside("SMFIC_BODY")
	}
	c.endHeaders()
	c.addBody(c.frame.payload)
	return c.answer(gomilter.OptNoBodyReply), nil
}

// Body answers SMFIC_BODYEOB, the end of the message. The frame may hold a
// last piece of the body.
func (c *conversation) Body(*gomilter.Modifier) (gomilter.Response, error) {
	if c.transaction == nil {
		return c.outside("SMFIC_BODYEOB")
	}
	c.endHeaders()
	c.addBody(c.frame.payload)
	return finalResponse(c.finish()), nil
}

// Abort takes SMFIC_ABORT, which has no reply. Postfix sends it after each
// message.
func (c *conversation) Abort(*gomilter.Modifier) error {
	c.endTransaction()
	c.transactionMacros = nil
	return nil
}

// outside ends the conversation: a message that was not begun cannot be
// archived, so it must not get an answer that lets it pass.
func (c *conversation) outside(command string) (gomilter.Response, error) {
	return c.broken(fmt.Errorf("%s outside a transaction", command))
}
