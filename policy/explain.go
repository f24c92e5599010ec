package policy

import (
	"slices"

	"daybook/policy/condition"
)

// Explanation is a decision and how it came about.
type Explanation struct {
	Decision  Decision
	Direction string
	// Sender and Recipients are the addresses as the tenant sees them.
	Sender     Address
	Recipients []Address
	// Tried are the rules and then the source's words, in their order, up to the one
	// that decided.
	Tried []Trial
}

// Trial is a rule, or a word of the source, that was tried on a message.
type Trial struct {
	Name, At string
	Action   Action
	// Matches tells whether it is true of the message. It decides then, unless Held
	// says why it does not all the same.
	Matches bool
	Held    string
	// Err is why a rule could not be evaluated.
	Err error
	// Steps are the terms of a rule's condition that were looked at, with the value
	// each had.
	Steps []condition.Step
}

// Explain gives the decisions of Decide, each with what led to it.
func (p *Policy) Explain(f *Facts) []Explanation {
	m := p.mailOf(f)
	source := p.sourceOf(f.Source)
	var list []Explanation
	for _, tenant := range source.tenantsOf(m) {
		v := p.viewOf(m, tenant)
		e := Explanation{Direction: v.direction, Sender: v.sender, Recipients: slices.Clone(v.recipients)}
		e.Decision = p.decide(source, v, func(t *Trial) { e.Tried = append(e.Tried, *t) })
		v.close()
		list = append(list, e)
	}
	return list
}

func (r *Rule) trial(v *view, matches bool, held string, err error) *Trial {
	return &Trial{Name: r.Name, At: r.At, Action: r.Action, Matches: matches, Held: held, Err: err, Steps: r.when.Trace(v)}
}
