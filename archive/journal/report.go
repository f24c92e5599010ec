package journal

import (
	"fmt"
	"io"
	"slices"

	"daybook/archive/message"
)

// Kind is what a delivery is.
type Kind string

// Kinds of deliveries.
const (
	// None is a message that is no journal delivery, or was not to be read as one.
	None Kind = "none"
	// Exchange is a report of Exchange 2007 and later, or of Microsoft 365.
	Exchange Kind = "exchange"
	// Exchange2003 is a report of Exchange 2000 or 2003, or of Citadel.
	Exchange2003 Kind = "exchange-2003"
	// WM is a report marked X-WM-Journal-Report.
	WM Kind = "wm"
	// NDR is a bounce that stands for what is attached to it.
	NDR Kind = "ndr"
	// Header is plain mail with its envelope in header fields.
	Header Kind = "header"
)

// Class is where the sender's client named a recipient.
type Class string

// Classes of recipients. Exchange knows them only of mail that one of its own users
// submitted; the recipients of other mail are Unknown, also when they stand in To.
const (
	To      Class = "to"
	Cc      Class = "cc"
	Bcc     Class = "bcc"
	Unknown Class = "unknown"
)

// History is how a recipient came to be one.
type History string

// Histories of recipients.
const (
	// Direct is a recipient whom the sender named.
	Direct History = ""
	// Expanded is a member of a distribution list.
	Expanded History = "expanded"
	// Forwarded is one to whom another recipient's mail goes.
	Forwarded History = "forwarded"
)

// Recipient is one recipient line of a report. The same address can stand there
// several times: once in To, once as the member of a list.
type Recipient struct {
	// Address is as a rule an addr-spec without angle brackets; see FlagOddAddress.
	Address string
	Class   Class
	History History
	// From is the list or the recipient that History speaks of.
	From string
}

// Original is an original message within the delivery.
type Original struct {
	// Start and End are its bytes, [Start, End), counted from the delivery's first one.
	Start, End int64
	// Encoding is "base64" or "quoted-printable" where the original is encoded: its
	// bytes are then the encoded ones, and [Original.Open] decodes them. As a rule it
	// is empty.
	Encoding string
	// Protected and Decrypted tell the two originals of a rights-protected message
	// apart. With a single original both are false.
	Protected, Decrypted bool
	// Summary is what the original's own header says.
	Summary message.Summary
	// ReturnPath is the last Return-Path in the original's header, without brackets:
	// there Exchange keeps the envelope's sender. The null reverse-path is "<>".
	ReturnPath string
}

// Report is what a delivery says. All of it is the word of whoever wrote the delivery.
// Its texts are valid UTF-8.
type Report struct {
	Kind Kind
	// Attached is the kind of the report inside a bounce; None where the bounce has
	// plain mail in it. It has a meaning only when Kind is NDR.
	Attached Kind
	// Sender is the Sender, else From, of the message, as an address. OnBehalfOf is
	// From, where it differs. With the kind Header, Sender is the envelope's.
	Sender, OnBehalfOf string
	// Recipients are in the order of the report, at most 50,000.
	Recipients []Recipient
	// Subject is decoded, at most 16 KiB; MessageID has its angle brackets, at most
	// 1 KiB. Both are the report's, and for the kind Header the message's own.
	Subject, MessageID string
	// Label is the classification that a Label line gives, at most 1 KiB.
	Label string
	// Fields are the other lines of the form "Name: value", at most 100 of 4 KiB.
	Fields []Field
	// Originals are in the order in which they stand, at most 16, and do not overlap.
	// With the kind Header it is the whole message.
	Originals []Original
	// Flags are sorted words; see the constants.
	Flags []string
}

// Field is a line of a report text that has no place of its own in Report.
type Field struct{ Name, Value string }

