package lmtp

import (
	"context"
	"errors"
	"io"
)

// Errors that body.Read gives to a Handler, and that Serve returns.
var (
	// ErrTooLarge ends a body that is longer than Config.MaxMessage. The peer is answered 552 5.3.4 for every recipient.
	ErrTooLarge = errors.New("lmtp: message too large")

	// ErrAborted ends a body whose transaction the peer gave up between two BDAT chunks (RFC 3030 section 2).
	ErrAborted = errors.New("lmtp: transaction aborted by the peer")

	// ErrServerClosed is returned by Serve after Shutdown.
	ErrServerClosed = errors.New("lmtp: server closed")
)

// A Handler takes the messages of all sessions.
type Handler interface {
	// Deliver takes one message and returns one Reply per recipient, by index in e.Recipients. It is called by many sessions at
	// the same time, and at most once at a time by each of them.
	//
	// A positive Reply is a promise to the peer: the message is safe. A missing Reply, a zero one, or a panic is 451 4.3.0 for
	// that recipient (a panic: for all). Over SMTP, where there is one reply for the whole message, the first 4xx is sent, else
	// the first 5xx, else the first.
	//
	// body yields the exact octets of the message, and io.EOF only when it arrived whole. After any other error
	// (io.ErrUnexpectedEOF, or the error of the connection: cut off; os.ErrDeadlineExceeded: stalled; ErrTooLarge; ErrAborted) it
	// must not be kept: the replies are then not sent, or replaced by 552 for ErrTooLarge. Compare with errors.Is. Deliver may
	// return before it has read all; the rest is read and thrown away, and only then the replies are sent. A positive Reply given
	// so early is sent if the rest arrives whole. The peer is asked for the message at the first Read: where all Replies are 4xx and
	// there was none, the first of them is the reply to DATA itself, and nothing of the message is transferred; unless the peer
	// sends it without having been asked. body must not be used after Deliver returned.
	//
	// ctx ends when the server is forced to stop, when the peer's connection fails within the body, when the peer aborts, and
	// after Deliver returned. A connection that is lost after the body was complete does not end it.
	//
	// e belongs to Deliver and may be kept.
	Deliver(ctx context.Context, e *Envelope, body io.Reader) []Reply
}

// A Reply is what one recipient is answered.
type Reply struct {
	Code     int    // 2xx, 4xx or 5xx; anything else is sent as 451 4.3.0. A 421 also closes the connection.
	Enhanced string // enhanced status code (RFC 3463) such as "2.0.0"; if empty or not of the class of Code, a general one is sent
	Text     string // one line; control characters become spaces, what does not fit a reply line of 512 octets is cut
}

// A Path is the argument of MAIL or RCPT.
type Path struct {
	// Address is what stood between "<" and ">": quotes, source route and case as on the wire, empty for the null reverse-path.
	// It may lack a domain ("postmaster").
	Address string
	// Args are the ESMTP parameters as given and in their order, such as "SIZE=1000" or "ORCPT=rfc822;a+2Bb@example.org".
	Args []string
}

// An Envelope is a mail transaction (RFC 5321 section 3.3) and what is known of the session it belongs to.
type Envelope struct {
	Sender     Path
	Recipients []Path // the accepted ones, in order, duplicates included; at least one

	// Client is "192.0.2.1:1234", "[2001:db8::1]:1234", or "unix" for a peer on a Unix-domain socket. Behind one of Config.Proxies
	// it is the real client.
	Client string
	Helo   string // the argument of the last LHLO, EHLO or HELO, unverified

	// Protocol is the name for "with" in a Received field (RFC 3848): SMTP, or ESMTP or LMTP, with S for TLS and A for AUTH.
	Protocol   string
	TLSVersion string // "TLS 1.3", empty without TLS
	TLSCipher  string // "TLS_AES_128_GCM_SHA256", empty without TLS
	TLSClient  string // subject of the client's certificate (RFC 2253) if it has been verified, else empty
	AuthUser   string // the authenticated user (RFC 4954), else empty

	SMTPUTF8 bool   // the SMTPUTF8 parameter was given (RFC 6531)
	BodyType string // value of the BODY parameter in upper case: "7BIT", "8BITMIME", "BINARYMIME", or empty
}
