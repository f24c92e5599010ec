package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"daybook/archive/ingest"
	"daybook/policy"
)

// explanation is one line of daybook policy explain --json.
type explanation struct {
	ID         uint64            `json:"id"`   // 0: it is a file
	File       string            `json:"file"` // empty: it is an entry
	Source     string            `json:"source"`
	Received   time.Time         `json:"received"`
	Sender     string            `json:"sender"` // of the envelope
	Recipients []string          `json:"recipients"`
	MessageID  string            `json:"message_id"`
	Subject    string            `json:"subject"`
	Size       int64             `json:"size"`
	Flags      []string          `json:"flags"`    // what is odd about the delivery
	Recorded   *recordedDecision `json:"recorded"` // null for a file
	Policy     string            `json:"policy"`   // the digest of the one that judges
	Tenants    []tenantView      `json:"tenants"`
}

// recordedDecision is what was decided when an entry came in.
type recordedDecision struct {
	Tenant string `json:"tenant"`
	decision
}

// tenantView is what is decided for one tenant, and why.
type tenantView struct {
	Tenant     string        `json:"tenant"`
	Action     string        `json:"action"`
	Rule       string        `json:"rule"` // empty: none decided
	At         string        `json:"at"`
	Reason     string        `json:"reason"`
	Tags       []string      `json:"tags"`
	Flags      []string      `json:"flags"`
	Direction  string        `json:"direction"`
	Sender     addressView   `json:"sender"`
	Recipients []addressView `json:"recipients"`
	Tried      []trialView   `json:"tried"`
}

// addressView is an address as a tenant sees it.
type addressView struct {
	Address string `json:"address"`
	Counts  string `json:"counts_as"` // known, unknown internal, elsewhere or null sender
	Primary string `json:"primary"`
}

// trialView is a rule, or a word of the source, that was tried.
type trialView struct {
	Name    string     `json:"name"`
	At      string     `json:"at"`
	Action  string     `json:"action"`
	Matches bool       `json:"matches"`
	Held    string     `json:"held"` // why it does not decide although it matches
	Error   string     `json:"error"`
	Steps   []stepView `json:"steps"` // none for a word of the source
}

// stepView is a term of a condition that was looked at.
type stepView struct {
	Text  string `json:"text"`
	Depth int    `json:"depth"`
	Value bool   `json:"value"`
	Error string `json:"error"`
}

// explainArrival has a policy explain what it decides about a message.
func explainArrival(pol *policy.Policy, a *ingest.Arrival) (*explanation, error) {
	facts, flags, err := factsOf(pol, a)
	if err != nil {
		names := sourceNames(pol)
		wayOut := "name another with --source: " + strings.Join(names[:min(len(names), 10)], ", ")
		if a.Source == "" {
			return nil, refuse("--source", errors.New("the policy has more than one source"), wayOut)
		}
		return nil, refuse("", err, wayOut)
	}
	x := &explanation{
		Source: valid(a.Source), Received: a.Received.UTC(), Sender: valid(a.Envelope.Sender.Address),
		Recipients: validAll(a.Envelope.Addresses()), MessageID: valid(a.Summary.MessageID), Subject: valid(a.Summary.Subject),
		Size: a.Size, Flags: validAll(flags), Policy: fmt.Sprintf("%x", pol.Digest),
	}
	for _, e := range pol.Explain(facts) {
		x.Tenants = append(x.Tenants, newTenantView(&e))
	}
	return x, nil
}

func newTenantView(e *policy.Explanation) tenantView {
	d := &e.Decision
	v := tenantView{
		Tenant: d.Tenant, Action: string(d.Action), Rule: d.Rule, At: d.At, Reason: valid(d.Reason), Tags: validAll(d.Tags),
		Flags: validAll(d.Flags), Direction: e.Direction, Sender: newAddressView(&e.Sender),
		Recipients: make([]addressView, 0, len(e.Recipients)), Tried: make([]trialView, 0, len(e.Tried)),
	}
	for i := range e.Recipients {
		v.Recipients = append(v.Recipients, newAddressView(&e.Recipients[i]))
	}
	for i := range e.Tried {
		v.Tried = append(v.Tried, newTrialView(&e.Tried[i]))
	}
	return v
}

func newAddressView(a *policy.Address) addressView {
	v := addressView{Address: valid(a.Address), Primary: valid(a.Primary), Counts: "elsewhere"}
	switch {
	case a.Address == "":
		v.Counts = "null sender"
	case a.Known:
		v.Counts = "known"
	case a.Internal:
		v.Counts = "unknown internal"
	}
	return v
}

func newTrialView(t *policy.Trial) trialView {
	v := trialView{
		Name: t.Name, At: t.At, Action: string(t.Action), Matches: t.Matches, Held: t.Held, Error: errorText(t.Err), Steps: []stepView{},
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		v.Steps = append(v.Steps, stepView{Text: s.Text, Depth: s.Depth, Value: s.Value, Error: errorText(s.Err)})
	}
	return v
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return valid(err.Error())
}
