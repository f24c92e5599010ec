package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"daybook/policy/condition"

	"github.com/hashicorp/hcl/v2"
)

// Rule says what becomes of the messages for which its condition is true.
type Rule struct {
	Name string
	// At is its place, as file:line.
	At     string
	Action Action
	Tags   []string
	Reason string

	when *condition.Condition[view]
	// addressed tells that the condition looks at sender, recipients or direction.
	addressed bool
}

type ruleBody struct {
	Name         string         `hcl:"name,label"`
	Range        hcl.Range      `hcl:",def_range"`
	When         *hcl.Attribute `hcl:"when,optional"`
	Action       *hcl.Attribute `hcl:"action,optional"`
	Tags         *hcl.Attribute `hcl:"tags,optional"`
	Reason       *hcl.Attribute `hcl:"reason,optional"`
	TrustHeaders *hcl.Attribute `hcl:"trust_headers,optional"`
}

// rules reads the rules. Everything that they can name must have been read.
func (b *builder) rules(p *Policy, list []ruleBody) {
	seen := make(map[string]hcl.Range)
	facts := schemaOf(p)
	var last *ruleBody // the one that leaves nothing to those behind it
	for i := range list {
		body := &list[i]
		b.name("rule", body.Name, body.Range, seen)
		if body.Name == wordNonInternal || body.Name == wordUnknownInternal || body.Name == wordOnOld {
			b.fault(body.Range, "Misleading name", "In decisions %q is a word of the source: give the rule another name.", body.Name)
		}
		if last != nil {
			b.fault(body.Range, "Rule never reached",
				"The rule %q at %s matches every message, and the first rule that matches decides: move it to the end, or narrow it.",
				last.Name, place(last.Range))
		}
		r := b.rule(facts, body)
		if r.when != nil {
			if always, constant := r.when.Constant(); constant && always && last == nil {
				last = body
			}
		}
		p.Rules = append(p.Rules, r)
	}
}

func (b *builder) rule(facts *condition.Schema[view], body *ruleBody) Rule {
	r := Rule{Name: body.Name, At: line(body.Range), Reason: b.text(body.Reason), Tags: b.tags(body.Tags)}
	r.Action = Action(b.choice(body.Action, string(Archive), string(Quarantine), string(Skip)))
	if body.Action == nil {
		b.fault(body.Range, "No action", "Add action = \"archive\", \"quarantine\" or \"skip\".")
	}
	if body.When == nil {
		b.fault(body.Range, "No condition", "Add when = and the condition, or when = true for every message.")
		return r
	}
	when, diags := facts.Compile(body.When.Expr, b.files[body.When.Range.Filename])
	b.diags = append(b.diags, diags...)
	if diags.HasErrors() {
		return r
	}
	r.when, r.addressed = when, looksAtAddresses(when)
	if trusts := b.flag(body.TrustHeaders, false); r.Action == Skip && when.ContentAlone() && !trusts {
		b.fault(body.When.Expr.Range(), "Skips by what the sender says",
			"Anyone can write anything into a message and its envelope, and this rule would have such mail left out of the archive. "+
				"Add a condition that the sender cannot meet at will, as client.address, client.user, a recipient or one of several sources, "+
				"take action = \"quarantine\", or write trust_headers = true if that is what you want.")
	}
	return r
}

func looksAtAddresses(when *condition.Condition[view]) bool {
	return slices.ContainsFunc([]string{
		"direction", "sender.address", "sender.domain", "sender.primary", "sender.internal", "sender.known",
		"recipients", "recipients.address", "recipients.domain", "recipients.primary", "recipients.internal", "recipients.known",
	}, when.Uses)
}

// Bounds of tags.
const (
	maxTags   = 16
	maxTagLen = 64
)

// tags reads the tags, which are words so that they can be searched for.
func (b *builder) tags(a *hcl.Attribute) []string {
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)
	var list []string
	for _, it := range b.items(a) {
		switch {
		case !form.MatchString(it.text) || len(it.text) > maxTagLen:
			b.wrongItem(a, it, "%q is not a tag: 1 to %d letters, digits and . _ : / -, a letter or digit first.", it.text, maxTagLen)
		case slices.Contains(list, it.text):
			b.wrongItem(a, it, "%q stands there twice.", it.text)
		default:
			list = append(list, it.text)
		}
	}
	if len(list) > maxTags {
		b.wrong(a, "There are %d tags, and at most %d can be given.", len(list), maxTags)
	}
	return list
}

// line gives a place as decisions and tests name it: by the name that the file has
// among those of the policy.
func line(r hcl.Range) string { return fmt.Sprintf("%s:%d", filepath.Base(r.Filename), r.Start.Line) }
