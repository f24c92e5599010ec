package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"daybook/policy"
)

// planResult is the object of daybook policy plan --json.
type planResult struct {
	Policy string `json:"policy"` // the digest of the new one
	// Messages are the entries that the new policy has a decision for, Actions what
	// it would do with them.
	Messages int            `json:"messages"`
	Actions  map[string]int `json:"actions"`
	// Differ are those that would be treated otherwise than they were.
	Differ  int           `json:"differ"`
	Changes []*planChange `json:"changes"`
	// OtherTenants are the entries that would be other tenants' only.
	OtherTenants int `json:"other_tenants"`
	// NoSource counts what came in by a source that the new policy does not have.
	NoSource map[string]int `json:"no_source"`
	Skipped  planSkipped    `json:"skipped"`
	Damaged  int            `json:"damaged"`
}

// planChange is one kind of difference.
type planChange struct {
	From     string         `json:"from"`
	To       string         `json:"to"` // the same as From where only the tags differ
	Count    int            `json:"count"`
	Rules    []*planRule    `json:"rules"` // what would decide
	Examples []*planExample `json:"examples"`

	rules map[string]*planRule
}

// planRule is a rule that would decide, and how often.
type planRule struct {
	Rule  string `json:"rule"` // empty: none matches
	At    string `json:"at"`
	Count int    `json:"count"`
}

// planExample is a message that would be treated otherwise.
type planExample struct {
	ID         uint64    `json:"id"`
	Received   time.Time `json:"received"`
	Sender     string    `json:"sender"`
	Recipients []string  `json:"recipients"`
	Subject    string    `json:"subject"`
	Rule       string    `json:"rule"`
	At         string    `json:"at"`
	Tags       []string  `json:"tags"`
}

// planSkipped counts the messages that were skipped and what the new policy would do.
type planSkipped struct {
	Messages     int `json:"messages"`
	Skip         int `json:"skip"`
	Keep         int `json:"keep"`
	OtherTenants int `json:"other_tenants"`
	Unknown      int `json:"unknown"` // it would have to look at their content
}

// plan is one run of the command.
type plan struct {
	env      *environment
	store    store
	policy   *policy.Policy
	rules    map[string]*policy.Rule
	examples int // of each kind of change
	progress *progress
	count    int
	last     uint64
	changes  map[[2]string]*planChange
	result   planResult
}

func newPlan(env *environment, s store, pol *policy.Policy, examples int) *plan {
	p := &plan{
		env: env, store: s, policy: pol, rules: make(map[string]*policy.Rule), examples: examples,
		progress: newProgress(env.stderr), changes: make(map[[2]string]*planChange),
		result: planResult{
			Policy: fmt.Sprintf("%x", pol.Digest), Changes: []*planChange{}, NoSource: make(map[string]int),
			Actions: map[string]int{string(policy.Archive): 0, string(policy.Skip): 0, string(policy.Quarantine): 0},
		},
	}
	for i := range pol.Rules {
		p.rules[pol.Rules[i].Name] = &pol.Rules[i]
	}
	return p
}

// maxNames bounds the sources that are counted each for itself.
const maxNames = 1000

func (p *plan) noSource(name string) {
	if _, ok := p.result.NoSource[name]; !ok && len(p.result.NoSource) >= maxNames {
		name = "others"
	}
	p.result.NoSource[name]++
}

// compare counts an entry and what would differ.
func (p *plan) compare(e *entry, d *policy.Decision) {
	r := &p.result
	r.Messages++
	r.Actions[string(d.Action)]++
	was := cmp.Or(e.Decision.Action, string(policy.Archive))
	if was == string(d.Action) && slices.Equal(e.Decision.Tags, d.Tags) {
		return
	}
	r.Differ++
	key := [2]string{was, string(d.Action)}
	c := p.changes[key]
	if c == nil {
		c = &planChange{From: key[0], To: key[1], Examples: []*planExample{}, rules: make(map[string]*planRule)}
		p.changes[key] = c
		r.Changes = append(r.Changes, c)
	}
	c.add(e, d, p.examples)
}

