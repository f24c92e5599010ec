// Package milter is the filter's side of the milter protocol: an MTA (Postfix,
// Sendmail) shows it every message it receives, and the package shows them to a
// [Session] as a connection, transactions, header fields and body chunks.
//
// # Promises
//
// The package never rejects, discards or changes mail. It asks the MTA for no
// actions (SMFIF_*) at all and has three answers: SMFIR_CONTINUE, SMFIR_ACCEPT
// and a 4xx reply (SMFIR_REPLYCODE).
//
// A message is answered "continue" at its end (SMFIC_BODYEOB) only when
// [Session.EndOfMessage] said so, or the Session gave Accept earlier. Whatever
// goes wrong in between (a panic, a limit, a broken frame, a closed connection)
// ends as a temporary failure or a closed connection, never as "continue".
//
// Each [Session.Mail] is followed by exactly one [Session.EndOfMessage] or one
// [Session.Abort] (by both only if EndOfMessage panics); [Session.EndOfHeaders]
// comes once before the first body chunk or the end of the message, also when
// the MTA leaves out SMFIC_EOH.
//
// A peer cannot make the process grow: a frame is at most 1 MiB (64 KiB unless
// it holds a piece of the message) and is given memory only as its bytes arrive;
// macros, ESMTP arguments and recipients are counted; reads, writes, single
// frames and whole transactions have deadlines. A connection that breaks the
// protocol is closed with one log line.
//
// # What a milter sees
//
// It sees what the MTA has made of the SMTP traffic. Both MTAs drop the blank in
// "X-Name : value" and let a header line without a colon start the body. Postfix
// turns a bare CR into a blank, cuts a header field at a NUL and at about 60 KB,
// removes Bcc, Return-Path and Content-Length, and completes the headers of
// local mail; Sendmail removes NULs from headers and drops an mbox "From " line.
// The Received field that the MTA itself adds is not shown. Recipients are those
// of RCPT, before aliases. Mail that the MTA makes itself (bounces) is not shown
// by default.
//
// "Continue" at the end of a message does not mean that the MTA accepted it: a
// later milter, a full queue or the MTA's own time limit may still refuse it.
// And an MTA that lost our answer sends the message again. Capture is a superset
// of the accepted mail, at least once.
//
// # How bytes are rebuilt
//
// A header field is name ":" value CRLF, and every LF of the value that has no
// CR becomes CRLF, as MTAs hold folded lines with a bare LF. The blanks after
// the colon are part of the value if the MTA offers SMFIP_HDR_LEADSPC; if it
// does not, one space is put there and [Connection.ExactHeaders] is false. Then
// comes CRLF, then the body chunks as they are.
//
// # Replies
//
// A milter costs an MTA mostly the round trips, one for each header field. So
// the package takes every no-reply bit (SMFIP_NR_*) that the MTA offers and
// then writes nothing until the end of the message. A verdict given earlier is
// kept and given at the next stage at which the MTA waits.
//
// # Around go-milter
//
// Inside is github.com/emersion/go-milter, which dispatches the commands that the
// MTA waits with and encodes the replies. It loses what an archive needs: ESMTP
// arguments, stages of macros, Sendmail's form of IPv6 addresses, header fields
// with a NUL, and the state of a connection after some replies; it asks all MTAs
// for the same bits, has no deadlines and cannot be stopped. Therefore it is given
// a net.Conn of ours ([lane]): that reads the frames and negotiates, does what
// needs no reply by itself, and shows the library the codes of the other commands
// only, one connection after another. The library's callbacks find the data in our
// [conversation]. Both know which commands the MTA waits with, so nothing is said
// where no reply is expected.
//
// The library logs through the standard logger. It has nothing to log here: a lane
// ends with io.EOF only, keeps write errors to itself, and panics of a Session are
// caught before the library sees them. Were there a panic in this package itself,
// the library would log it there, and that connection would be closed.
//
// Names in capitals are those of libmilter's mfdef.h.
package milter
