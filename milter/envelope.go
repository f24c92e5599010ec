package milter

import (
	"net"
	"net/netip"
)

// Path is a reverse-path or forward-path of the envelope (RFC 5321, 4.1.2).
type Path struct {
	// Address is what stands between < and >, "" for the null sender. It is
	// the same when the MTA leaves the brackets out, as it does for local mail.
	Address string

	// Args are the ESMTP arguments in their order, as "SIZE=200",
	// "BODY=8BITMIME", "RET=HDRS", "ENVID=...", "NOTIFY=...", "ORCPT=...".
	Args []string
}

// Connection is one SMTP connection to the MTA. It is changed between the calls
// of its Session only; read it there.
type Connection struct {
	// MTA is the other end of the milter connection: the MTA, not its client.
	MTA net.Addr

	// Host is the client's name as the MTA found it, "[192.0.2.1]" or
	// "unknown" if it did not, "localhost" for local submission.
	Host string

	// Address is the client's IP address: the macro {client_addr} if the MTA
	// sends it, else the one of SMFIC_CONNECT. The zero Addr if there is none.
	Address netip.Addr

	// Port is the client's TCP port, 0 if unknown.
	Port uint16

	// UnixPath is the socket's path if the client came by a Unix socket
	// (SMFIA_UNIX).
	UnixPath string

	// Helo is the name of the last HELO or EHLO, "" before it.
	Helo string

	// ExactHeaders says that header fields come with the exact bytes after the
	// colon. If false, the MTA does not offer SMFIP_HDR_LEADSPC and each field
	// has one space there.
	ExactHeaders bool

	macros macroTable
}

// Macro returns the value of a macro of the stages "connect" and "helo", ""
// if the MTA sent none. The name may stand in braces.
func (c *Connection) Macro(name string) string {
	value, _ := c.macros.find(name)
	return value
}

// Macros returns a copy of the macros of the stages "connect" and "helo": from
// stage to name to value. Names have no braces.
func (c *Connection) Macros() map[string]map[string]string { return c.macros.all() }

// Transaction is one mail transaction (RFC 5321, 3.3). It is not changed any
// more when EndOfMessage or Abort is called.
type Transaction struct {
	Connection *Connection

	// Number counts the transactions of the connection from 1. It is the key
	// of a transaction together with its connection: a queue ID comes late.
	Number int

	Sender     Path
	Recipients []Path

	macros macroTable
}

// Macro returns the value of a macro, "" if the MTA sent none. If several
// stages have it, the latest counts. The name may stand in braces.
func (t *Transaction) Macro(name string) string {
	if value, ok := t.macros.find(name); ok {
		return value
	}
	return t.Connection.Macro(name)
}

// Macros returns a copy of all macros: from stage ("connect", "helo", "mail",
// "rcpt", "data", "header", "eoh", "body", "eom") to name to value. Names have
// no braces. The stage "rcpt" holds those of the last recipient.
func (t *Transaction) Macros() map[string]map[string]string {
	stages := t.Connection.Macros()
	for stage, values := range t.macros.all() {
		stages[stage] = values
	}
	return stages
}

// QueueID is the MTA's queue ID (macro i). Postfix has none before the second
// recipient, Sendmail has it from MAIL on; it is "" if there is none yet.
func (t *Transaction) QueueID() string { return t.Macro("i") }

// AuthUser is the user who authenticated with SMTP AUTH, "" if none did.
func (t *Transaction) AuthUser() string { return t.Macro("auth_authen") }

// AuthMethod is the SASL mechanism of AuthUser, "PLAIN".
func (t *Transaction) AuthMethod() string { return t.Macro("auth_type") }

// TLSVersion is the TLS version of the client's connection, "TLSv1.3", "" if
// it has none.
func (t *Transaction) TLSVersion() string { return t.Macro("tls_version") }

// TLSCipher is the cipher suite of the client's connection.
func (t *Transaction) TLSCipher() string { return t.Macro("cipher") }
