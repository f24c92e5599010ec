package message

// Envelope is what a mail transaction says about a message, apart from the
// message itself (RFC 5321 section 2.3.1): the reverse-path, the forward-paths
// and what is known of the client that gave it. It is kept as it was given:
// addresses are neither folded nor completed.
type Envelope struct {
	// Sender is the reverse-path; an empty address is the null reverse-path <>.
	Sender Path `cbor:"1,keyasint"`
	// Recipients are the forward-paths in the order in which they were given.
	Recipients []Path `cbor:"2,keyasint"`
	Client     Client `cbor:"3,keyasint"`
	// QueueID is the sending MTA's name for the message; empty when unknown.
	QueueID string `cbor:"4,keyasint,omitempty"`
	// Macros are the milter macros of the transaction: stage ("connect",
	// "mail", "eom" ...), then macro name without braces, then value.
	Macros map[string]map[string]string `cbor:"5,keyasint,omitempty"`
}

// Path is one address of an envelope with its ESMTP arguments.
type Path struct {
	// Address is what stood between the angle brackets.
	Address string `cbor:"1,keyasint"`
	// Args are the ESMTP parameters as given, in order: "BODY=8BITMIME",
	// "ORCPT=rfc822;a@example.com" (RFC 5321 section 4.1.1.11, RFC 3461).
	Args []string `cbor:"2,keyasint,omitempty"`
}

// Client is the peer that handed the message over: for a milter the client of
// the MTA, for LMTP the MTA itself.
type Client struct {
	// Address is the IP address, without port; empty for a Unix socket or a
	// local submission.
	Address string `cbor:"1,keyasint,omitempty"`
	// Name is the client's host name as the MTA found it.
	Name string `cbor:"2,keyasint,omitempty"`
	// Helo is the argument of HELO, EHLO or LHLO.
	Helo string `cbor:"3,keyasint,omitempty"`
	// Protocol is the "with" keyword of RFC 3848: "ESMTPS", "LMTP" ...
	Protocol string `cbor:"4,keyasint,omitempty"`
	// User is the authenticated identity, empty when there is none.
	User string `cbor:"5,keyasint,omitempty"`
	// TLS is version and cipher of the client's connection, empty without TLS.
	TLS string `cbor:"6,keyasint,omitempty"`
}

// Addresses gives the recipients' addresses in order.
func (e *Envelope) Addresses() []string {
	list := make([]string, len(e.Recipients))
	for i, r := range e.Recipients {
		list[i] = r.Address
	}
	return list
}
