// Package lmtp is the server's side of LMTP (RFC 2033) and SMTP (RFC 5321) for a sink: it takes mail, hands every message to one
// Handler, and never relays: it opens no connection, and nothing is ever sent on, not a bounce either.
//
// # Promises
//
//   - A positive reply is sent only after Handler.Deliver gave it, and only for a message that arrived whole: the end of data was
//     seen, or every octet of every BDAT chunk up to LAST. A message that is cut short, stalls or grows above Config.MaxMessage is
//     never reported to Deliver as complete, whatever Deliver then answers.
//   - Trouble of our own is a 4xx: a panic in Deliver, a missing reply, a reply that makes no sense are all 451 4.3.0.
//   - The body is exact: only CRLF.CRLF ends it (RFC 5321 section 4.1.1.4), the dots that the sender added are removed, and every
//     other octet, bare CR, bare LF and NUL included, is handed on as it came.
//   - Nothing of a body is ever read as a command: after any error inside a body the connection is closed.
//   - Nothing reaches Deliver but what Config.Gate let through, as the peer it saw: what TLS and AUTH said of a transaction at MAIL
//     holds to its end.
//   - Memory and time of a session are bounded, whatever the peer sends, and so is what is remembered of peers.
//
// # How it is built
//
// go-smtp parses and answers the envelope commands: greeting, LHLO, EHLO, HELO, MAIL, RCPT, RSET, NOOP, VRFY, QUIT. It runs beside
// the session, on a connection in memory, and is asked one complete, bounded and clean command line at a time; it never sees the
// socket (library.go).
//
// The session reads the socket itself, because what carries the mail has to be exact, and because a command followed by octets
// that are no commands is safe only where both are read by one reader:
//
//   - lines, limits and deadlines (wire.go)
//   - DATA: the library's reader takes a byte at a time, does not see the end in "\r\r\n.\r\n", sets one deadline for the whole
//     body, and goes on to read the rest of a body as commands after a timeout (data.go, dotreader.go)
//   - BDAT: the library reports a chunk cut short as a complete message (bdat.go)
//   - STARTTLS, so that the same reader works below TLS (starttls.go)
//   - AUTH, which needs a line limit, a pace and a count of its own; PLAIN is go-sasl's, SCRAM-SHA-256 is xdg-go's (auth.go,
//     authenticator.go, credential.go)
//   - a load balancer's PROXY header, which stands before everything else; go-proxyproto parses it (proxy.go)
//   - who may deliver, and how much (gate.go, limits.go)
//   - order of commands, and the addresses and parameters of MAIL and RCPT, which are kept as they stood on the wire; the library
//     would lose their order, limit SIZE to 32 bits, take the quotes from a local part, and refuse addresses that other MTAs take
//     and that the sender of a message may choose (mail.go, path.go)
//
// # Standards
//
//	RFC 5321 SMTP                  RFC 2033 LMTP
//	RFC 1870 SIZE                  RFC 2920 PIPELINING
//	RFC 2034 ENHANCEDSTATUSCODES   RFC 3030 CHUNKING, BINARYMIME
//	RFC 3207 STARTTLS              RFC 3461 DSN (kept in the envelope; no DSN is ever sent)
//	RFC 6152 8BITMIME              RFC 6531 SMTPUTF8
//	RFC 4954 AUTH                  RFC 4616 PLAIN
//	RFC 5802 SCRAM                 RFC 7677 SCRAM-SHA-256
//	RFC 8314 implicit TLS          RFC 9422 LIMITS
package lmtp
