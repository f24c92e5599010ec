package ingest

import (
	"daybook/archive/journal"
	"daybook/archive/message"
)

// headerTruth takes sender and recipients from a message's own header: what is left
// when nothing better tells.
func headerTruth(head []byte) *message.Truth {
	h := message.ReadHeader(head)
	t := &message.Truth{Evidence: message.EvidenceHeader}
	if from := h.Addresses("From"); len(from) > 0 {
		t.Sender = from[0]
	}
	for _, a := range h.Addresses("To") {
		t.Recipients = append(t.Recipients, message.Recipient{Address: a, Class: message.ClassTo})
	}
	for _, a := range h.Addresses("Cc") {
		t.Recipients = append(t.Recipients, message.Recipient{Address: a, Class: message.ClassCc})
	}
	return t
}

// reportTruth takes what a report tells. One that tells no recipients leaves sender
// and recipients as they are known without it.
func reportTruth(r *journal.Report, known *message.Truth) *message.Truth {
	t := &message.Truth{Evidence: message.EvidenceEnvelope}
	switch {
	case len(r.Recipients) > 0:
		t.Evidence = message.EvidenceReport
		if r.Kind == journal.Header {
			t.Evidence = message.EvidenceFields
		}
		t.Sender, t.OnBehalfOf = r.Sender, r.OnBehalfOf
	case known != nil:
		*t = *known
	}
	t.Kind, t.Subject, t.MessageID, t.Label = string(r.Kind), r.Subject, r.MessageID, r.Label
	for i := range r.Recipients {
		from := &r.Recipients[i]
		t.Recipients = append(t.Recipients, message.Recipient{
			Address: from.Address, Class: message.Class(from.Class), History: message.History(from.History), From: from.From,
		})
	}
	if r.Kind == journal.Header {
		return t // the mail is the whole message
	}
	for i := range r.Originals {
		o := &r.Originals[i]
		t.Originals = append(t.Originals, message.Original{
			Start: o.Start, End: o.End, Encoding: o.Encoding, Protected: o.Protected, Decrypted: o.Decrypted,
		})
	}
	return t
}
