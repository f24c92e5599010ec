package milter

import (
	"errors"
	"fmt"

	gomilter "github.com/emersion/go-milter"
)

// The commands. Each method answers the command in c.frame, nil if the MTA does
// not wait for a reply to it.

// take does what a command says that the MTA does not wait with, and returns
// false if it waits for a reply.
func (c *conversation) take(code gomilter.Code) bool {
	switch {
	case code == gomilter.CodeAbort:
		c.abort()
	case code == gomilter.CodeQuit:
		c.over = true
	case code == gomilter.CodeConn && !c.waits(gomilter.OptNoConnReply):
		c.connect()
	case code == gomilter.CodeHelo && !c.waits(gomilter.OptNoHeloReply):
		c.helo()
	case code == gomilter.CodeMail && !c.waits(gomilter.OptNoMailReply):
		c.mailFrom()
	case code == gomilter.CodeRcpt && !c.waits(gomilter.OptNoRcptReply):
		c.rcptTo()
	case code == gomilter.CodeHeader && !c.waits(gomilter.OptNoHeaderReply):
		c.header()
	case code == gomilter.CodeEOH && !c.waits(gomilter.OptNoEOHReply):
		c.endOfHeaders()
	case code == gomilter.CodeBody && !c.waits(gomilter.OptNoBodyReply):
		c.body()
	default:
		return false
	}
	return true
}

// connect answers SMFIC_CONNECT.
func (c *conversation) connect() gomilter.Response {
	connection, err := parseConnect(c.frame.payload)
	if err != nil {
		return c.broken(err)
	}
	if !c.openConnection(connection) {
		return nil
	}
	return c.decideConnection("Connect", gomilter.OptNoConnReply, func() Verdict {
		return c.session.Connect(c.ctx, c.connection)
	})
}

// helo answers SMFIC_HELO, which also ends a transaction (RFC 5321, 4.1.4).
func (c *conversation) helo() gomilter.Response {
	name, err := parseHelo(c.frame.payload)
	if err != nil {
		return c.broken(err)
	}
	if !c.haveConnection() {
		return nil
	}
	c.endTransaction()
	c.transactionMacros = nil
	c.connection.Helo = name
	return c.decideConnection("Helo", gomilter.OptNoHeloReply, func() Verdict {
		return c.session.Helo(c.ctx, c.connection)
	})
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

// mailFrom answers SMFIC_MAIL.
func (c *conversation) mailFrom() gomilter.Response {
	sender, err := parsePath(c.frame.payload)
	if err != nil {
		return c.broken(fmt.Errorf("SMFIC_MAIL: %w", err))
	}
	if !c.haveConnection() {
		return nil
	}
	t := c.beginTransaction(sender)
	if c.settled {
		c.settle(c.verdict)
	} else {
		t.shown = true
		c.decide("Mail", func() Verdict { return c.session.Mail(c.ctx, t.Transaction) })
	}
	return c.answer(gomilter.OptNoMailReply)
}

// rcptTo answers SMFIC_RCPT. If the MTA waits, a temporary failure is one of
// this recipient only.
func (c *conversation) rcptTo() gomilter.Response {
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
			return response(v)
		}
		c.settle(v)
	}
	return c.answer(gomilter.OptNoRcptReply)
}

// header answers SMFIC_HEADER.
func (c *conversation) header() gomilter.Response {
	t := c.transaction
	if t == nil {
		return c.outside("SMFIC_HEADER")
	}
	if t.headersEnded {
		return c.broken(errors.New("SMFIC_HEADER after the end of the headers"))
	}
	field, err := appendHeaderField(c.field[:0], c.frame.payload, t.Connection.ExactHeaders)
	if err != nil {
		return c.broken(err)
	}
	c.decide("Header", func() Verdict { return c.session.Header(field) })
	if cap(field) <= scratchSize {
		c.field = field // for the next one
	}
	return c.answer(gomilter.OptNoHeaderReply)
}

// endOfHeaders answers SMFIC_EOH.
func (c *conversation) endOfHeaders() gomilter.Response {
	if c.transaction == nil {
		return c.outside("SMFIC_EOH")
	}
	c.endHeaders()
	return c.answer(gomilter.OptNoEOHReply)
}

// body answers SMFIC_BODY.
func (c *conversation) body() gomilter.Response {
	if c.transaction == nil {
		return c.outside("SMFIC_BODY")
	}
	c.endHeaders()
	c.addBody(c.frame.payload)
	return c.answer(gomilter.OptNoBodyReply)
}

// endOfMessage answers SMFIC_BODYEOB, the end of the message. The frame may hold a
// last piece of the body.
func (c *conversation) endOfMessage() gomilter.Response {
	if c.transaction == nil {
		return c.outside("SMFIC_BODYEOB")
	}
	c.endHeaders()
	c.addBody(c.frame.payload)
	return finalResponse(c.finish())
}

// abort takes SMFIC_ABORT, which has no reply. Postfix sends it after each
// message.
func (c *conversation) abort() {
	c.endTransaction()
	c.transactionMacros = nil
}

// outside ends the conversation: a message that was not begun cannot be
// archived, so it must not get an answer that lets it pass.
func (c *conversation) outside(command string) gomilter.Response {
	return c.broken(fmt.Errorf("%s outside a transaction", command))
}
