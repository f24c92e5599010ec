package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"daybook/archive"
	"daybook/archive/message"
)

// These are the objects of the commands' --json output, which the control socket
// carries as well. Text that is not UTF-8 has U+FFFD in place of each wrong byte.

// entry is one line of daybook list --entries --json.
type entry struct {
	ID       uint64    `json:"id"`
	Tenant   string    `json:"tenant"`
	Source   string    `json:"source"`
	Received time.Time `json:"received"`
	// Sender and Recipients are those of the mail: by the report in a journal's
	// delivery where there is one, else as Evidence says.
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipients"`
	Evidence   string   `json:"evidence"` // envelope, report, fields or header
	// EnvelopeSender and EnvelopeRecipients are those of the delivery.
	EnvelopeSender     string    `json:"envelope_sender"`
	EnvelopeRecipients []string  `json:"envelope_recipients"`
	MessageID          string    `json:"message_id"`
	Subject            string    `json:"subject"`
	Date               time.Time `json:"date,omitzero"` // of the Date field
	Size               int64     `json:"size"`
	SHA256             string    `json:"sha256"`
	QueueID            string    `json:"queue_id"`
	peer
	Flags      []string `json:"flags"`
	Decision   decision `json:"decision"`
	Quarantine string   `json:"quarantine"` // "waiting", "kept", or empty
	Truth      *truth   `json:"truth"`      // null where the envelope tells all
	joining
}

// peer is the client that handed a message over.
type peer struct {
	Client     string `json:"client"` // its IP address
	ClientName string `json:"client_name"`
	Helo       string `json:"helo"`
	Protocol   string `json:"protocol"`
	User       string `json:"user"`
	TLS        string `json:"tls"`
}

// decision is what a policy decided about a message. All is empty in entries that
// are older than policies.
type decision struct {
	Action string   `json:"action"`
	Rule   string   `json:"rule"`
	At     string   `json:"at"`
	Reason string   `json:"reason"`
	Policy string   `json:"policy"` // its digest
	Tags   []string `json:"tags"`
}

func newEntry(e *archive.Entry) entry {
	sender, _ := e.Sender()
	recipients, evidence := whoReceived(e)
	return entry{
		ID: e.ID, Tenant: valid(e.Tenant), Source: valid(e.Source), Received: e.Received.UTC(),
		Sender: valid(sender), Recipients: recipients, Evidence: valid(string(evidence)),
		EnvelopeSender: valid(e.Envelope.Sender.Address), EnvelopeRecipients: validAll(e.Envelope.Addresses()),
		MessageID: valid(e.Summary.MessageID), Subject: valid(e.Summary.Subject), Date: dateOf(e.Summary.Date),
		Size: e.Size, SHA256: hex.EncodeToString(e.SHA256[:]),
		QueueID: valid(e.Envelope.QueueID), peer: newPeer(&e.Envelope.Client),
		Flags: validAll(e.Flags), Decision: newDecision(&e.Decision), Quarantine: e.Quarantine.String(),
		Truth: newTruth(e.Truth), joining: newJoining(e),
	}
}

func newPeer(c *message.Client) peer {
	return peer{
		Client: valid(c.Address), ClientName: valid(c.Name), Helo: valid(c.Helo),
		Protocol: valid(c.Protocol), User: valid(c.User), TLS: valid(c.TLS),
	}
}

func newDecision(d *archive.Decision) decision {
	return decision{
		Action: valid(string(d.Action)), Rule: valid(d.Rule), At: valid(d.At), Reason: valid(d.Reason),
		Policy: digestText(d.Policy), Tags: validAll(d.Tags),
	}
}

// dateOf gives the time of a Date field, zero when there is none. The years that
// JSON cannot carry become the first or last that it can.
func dateOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	first, last := time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	return time.Unix(min(max(seconds, first.Unix()), last.Unix()), 0).UTC()
}

// digestText gives a digest in hexadecimal, and nothing for the zero one.
func digestText(d archive.Digest) string {
	if d == (archive.Digest{}) {
		return ""
	}
	return d.String()
}

// event is one line of daybook events --json.
type event struct {
	ID         uint64    `json:"id"`
	Kind       string    `json:"kind"`
	Time       time.Time `json:"time"`
	Tenant     string    `json:"tenant"`
	Source     string    `json:"source"`
	Text       string    `json:"text"`
	Sender     string    `json:"sender"`
	Recipients []string  `json:"recipients"`
	MessageID  string    `json:"message_id"`
	Size       int64     `json:"size"`
	SHA256     string    `json:"sha256"`
	peer
	Truth    *truth    `json:"truth"` // null where the envelope is the truth
	Flags    []string  `json:"flags"`
	Decision *decision `json:"decision"` // null when there was none
	Entry    uint64    `json:"entry"`    // 0: it concerns none
	Actor    string    `json:"actor"`
	// Policy and Files are the digest of a policy that became active and its text.
	Policy string       `json:"policy"`
	Files  []policyFile `json:"files"`
}

// policyFile is a file of a policy's text.
type policyFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func newEvent(e *archive.Event) event {
	ev := event{
		ID: e.ID, Kind: string(e.Kind), Time: e.Time.UTC(), Tenant: valid(e.Tenant), Source: valid(e.Source),
		Text: valid(e.Text), MessageID: valid(e.MessageID), Size: e.Size, SHA256: digestText(e.SHA256),
		Recipients: []string{}, Entry: e.Entry, Actor: valid(e.Actor), Policy: digestText(e.Policy), Files: newFiles(e.Files),
		Truth: newTruth(e.Truth), Flags: validAll(e.Flags),
	}
	if e.Envelope != nil {
		ev.Sender = valid(e.Envelope.Sender.Address)
		ev.Recipients = validAll(e.Envelope.Addresses())
		ev.peer = newPeer(&e.Envelope.Client)
	}
	if e.Decision != nil {
		d := newDecision(e.Decision)
		ev.Decision = &d
	}
	return ev
}

func newFiles(list []archive.KeptFile) []policyFile {
	files := make([]policyFile, 0, len(list))
	for i := range list {
		files = append(files, policyFile{Name: valid(list[i].Name), Size: list[i].Size, SHA256: list[i].SHA256.String()})
	}
	return files
}

// keptPolicy is one line of daybook policy show --json: a policy that became active.
type keptPolicy struct {
	Policy string       `json:"policy"` // its digest
	Time   time.Time    `json:"time"`   // since when
	Actor  string       `json:"actor"`  // who made it so
	Files  []policyFile `json:"files"`
}

func newKeptPolicy(e *archive.Event) keptPolicy {
	return keptPolicy{Policy: digestText(e.Policy), Time: e.Time.UTC(), Actor: valid(e.Actor), Files: newFiles(e.Files)}
}

// damage is a place in the archive that cannot be read.
type damage struct {
	Entry   uint64 `json:"entry"` // 0: not known
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	Reason  string `json:"reason"`
}

func newDamage(d *archive.Damage) damage {
	return damage{Entry: d.Entry, Segment: d.Segment, Offset: d.Offset, Length: d.Length, Reason: valid(d.Reason)}
}

// err gives the damage as the archive's error.
func (d *damage) err() error {
	return &archive.Damage{Entry: d.Entry, Segment: d.Segment, Offset: d.Offset, Length: d.Length, Reason: d.Reason}
}

func validAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = valid(s)
	}
	return out
}

// newLines gives an encoder that writes one JSON object a line, with <, > and &
// as they are.
func newLines(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}