// Pure tells whether a report hides nothing when its original is shown in its place:
// it has one, and nothing but a report's lines and parts stand beside it. Text around
// the parts, a second form of the report text that reads otherwise, and lines that were
// not read or that contradict others are not a report's. What a mail reader does not
// show, as comments and attributes in HTML, does not count. A bounce of plain mail is
// never pure, as its own text is anything.
func (r *Report) Pure() bool {
	hides := func(flag string) bool {
		switch flag {
		case FlagImpure, FlagExtraPart, FlagNoText, FlagPreamble, FlagEpilogue, FlagTNEF, FlagTextDamaged, FlagTextTooLong,
			FlagTooManyParts, FlagTooDeep, FlagNoBoundary, FlagHeaderTooLong, FlagTooManyRecipients, FlagAddressTooLong,
			FlagManyOriginals, FlagOriginalsDiffer:
			return true
		}
		return false
	}
	return len(r.Originals) > 0 && (r.Kind != NDR || r.Attached != None) && !slices.ContainsFunc(r.Flags, hides)
}

// Options say how a delivery may be read.
type Options struct {
	// Reports says that a peer that may deliver reports gave the message, to an address
	// of a journal that takes them. Without it no report is read, nor any bounce.
	Reports bool
	// HeaderEnvelope names header fields that carry the envelope: "X-Envelope-To",
	// "X-Original-To", "X-Gm-Original-To" ... A name that ends in "from" or "sender",
	// and "Return-Path", gives the sender, any other one recipients. They are read when
	// the message is no report, and only those of the newest hop: those above the next
	// Received field. Name them only where the peer writes them into every message:
	// where it does not, those that the message's author wrote are taken for them.
	HeaderEnvelope []string
	// NDR lets a bounce stand for the report that is attached to it, and, where Exchange
	// marked it with X-MS-Exchange-Message-Is-Ndr, for the mail that is attached to it.
	// A bounce is forged as easily as a report: FlagNDRMarkerMissing tells those that
	// Exchange did not mark.
	NDR bool
}

// Bounds of what is read.
const (
	maxHeader     = message.MaxHeader // of a message, in bytes
	maxPartHeader = 64 << 10
	maxText       = 4 << 20 // of a report text, in bytes, before it is decoded
	maxRecipients = 50_000
	maxAddress    = 4 << 10
	maxSubject    = 16 << 10
	maxMessageID  = 1024 // as message.Summary has it
	maxLabel      = 1024
	maxFields     = 100
	maxPureLine   = 256 // of a line whose value is free, in a report that is pure
	maxOriginals  = 16
	maxParts      = 1000
	maxDepth      = 8
	maxBoundary   = 512
	maxTexts      = 4 // parts that are tried as the report text
	blockSize     = 64 << 10
)

// Parse reads a delivery of size bytes. It reads r in blocks and keeps only headers
// and the report text in memory. The error is r's own; whatever the bytes are, they
// give a Report. The same bytes and options give the same Report. Concurrent calls
// may share an r.
func Parse(r io.ReaderAt, size int64, o Options) (*Report, error) {
	return parse(&input{r: r, size: max(size, 0), block: blockSize}, o)
}

func parse(in *input, o Options) (*Report, error) {
	p := &parser{in: in, o: o, flags: flags{}}
	p.report.Kind = None
	p.delivery()
	if in.err != nil {
		return nil, fmt.Errorf("journal: read the message: %w", in.err)
	}
	p.report.Flags = p.flags.list()
	return &p.report, nil
}

// parser reads one delivery.
type parser struct {
	in     *input
	o      Options
	report Report
	flags  flags
	parts  int // that were looked at
}

// delivery reads the top of the delivery and goes where its header points.
func (p *parser) delivery() {
	top := p.in.entity(span{0, p.in.size}, maxHeader)
	if top.cut {
		p.flags[FlagHeaderTooLong] = true
	}
	kind := marked(top.header)
	switch {
	case !p.o.Reports:
		if kind != None || agent(top.header) {
			p.flags[FlagUntrusted] = true
		}
		p.envelope(top)
	case kind != None:
		p.report.Kind = kind
		p.wrapped(top, kind)
	case p.o.NDR && p.bounce(top):
	case agent(top.header) && p.unmarked(top):
	default:
		p.envelope(top)
	}
}

// unmarked reads a report that has lost its mark, and tells whether it is one.
func (p *parser) unmarked(top entity) bool {
	tried := parser{in: p.in, o: p.o, flags: flags{FlagMarkerMissing: true}}
	tried.report.Kind = Exchange
	tried.wrapped(top, Exchange)
	if tried.flags[FlagNoText] || tried.flags[FlagNoRecipients] || len(tried.report.Originals) == 0 {
		return false
	}
	p.report, p.flags = tried.report, tried.flags
	return true
}
