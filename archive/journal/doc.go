// Package journal reads journal deliveries: what a mail server sends to an archive
// in place of, or around, a message. It says who sent the message, to whom, and
// where in the delivery the original message stands.
//
// The delivery as it came in is always what is archived. What this package tells is
// a view of it, which can be computed again at any time. [Parse] therefore never
// fails for what a message says: a message that is no report has the kind [None], and
// of a broken report it tells what could be read, and flags what was wrong.
//
// # What is recognised
//
// By the header at the top of the delivery, and by nothing further in:
//
//	X-MS-Journal-Report, X-MS-Gcc-Journal-Report,        Exchange 2007 and later, Microsoft 365
//	X-MS-Exchange-Organization-Journal-Report
//	Content-Identifier: ExJournalReport, also written    Exchange 2000 and 2003, Citadel
//	Content-Identifer
//	X-WM-Journal-Report: journal                         the same text as Exchange 2007
//	Message-ID or Sender of Exchange's journal agent     a report whose mark a gateway took away
//	X-MS-Exchange-Message-Is-Ndr, multipart/report       a bounce with a report or mail in it; see Options.NDR
//	the fields named in Options.HeaderEnvelope           plain mail that carries its envelope
//
// # Structure of a report
//
//	multipart/mixed
//	  text/plain                      who sent it and to whom; see MS-XJRNL section 2.1
//	  message/rfc822                  the original
//	  message/rfc822                  the same decrypted, if the original is rights-protected
//
// The text may stand in a multipart/alternative or be HTML, and gateways add parts and
// lines. A report with such additions is not pure; see [Report.Pure]. A message inside the original is never taken for an original.
//
// # What is believed
//
// Anyone can write a journal report. Only the caller knows whether a delivery came
// from a configured peer to a journal's own address, and says so in Options.Reports;
// without it no report is read. Within a report, recipients are taken only from where
// the journal agent writes them: a line break in the subject adds nobody, and a report
// inside a report is an original like any other.
package journal
