package message

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
)

// Truth says who sent and received a mail, and who says so. The envelope of a
// journal's delivery is about the delivery; the truth about the mail inside is what
// the journal's report, or the header, tells. It is their word: nothing of it has
// been checked. Texts are kept as they were given.
type Truth struct {
	Evidence Evidence
	// Kind is what sort of delivery it was, as package journal names it; empty for
	// plain mail.
	Kind string
	// Sender and OnBehalfOf are addresses. They are empty where nothing tells, and for
	// the null reverse-path. They say nothing when Evidence is EvidenceEnvelope.
	Sender, OnBehalfOf string
	// Recipients are in the order in which they were told. They say nothing when
	// Evidence is EvidenceEnvelope.
	Recipients []Recipient
	// Subject, MessageID and Label are those that the report tells.
	Subject, MessageID, Label string
	// Originals are the mails inside, in the order in which they stand.
	Originals []Original
}

// Evidence is by what sender and recipients are known.
type Evidence string

// Evidences, the best one first.
const (
	// EvidenceEnvelope: by the transaction's envelope, as a milter or a plain
	// delivery has it.
	EvidenceEnvelope Evidence = "envelope"
	// EvidenceReport: by a journal's report.
	EvidenceReport Evidence = "report"
	// EvidenceFields: by the header fields that are configured to carry the envelope.
	EvidenceFields Evidence = "fields"
	// EvidenceHeader: by From, To and Cc alone, the sender's own words.
	EvidenceHeader Evidence = "header"
)

// Recipient is somebody who received a mail. The same address can be there several
// times: once in To, once as the member of a list.
type Recipient struct {
	Address string
	Class   Class
	History History
	// From is the list or the recipient that History speaks of.
	From string
}

// Class is where the sender's client named a recipient.
type Class string

// Classes of recipients. Those of an envelope are ClassUnknown.
const (
	ClassTo      Class = "to"
	ClassCc      Class = "cc"
	ClassBcc     Class = "bcc"
	ClassUnknown Class = "unknown"
)

// History is how a recipient came to be one.
type History string

// Histories of recipients.
const (
	// HistoryDirect: the sender named the recipient.
	HistoryDirect History = ""
	// HistoryExpanded: the recipient is a member of a distribution list.
	HistoryExpanded History = "expanded"
	// HistoryForwarded: another recipient's mail goes there.
	HistoryForwarded History = "forwarded"
)

// Original is a mail within a delivery.
type Original struct {
	// Start and End are its bytes, [Start, End), counted from the delivery's first one.
	Start, End int64
	// Encoding is "base64" or "quoted-printable" where these bytes are encoded, and
	// as a rule empty. What is called by another name stays as it is.
	Encoding string
	// Protected and Decrypted tell the two originals of a rights-protected message
	// apart. With a single original both are false.
	Protected, Decrypted bool
}

// Within tells whether the original lies within a delivery of size bytes.
func (o *Original) Within(size int64) bool {
	return 0 <= o.Start && o.Start <= o.End && o.End <= size
}

// longLine is how long a line of quoted-printable may be, in bytes. RFC 2045 has 76.
const longLine = 64 << 10

// Open reads the original out of its delivery r, decoded where Encoding says so. A
// decoding that breaks off ends with an error; the bytes before it are right. There
// is nothing to close.
func (o *Original) Open(r io.ReaderAt) io.Reader {
	raw := io.NewSectionReader(r, o.Start, o.End-o.Start)
	switch o.Encoding {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, raw)
	case "quoted-printable":
		return quotedprintable.NewReader(bufio.NewReaderSize(raw, longLine))
	}
	return raw
}
