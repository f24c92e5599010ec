package policy

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Decision is what a policy says about a message for one tenant, and why.
type Decision struct {
	// Tenant is whose decision it is.
	Tenant string
	Action Action
	// Rule names what decided: a rule, or the source's "non_internal",
	// "unknown_internal" or "on_old". It is empty when nothing did, and the message
	// is archived therefore.
	Rule string
	// At is the place of Rule, as file:line.
	At string
	// Reason is the rule's.
	Reason string
	Tags   []string
	// Flags name what is odd: [FlagOld], [FlagRuleError].
	Flags []string
	// Policy is the digest of the policy that decided.
	Policy [sha256.Size]byte
}

// Flags of a decision.
const (
	// FlagOld: the Date field is older than the source's max_age.
	FlagOld = "old"
	// FlagRuleError: a rule could not be evaluated; the message is archived, and
	// Reason says what was wrong.
	FlagRuleError = "rule-error"
)

// Decide says what becomes of a message: for every tenant of its source that has an
// internal address in it, else for the one that the source names for mail that is
// nobody's. There is always at least one decision. The rules are tried in their order
// and the first that matches decides; when none does, the words of the source do:
// non_internal, unknown_internal, on_old. Where it is not known for sure who sent and
// received a message, nothing that skips rests on that. Mail of a source that the
// policy does not have is archived for the first tenant. It does no I/O but for calling
// Facts.Head, and is safe for concurrent use.
func (p *Policy) Decide(f *Facts) []Decision {
	m := p.mailOf(f)
	source := p.sourceOf(f.Source)
	tenants := source.tenantsOf(m)
	list := make([]Decision, len(tenants))
	for i, tenant := range tenants {
		v := p.viewOf(m, tenant)
		list[i] = p.decide(source, v, nil)
		v.close()
	}
	return list
}

// tenantsOf gives the tenants who decide about a message, at least one. Where it is
// not known for sure who sent and received it, the one for mail that is nobody's is
// among them: it may be that of others too.
func (s *Source) tenantsOf(m *mail) []string {
	if len(s.Tenants) == 1 {
		return s.Tenants
	}
	var owners []string
	seen := map[string]bool{"": true}
	add := func(owner string) {
		if !seen[owner] {
			seen[owner] = true
			owners = append(owners, owner)
		}
	}
	add(m.from.owner)
	for i := range m.others {
		add(m.others[i].owner)
	}
	for i := range m.to {
		add(m.to[i].owner)
	}
	own := make(map[string]bool, len(s.Tenants))
	for _, tenant := range s.Tenants {
		own[tenant] = true
	}
	list := slices.DeleteFunc(owners, func(owner string) bool { return !own[owner] })
	if len(list) == 0 || m.unsure && !slices.Contains(list, s.Unclaimed) {
		list = append(list, s.Unclaimed)
	}
	return list
}

// decide gives the decision of one tenant, and tells tried, unless nil, of each
// rule and word in turn.
func (p *Policy) decide(s *Source, v *view, tried func(*Trial)) Decision {
	d := Decision{Tenant: v.tenant, Action: Archive, Policy: p.Digest}
	old := s.isOld(v.Facts)
	if old {
		d.Flags = append(d.Flags, FlagOld)
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		matches, err := r.when.Eval(v)
		held := ""
		if r.Action == Skip && r.addressed {
			held = v.held()
		}
		if tried != nil {
			tried(r.trial(v, matches, held, err))
		}
		if held != "" && err == nil {
			continue
		}
		switch {
		case err != nil:
			// Neither this rule nor a later one can be relied upon: keep the mail.
			d.Rule, d.At, d.Reason = r.Name, r.At, fmt.Sprintf("the rule cannot be evaluated: %v", err)
			d.Flags = append(d.Flags, FlagRuleError)
			return d
		case matches:
			d.Action, d.Rule, d.At, d.Reason, d.Tags = r.Action, r.Name, r.At, r.Reason, r.Tags
			return d
		}
	}
	for _, w := range s.words(v, old) {
		held := ""
		if w.action == Skip {
			held = v.held()
		}
		if tried != nil {
			tried(&Trial{Name: w.name, At: w.at, Action: w.action, Matches: w.applies, Held: held})
		}
		if w.applies && held == "" {
			d.Action, d.Rule, d.At = w.action, w.name, w.at
			break
		}
	}
	return d
}

// isOld tells that the sender's clock puts the message further into the past than
// the source's max_age.
func (s *Source) isOld(f *Facts) bool {
	return s.MaxAge > 0 && f.Summary.Date != 0 && f.Received.Sub(time.Unix(f.Summary.Date, 0)) > s.MaxAge
}

// Names of a source's words, as decisions give them.
const (
	wordNonInternal     = "non_internal"
	wordUnknownInternal = "unknown_internal"
	wordOnOld           = "on_old"
)

// word is one of a source's words, and whether it applies to a message.
type word struct {
	name, at string
	action   Action
	applies  bool
}

// words gives the source's words that say something else than archive, in the
// order in which they are tried.
func (s *Source) words(v *view, old bool) []word {
	all := [...]word{
		{wordNonInternal, s.at.nonInternal, s.NonInternal, v.nonInternal()},
		{wordUnknownInternal, s.at.unknownInternal, s.UnknownInternal, v.unknownInternal()},
		{wordOnOld, s.at.onOld, s.OnOld, old},
	}
	list := make([]word, 0, len(all))
	for _, w := range all {
		if w.action != "" && w.action != Archive {
			list = append(list, w)
		}
	}
	return list
}
