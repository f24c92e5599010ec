package milter

import (
	"time"

	gomilter "github.com/emersion/go-milter"
)

// openTransaction is a transaction between MAIL and its end.
type openTransaction struct {
	*Transaction

	shown        bool // the Session knows it: EndOfMessage or Abort must follow
	headersEnded bool
	size         int // of addresses and arguments, bytes

	settled  bool // verdict is the last word
	verdict  Verdict
	released bool // the MTA has the verdict and is done with the message
}

// inFlight reports whether the MTA waits for us with a message.
func (c *conversation) inFlight() bool {
	return c.transaction != nil && !c.transaction.released
}

// beginTransaction opens a transaction. One that is still open is given up:
// Sendmail does not send SMFIC_ABORT everywhere.
func (c *conversation) beginTransaction(sender Path) *openTransaction {
	c.endTransaction()
	c.number++
	t := &openTransaction{
		Transaction: &Transaction{
			Connection: c.connection,
			Number:     c.number,
			Sender:     sender,
			macros:     c.transactionMacros,
		},
		size: len(c.frame.payload),
	}
	c.transactionMacros = nil
	c.transaction = t
	c.socket.transactionEnds = time.Now().Add(c.config.TransactionTimeout)
	return t
}

// endTransaction closes the open transaction, if any, and tells the Session if
// it waits for its end.
func (c *conversation) endTransaction() {
	if c.transaction == nil {
		return
	}
	c.abortShown()
	c.transaction = nil
}

func (c *conversation) abortShown() {
	if c.transaction.shown {
		c.transaction.shown = false
		c.protect("Abort", c.session.Abort)
	}
}

// decide asks the Session about the open transaction, unless its verdict has
// fallen already, and keeps a verdict other than Continue.
func (c *conversation) decide(method string, call func() Verdict) {
	if c.transaction.settled {
		return
	}
	v, _ := c.ask(method, call)
	c.settle(v)
}

// settle makes a verdict other than Continue the last word on the transaction.
func (c *conversation) settle(v Verdict) {
	if v.Action == Continue {
		return
	}
	c.abortShown()
	c.transaction.settled = true
	c.transaction.verdict = v
}

// answer gives the transaction's verdict if the MTA waits for one at the stage
// whose no-reply bit is given, and otherwise nothing.
func (c *conversation) answer(noReply gomilter.OptProtocol) gomilter.Response {
	if !c.waits(noReply) {
		return nil
	}
	c.transaction.released = c.transaction.settled
	return response(c.transaction.verdict)
}

// waits reports whether the MTA waits for a reply at a stage.
func (c *conversation) waits(noReply gomilter.OptProtocol) bool {
	return c.granted&noReply == 0
}

// addRecipient adds a recipient and asks the Session about it.
func (c *conversation) addRecipient(recipient Path) Verdict {
	t := c.transaction
	const ofPath, ofArg = 48, 16 // the headers of a Path and of a string
	t.size += len(c.frame.payload) + ofPath + ofArg*len(recipient.Args)
	if len(t.Recipients) >= c.config.MaxRecipients || t.size > c.config.MaxEnvelopeBytes {
		return Verdict{Action: TempFail, Reply: "452 4.5.3 too many recipients"}
	}
	t.Recipients = append(t.Recipients, recipient)
	v, _ := c.ask("Rcpt", func() Verdict { return c.session.Rcpt(c.ctx, t.Transaction) })
	return v
}

// endHeaders tells the Session once that the header fields are over.
func (c *conversation) endHeaders() {
	if !c.transaction.headersEnded {
		c.transaction.headersEnded = true
		c.decide("EndOfHeaders", func() Verdict { return c.session.EndOfHeaders() })
	}
}

// addBody shows the Session a piece of the body.
func (c *conversation) addBody(chunk []byte) {
	if len(chunk) > 0 {
		c.decide("Body", func() Verdict { return c.session.Body(chunk) })
	}
}

// finish ends the transaction with the Session's verdict on the whole message.
func (c *conversation) finish() Verdict {
	t := c.transaction
	v := t.verdict
	if !t.settled {
		var returned bool
		v, returned = c.ask("EndOfMessage", func() Verdict {
			return c.session.EndOfMessage(c.ctx, t.Transaction)
		})
		t.shown = !returned
	}
	c.endTransaction()
	return v
}
