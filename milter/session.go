package milter

import "context"

// Action is what a Session wants the MTA to do.
type Action int

const (
	// Continue goes on with the message; at its end it means that the message
	// is archived.
	Continue Action = iota
	// Accept goes on without showing the rest: of the message, or of the
	// connection when it is given by Connect or Helo. At the end of a message
	// it is the same as Continue.
	Accept
	// TempFail makes the MTA answer its client with a 4xx reply.
	TempFail
)

// String returns "continue", "accept" or "tempfail".
func (a Action) String() string {
	switch a {
	case Accept:
		return "accept"
	case TempFail:
		return "tempfail"
	default:
		return "continue"
	}
}

// Verdict is a Session's answer to a stage. The zero value is Continue.
type Verdict struct {
	Action Action

	// Reply is the SMTP reply of a TempFail: a 4xx code, an enhanced status
	// code of class 4 and a text of one line, "452 4.3.1 archive is full".
	// Anything else, and an empty Reply, becomes DefaultReply.
	Reply string
}

// DefaultReply is the reply of a TempFail that names none.
const DefaultReply = "451 4.3.0 message cannot be archived now, try again later"

// Session receives what one SMTP connection of the MTA shows. Its methods are
// called one at a time and from one goroutine; different Sessions run in
// parallel.
//
// Verdicts. TempFail from Rcpt refuses that one recipient if the MTA waits for
// an answer to RCPT, and the transaction goes on without it. Otherwise, a
// verdict other than Continue is the last word on the transaction, or on the
// whole connection when it comes from Connect or Helo: the Session is not asked
// again, an open transaction is ended by Abort, and the MTA gets the verdict
// when it waits next, at the end of the message at the latest. Accept is given
// there as "continue".
//
// A method that panics is logged with its stack and counts as TempFail. A
// panic in EndOfMessage is followed by Abort.
//
// The context of a method ends when the server is closed by force (see
// [Server.Shutdown]). A connection that drops while a method runs is noticed
// after it returns.
type Session interface {
	// Connect is called when an SMTP client has connected to the MTA.
	Connect(ctx context.Context, c *Connection) Verdict

	// Helo is called for each HELO or EHLO: twice when STARTTLS is used.
	Helo(ctx context.Context, c *Connection) Verdict

	// Mail begins a transaction: t has a sender and no recipients yet. Each
	// call is followed by exactly one EndOfMessage or Abort.
	Mail(ctx context.Context, t *Transaction) Verdict

	// Rcpt adds a recipient, the last one of t.Recipients.
	Rcpt(ctx context.Context, t *Transaction) Verdict

	// Header is called for each header field in the order of the message, with
	// its raw bytes: name, colon, value and CRLF. Inner line ends are CRLF.
	// The slice is valid until the method returns.
	Header(field []byte) Verdict

	// EndOfHeaders is called once after the last header field. The empty line
	// (CRLF) that stands here in the message is not shown otherwise.
	EndOfHeaders() Verdict

	// Body is called with the body piece by piece, at most 1 MiB each and
	// never empty. The slice is valid until the method returns.
	Body(chunk []byte) Verdict

	// EndOfMessage commits. Continue (or Accept) says that the message is on
	// stable storage, and is what the MTA waits for before it answers its
	// client. After TempFail the client keeps the message and tries again.
	EndOfMessage(ctx context.Context, t *Transaction) Verdict

	// Abort drops the open transaction: the MTA gave it up, its connection
	// dropped, or an early verdict ended it. It never comes after an
	// EndOfMessage that returned, although Postfix sends SMFIC_ABORT there.
	Abort()

	// Close ends the SMTP connection and is called once, after the Abort of a
	// transaction that was open.
	Close()
}
