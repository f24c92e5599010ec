package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"daybook/archive"
	"daybook/archive/message"
)

// truth is what a journal's report, or the header, tells of the mail inside a
// delivery.
type truth struct {
	Kind       string      `json:"kind"` // the form of the delivery
	Sender     string      `json:"sender"`
	OnBehalfOf string      `json:"on_behalf_of"`
	Recipients []recipient `json:"recipients"`
	Subject    string      `json:"subject"`
	MessageID  string      `json:"message_id"`
	Label      string      `json:"label"`
	Originals  []original  `json:"originals"`
}

// recipient is somebody who received the mail.
type recipient struct {
	Address string `json:"address"`
	Class   string `json:"class"`   // to, cc, bcc or unknown
	History string `json:"history"` // expanded, forwarded, or empty
	From    string `json:"from"`    // the list or the recipient that history speaks of
}

// original is a mail within the delivery: its bytes from start to before end.
type original struct {
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	Encoding  string `json:"encoding"`
	Protected bool   `json:"protected"`
	Decrypted bool   `json:"decrypted"`
}

// newTruth gives the truth of an entry; nil when it has none.
func newTruth(t *message.Truth) *truth {
	if t == nil {
		return nil
	}
	out := &truth{
		Kind: valid(t.Kind), Sender: valid(t.Sender), OnBehalfOf: valid(t.OnBehalfOf), Recipients: newRecipients(t.Recipients),
		Subject: valid(t.Subject), MessageID: valid(t.MessageID), Label: valid(t.Label), Originals: []original{},
	}
	for _, o := range t.Originals {
		out.Originals = append(out.Originals, original{
			Start: o.Start, End: o.End, Encoding: valid(o.Encoding), Protected: o.Protected, Decrypted: o.Decrypted,
		})
	}
	return out
}

func newRecipients(list []message.Recipient) []recipient {
	out := make([]recipient, 0, len(list))
	for _, r := range list {
		out = append(out, recipient{
			Address: valid(r.Address), Class: valid(string(r.Class)), History: valid(string(r.History)), From: valid(r.From),
		})
	}
	return out
}

// whoReceived gives the addresses of those who received an entry's mail, each once,
// and by what they are known.
func whoReceived(e *archive.Entry) (addresses []string, evidence message.Evidence) {
	all, evidence := e.Recipients()
	addresses = make([]string, 0, len(all))
	seen := make(map[string]bool, len(all))
	for _, r := range all {
		if !seen[r.Address] {
			seen[r.Address] = true
			addresses = append(addresses, valid(r.Address))
		}
	}
	return addresses, evidence
}

// shown gives the number, from 1, of the original that stands for the mail: where
// clear text is preferred the decrypted one, else the first. It is 0 where there is
// none.
func (t *truth) shown(clearText bool) int {
	if t == nil || len(t.Originals) == 0 {
		return 0
	}
	if clearText {
		if i := slices.IndexFunc(t.Originals, func(o original) bool { return o.Decrypted }); i >= 0 {
			return i + 1
		}
	}
	return 1
}

// everybody gives those who received the mail, with how.
func (e *entry) everybody() []recipient {
	if e.Truth != nil && e.Evidence != string(message.EvidenceEnvelope) {
		return e.Truth.Recipients
	}
	list := make([]recipient, 0, len(e.EnvelopeRecipients))
	for _, address := range e.EnvelopeRecipients {
		list = append(list, recipient{Address: address, Class: string(message.ClassUnknown)})
	}
	return list
}

// senderOf gives the sender of the mail, "<>" for the null sender. Where only the
// header could tell, and does not, nothing is known.
func senderOf(e *entry) string {
	if e.Sender == "" && e.Evidence != string(message.EvidenceHeader) {
		return "<>"
	}
	return e.Sender
}

// printReport shows who sent and received an entry's mail, and who says so.
func printReport(w io.Writer, e *entry, v *view) error {
	t := e.Truth
	if t == nil {
		t = &truth{}
	}
	lines := [][2]string{
		{"entry", strconv.FormatUint(e.ID, 10)},
		{"evidence", e.Evidence},
		{"kind", cmp.Or(t.Kind, "plain mail")},
		{"sender", senderOf(e)},
		{"on behalf of", t.OnBehalfOf},
		{"subject", cmp.Or(t.Subject, e.Subject)},
		{"message-id", cmp.Or(t.MessageID, e.MessageID)},
		{"label", t.Label},
		{"flags", strings.Join(e.Flags, " ")},
		{"delivered", fmt.Sprintf("by %s to %s", cmp.Or(e.EnvelopeSender, "<>"), strings.Join(e.EnvelopeRecipients, ", "))},
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%-14s%s\n", line[0], clean(cmp.Or(line[1], "-"))); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	people := newTable(w, "CLASS", "RECIPIENT", "HISTORY")
	for _, r := range e.everybody() {
		history := r.History
		if r.From != "" {
			history += " from " + r.From
		}
		if err := people.row(r.Class, r.Address, cmp.Or(history, "-")); err != nil {
			return err
		}
	}
	if err := people.flush(); err != nil || len(t.Originals) == 0 {
		return err
	}
	return printOriginals(w, t, v)
}

func printOriginals(w io.Writer, t *truth, v *view) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	table := newTable(w, ">ORIGINAL", ">START", ">END", "ENCODING", "WHICH")
	for i, o := range t.Originals {
		var which []string
		for _, word := range []struct {
			is   bool
			text string
		}{{o.Protected, "protected"}, {o.Decrypted, "decrypted"}, {t.shown(v.ClearText) == i+1, "shown"}} {
			if word.is {
				which = append(which, word.text)
			}
		}
		if err := table.row(strconv.Itoa(i+1), strconv.FormatInt(o.Start, 10), strconv.FormatInt(o.End, 10),
			cmp.Or(o.Encoding, "-"), cmp.Or(strings.Join(which, ", "), "-")); err != nil {
			return err
		}
	}
	return table.flush()
}