// add counts an entry as one of the kind.
func (c *planChange) add(e *entry, d *policy.Decision, examples int) {
	c.Count++
	by := c.rules[d.Rule+"\x00"+d.At]
	if by == nil {
		by = &planRule{Rule: d.Rule, At: d.At}
		c.rules[d.Rule+"\x00"+d.At] = by
		c.Rules = append(c.Rules, by)
	}
	by.Count++
	if len(c.Examples) < examples {
		c.Examples = append(c.Examples, &planExample{
			ID: e.ID, Received: e.Received, Sender: e.Sender, Recipients: e.Recipients, Subject: e.Subject,
			Rule: d.Rule, At: d.At, Tags: validAll(d.Tags),
		})
	}
}

// finish gives the result: what is frequent comes first.
func (p *plan) finish() *planResult {
	slices.SortStableFunc(p.result.Changes, func(a, b *planChange) int { return cmp.Compare(b.Count, a.Count) })
	for _, c := range p.result.Changes {
		slices.SortStableFunc(c.Rules, func(a, b *planRule) int { return cmp.Compare(b.Count, a.Count) })
	}
	return &p.result
}

// write prints the result.
func (r *planResult) write(w io.Writer) error {
	messages := "messages"
	if r.Messages == 1 {
		messages = "message"
	}
	say(w, 0, "of %s %s: keep %s, skip %s, quarantine %s; %s differ from what was decided", grouped(r.Messages), messages,
		grouped(r.Actions[string(policy.Archive)]), grouped(r.Actions[string(policy.Skip)]),
		grouped(r.Actions[string(policy.Quarantine)]), grouped(r.Differ))
	if s := &r.Skipped; s.Messages > 0 {
		say(w, 0, "%s skipped then, whose content is not there: %s", grouped(s.Messages), s.text())
	}
	if r.OtherTenants > 0 {
		say(w, 0, "%s to other tenants than then", grouped(r.OtherTenants))
	}
	for _, name := range slices.Sorted(maps.Keys(r.NoSource)) {
		say(w, 0, "%s by %s: no such source in the new policy", grouped(r.NoSource[name]), name)
	}
	for _, c := range r.Changes {
		if err := c.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *planSkipped) text() string {
	text := fmt.Sprintf("%s again, %s kept", grouped(s.Skip), grouped(s.Keep))
	if s.OtherTenants > 0 {
		text += fmt.Sprintf(", %s other tenants'", grouped(s.OtherTenants))
	}
	if s.Unknown > 0 {
		text += fmt.Sprintf(", %s cannot be told", grouped(s.Unknown))
	}
	return text
}

func (c *planChange) write(w io.Writer) error {
	say(w, 0, "")
	if c.From == c.To {
		say(w, 0, "%s, with other tags: %s", c.To, grouped(c.Count))
	} else {
		say(w, 0, "%s -> %s: %s", c.From, c.To, grouped(c.Count))
	}
	for _, r := range c.Rules {
		say(w, 2, "%s by %s", grouped(r.Count), ruleAt(r.Rule, r.At))
	}
	if len(c.Examples) == 0 {
		return nil
	}
	t := newTable(w, ">  ID", "RECEIVED (UTC)", "SENDER", "RECIPIENTS", "SUBJECT", "RULE")
	for _, e := range c.Examples {
		if err := t.row(fmt.Sprint(e.ID), e.Received.Format(time.DateTime), shortSender(e.Sender),
			shortRecipients(e.Recipients), cut(clean(e.Subject), 40), ruleAt(e.Rule, e.At)); err != nil {
			return err
		}
	}
	return t.flush()
}

func ruleAt(rule, at string) string {
	switch {
	case rule == "":
		return "no rule"
	case at == "":
		return rule
	}
	return rule + " at " + at
}
