package main

import (
	"time"

	"daybook/archive"
)

// mail is one line of daybook list --json: a message, put together of all entries that
// are the same mail.
type mail struct {
	ID     uint64 `json:"id"` // the number of its first entry
	Tenant string `json:"tenant"`
	// First and Last are when the first and the last of its entries came in.
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Entries    int       `json:"entries"`
	Unreadable int       `json:"unreadable"` // how many of these are damaged
	Cut        bool      `json:"cut"`        // there are more entries, senders or recipients than told here
	Sources    []string  `json:"sources"`
	Senders    []party   `json:"senders"`
	Recipients []party   `json:"recipients"`
	// MessageID, Subject, Date and Size are those of the first entry: of a journal's
	// report, when that is what came first.
	MessageID string    `json:"message_id"`
	Subject   string    `json:"subject"`
	Date      time.Time `json:"date,omitzero"`
	Size      int64     `json:"size"`
	Variants  []variant `json:"variants"` // its exact forms, in the order in which they came
}

// party is somebody who sent or received a mail, and who says so.
type party struct {
	Address string `json:"address"`
	Told    []told `json:"told"`
}

// told is what an entry tells of a sender or recipient.
type told struct {
	Entry    uint64 `json:"entry"`    // the first one that tells this
	Evidence string `json:"evidence"` // envelope, report, fields or header
	Class    string `json:"class"`    // of a recipient: to, cc, bcc or unknown
	History  string `json:"history"`  // expanded, forwarded, or empty
	From     string `json:"from"`     // the list or the recipient that history speaks of
}

// variant is one exact form of a mail.
type variant struct {
	Number  int    `json:"number"`  // from 1 on, for daybook get --variant; 0 when it is not known
	Entry   uint64 `json:"entry"`   // the first one that has it
	SHA256  string `json:"sha256"`  // of the mail's bytes; of the mail inside, when a report brought it
	Differs bool   `json:"differs"` // the content is not that of the first one
	Entries int    `json:"entries"` // how many have it
}

// joining is what an entry says of the message that it belongs to.
type joining struct {
	Message  uint64 `json:"message"`  // its number, which is that of its first entry
	Joined   string `json:"joined"`   // resend, exact, content or message-id; empty in the first entry
	Differs  bool   `json:"differs"`  // the content is not that of the first entry
	Collides uint64 `json:"collides"` // another message with the same Message-ID and other content; 0: none
	// Identity is what the mail's copies are told by; null in entries that are never
	// joined.
	Identity *mailIdentity `json:"identity"`
}

// mailIdentity is what the copies of a mail are told by, and the policy of joining that
// held when the entry came in.
type mailIdentity struct {
	SHA256    string `json:"sha256"`    // of the mail's bytes
	Canonical string `json:"canonical"` // half the digest of its content; empty: only the same bytes are joined
	MessageID string `json:"message_id"`
	Fields    string `json:"fields"` // half the digest of Message-ID, From and Date; empty where match is content
	Window    string `json:"window"`
	Match     string `json:"match"` // content or message-id
}

func newMail(m *archive.Message) mail {
	out := mail{
		ID: m.ID, Tenant: valid(m.Tenant), First: m.First.UTC(), Last: m.Last.UTC(),
		Entries: m.Entries, Unreadable: m.Unreadable, Cut: m.Cut, Sources: validAll(m.Sources),
		Senders: newParties(m.Senders), Recipients: newParties(m.Recipients),
		MessageID: valid(m.Summary.MessageID), Subject: valid(m.Summary.Subject), Date: dateOf(m.Summary.Date),
		Size: m.Size, Variants: make([]variant, 0, len(m.Variants)),
	}
	for i, v := range m.Variants {
		out.Variants = append(out.Variants, variant{
			Number: i + 1, Entry: v.Entry, SHA256: v.Exact.String(), Differs: v.Differs, Entries: v.Entries,
		})
	}
	return out
}

func newParties(list []archive.Party) []party {
	out := make([]party, 0, len(list))
	for i := range list {
		p := party{Address: valid(list[i].Address), Told: make([]told, 0, len(list[i].Told))}
		for _, t := range list[i].Told {
			p.Told = append(p.Told, told{
				Entry: t.Entry, Evidence: valid(string(t.Evidence)), Class: valid(string(t.Class)),
				History: valid(string(t.History)), From: valid(t.From),
			})
		}
		out = append(out, p)
	}
	return out
}

func newJoining(e *archive.Entry) joining {
	j := joining{Message: e.Message, Joined: string(e.Joined), Differs: e.Differs, Collides: e.Collides}
	if e.Identity != nil {
		j.Identity = &mailIdentity{
			SHA256: digestText(e.Identity.Exact), Canonical: halfText(e.Identity.Canonical), MessageID: valid(e.Identity.MessageID),
			Fields: halfText(e.Identity.Fields), Window: e.Join.Window.String(), Match: valid(string(e.Join.Match)),
		}
	}
	return j
}

// halfText gives the half of a digest that entries keep, and nothing for the zero one.
func halfText(d archive.Digest) string {
	text := digestText(d)
	return text[:len(text)/2]
}

// addresses gives those of senders or recipients, the null sender as "<>".
func addresses(list []party) []string {
	out := make([]string, len(list))
	for i, p := range list {
		if out[i] = p.Address; p.Address == "" {
			out[i] = "<>"
		}
	}
	return out
}
