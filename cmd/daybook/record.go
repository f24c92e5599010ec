package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"daybook/archive"
)

// These are the objects of the commands' --json output, which the control socket
// carries as well. Text that is not UTF-8 has U+FFFD in place of each wrong byte.

// entry is one line of daybook list --json.
type entry struct {
	ID         uint64    `json:"id"`
	Tenant     string    `json:"tenant"`
	Source     string    `json:"source"`
	Received   time.Time `json:"received"`
	Sender     string    `json:"sender"`
	Recipients []string  `json:"recipients"`
	MessageID  string    `json:"message_id"`
	Subject    string    `json:"subject"`
	Size       int64     `json:"size"`
	SHA256     string    `json:"sha256"`
	QueueID    string    `json:"queue_id"`
	Client     string    `json:"client"`
	Flags      []string  `json:"flags"`
}

func newEntry(e *archive.Entry) entry {
	return entry{
		ID: e.ID, Tenant: valid(e.Tenant), Source: valid(e.Source), Received: e.Received.UTC(),
		Sender: valid(e.Envelope.Sender.Address), Recipients: validAll(e.Envelope.Addresses()),
		MessageID: valid(e.Summary.MessageID), Subject: valid(e.Summary.Subject),
		Size: e.Size, SHA256: hex.EncodeToString(e.SHA256[:]),
		QueueID: valid(e.Envelope.QueueID), Client: valid(e.Envelope.Client.Address),
		Flags: validAll(e.Flags),
	}
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
	Size       int64     `json:"size"`
	SHA256     string    `json:"sha256"`
}

func newEvent(e *archive.Event) event {
	ev := event{
		ID: e.ID, Kind: string(e.Kind), Time: e.Time.UTC(), Tenant: valid(e.Tenant), Source: valid(e.Source),
		Text: valid(e.Text), Size: e.Size, Recipients: []string{},
	}
	if e.SHA256 != (archive.Digest{}) {
		ev.SHA256 = hex.EncodeToString(e.SHA256[:])
	}
	if e.Envelope != nil {
		ev.Sender = valid(e.Envelope.Sender.Address)
		ev.Recipients = validAll(e.Envelope.Addresses())
	}
	return ev
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
