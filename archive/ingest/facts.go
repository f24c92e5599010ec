package ingest

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"daybook/archive/journal"
	"daybook/archive/message"
	"daybook/policy"
)

// Arrival is a message as it came in by a source.
type Arrival struct {
	Source   string
	Received time.Time
	Envelope *message.Envelope
	Summary  message.Summary
	// Body is the message's exact bytes, Size of them.
	Body Body
	Size int64
}

// Body reads the bytes of a message.
type Body interface {
	ReadAt(p []byte, offset int64) (int, error)
	// Start gives the beginning of the message, message.MaxHeader bytes at least
	// where there are so many.
	Start() []byte
}

// FactsOf gives what a policy has to know of a message, and names what is odd about
// it. Who sent it and who received it is told by the envelope; of a journal's
// deliveries, whose envelope is about the delivery, by the report or by the header
// fields that the policy names, if the peer may be believed. Where nothing tells,
// nothing is known of the recipients: From, To and Cc are the sender's own words,
// and neither choose the tenant nor have a message skipped.
func FactsOf(p *policy.Policy, a *Arrival) (*policy.Facts, []string) {
	r := read(p, a)
	return r.facts, r.flags
}

// reading is what there is to know of a message.
type reading struct {
	facts *policy.Facts
	// truth is nil where the envelope is the truth.
	truth *message.Truth
	// mail is what is compared with other deliveries.
	mail  subject
	flags []string
}

func read(p *policy.Policy, a *Arrival) reading {
	r := reading{facts: &policy.Facts{
		Source: a.Source, Received: a.Received, Client: a.Envelope.Client,
		Size: a.Size, Summary: a.Summary, Head: a.Body.Start,
		Sender: a.Envelope.Sender.Address, Recipients: a.Envelope.Addresses(),
	}}
	j := p.Journal(a.Source)
	if j == nil || j.Format == policy.FormatPlain && j.Address == policy.AnyAddress && len(j.HeaderEnvelope) == 0 {
		return r // the envelope is the truth
	}
	r.facts.Sender, r.facts.Recipients = "", nil
	r.truth = headerTruth(a.Body.Start())
	if j.Format == policy.FormatEnvelope || len(j.HeaderEnvelope) > 0 {
		r.unwrap(j, a)
	}
	return r
}

// unwrap takes what a journal's delivery says.
func (r *reading) unwrap(j *policy.Journal, a *Arrival) {
	var o journal.Options
	wrapped := j.Format == policy.FormatEnvelope
	if believed(j, &a.Envelope.Client) {
		o = journal.Options{Reports: wrapped, NDR: wrapped, HeaderEnvelope: j.HeaderEnvelope}
	}
	report, err := journal.Parse(a.Body, a.Size, o)
	if err != nil {
		// Whoever reads the bytes next has the same trouble, and it is an error there.
		r.flags = append(r.flags, flagUnread)
		return
	}
	r.flags = append(r.flags, report.Flags...)
	if report.Kind == journal.None {
		if wrapped {
			r.flags = append(r.flags, flagNoReport)
		}
		return
	}
	r.facts.JournalKind, r.facts.JournalFlags = string(report.Kind), report.Flags
	if len(report.Recipients) > 0 {
		r.address(report)
	}
	r.truth = reportTruth(report, r.truth)
	if report.Kind != journal.Header {
		r.mail = subjectOf(report, r.truth.Originals)
	}
}

// address takes sender and recipients from a report. Its Sender is the author's own
// word; the envelope's is in the original, where Exchange has left it.
func (r *reading) address(report *journal.Report) {
	f := r.facts
	f.Sender, f.Unsure = report.Sender, unsure(report)
	f.Claimed = report.Kind != journal.Header
	if path := returnPath(report); path != "" && f.Claimed {
		f.Sender, f.Claimed = strings.Trim(path, "<>"), false
		f.Others = append(f.Others, report.Sender)
	}
	if report.OnBehalfOf != "" {
		f.Others = append(f.Others, report.OnBehalfOf)
	}
	f.Others = slices.DeleteFunc(f.Others, func(a string) bool { return a == "" })
	f.Recipients = make([]string, 0, len(report.Recipients))
	for i := range report.Recipients {
		f.Recipients = append(f.Recipients, report.Recipients[i].Address)
		if from := report.Recipients[i].From; from != "" {
			f.Recipients = append(f.Recipients, from) // the list was addressed as well
		}
	}
}

// returnPath gives the envelope's sender where the originals have it; "<>" is the
// null reverse-path, and empty that there is none.
func returnPath(report *journal.Report) string {
	for i := range report.Originals {
		if path := report.Originals[i].ReturnPath; path != "" {
			return path
		}
	}
	return ""
}

// unsure tells that a report may not tell the sender, or all recipients.
func unsure(report *journal.Report) bool {
	if report.Kind == journal.Header && report.Sender == "" {
		return true // no field for the sender, or an empty one: which of the two is not told
	}
	return slices.ContainsFunc(report.Flags, func(flag string) bool {
		switch flag {
		case journal.FlagNoSender, journal.FlagNoRecipients, journal.FlagEmptyRecipient, journal.FlagOddAddress,
			journal.FlagAddressTooLong, journal.FlagTooManyRecipients, journal.FlagNoText, journal.FlagTextTooLong,
			journal.FlagTextDamaged, journal.FlagCharset, journal.FlagSubjectRecipient, journal.FlagHeaderTooLong,
			journal.FlagDuplicateField, journal.FlagSubjectLast, journal.FlagImpure, journal.FlagOtherGrammar,
			journal.FlagTooManyParts, journal.FlagTooDeep:
			return true
		}
		return false
	})
}

// believed tells whether a peer may say who sent and received a message: one that
// the journal names by its network or its login, or one on this machine.
func believed(j *policy.Journal, c *message.Client) bool {
	if j.Auth != nil && c.User == j.Auth.User {
		return true
	}
	peer, err := netip.ParseAddr(c.Address)
	return c.Address == "" || err == nil && (peer.IsLoopback() || len(j.AllowFrom) > 0 && allows(j, plainAddr(peer)))
}

// Flags of a journal's delivery, beside those of package journal.
const (
	// flagNoReport: the journal's deliveries are reports, and this is none, or one
	// from a peer that the journal does not name.
	flagNoReport = "no-report"
	// flagUnread: the delivery could not be read for a report.
	flagUnread = "report-unread"
)
