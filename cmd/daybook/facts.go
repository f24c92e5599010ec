package main

import (
	"fmt"

	"daybook/archive/ingest"
	"daybook/archive/message"
	"daybook/policy"
)

// noSource is the error of a message whose source a policy does not have.
type noSource struct{ name string }

func (e *noSource) Error() string { return fmt.Sprintf("the policy has no source %q", e.name) }

// factsOf gives what a policy has to know of a message, and what is odd about it.
func factsOf(pol *policy.Policy, a *ingest.Arrival) (*policy.Facts, []string, error) {
	if pol.Source(a.Source) == nil {
		return nil, nil, &noSource{a.Source}
	}
	facts, flags := ingest.FactsOf(pol, a)
	return facts, flags, nil
}

// arrival gives an entry as it came in.
func (e *entry) arrival(body ingest.Body) *ingest.Arrival {
	a := &ingest.Arrival{
		Source: e.Source, Received: e.Received, Envelope: e.envelope(e.EnvelopeSender, e.EnvelopeRecipients), Body: body, Size: e.Size,
		Summary: message.Summary{MessageID: e.MessageID, Subject: e.Subject},
	}
	if !e.Date.IsZero() {
		a.Summary.Date = e.Date.Unix()
	}
	return a
}

// arrival gives the message that an event is about as it came in, as far as the event
// tells.
func (e *event) arrival(body ingest.Body) *ingest.Arrival {
	return &ingest.Arrival{
		Source: e.Source, Received: e.Time, Envelope: e.envelope(e.Sender, e.Recipients), Body: body, Size: e.Size,
		Summary: message.Summary{MessageID: e.MessageID},
	}
}

// envelope gives the envelope of a message that the peer handed over.
func (p *peer) envelope(sender string, recipients []string) *message.Envelope {
	e := &message.Envelope{
		Sender: message.Path{Address: sender},
		Client: message.Client{
			Address: p.Client, Name: p.ClientName, Helo: p.Helo, Protocol: p.Protocol, User: p.User, TLS: p.TLS,
		},
	}
	for _, r := range recipients {
		e.Recipients = append(e.Recipients, message.Path{Address: r})
	}
	return e
}
