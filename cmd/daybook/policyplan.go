package main

import (
	"errors"
	"fmt"
	"strings"

	"daybook/archive"
	"daybook/policy"
)

type policyPlanCmd struct {
	place    `embed:""`
	filter   `embed:""`
	Path     string `arg:"" help:"The new policy: an HCL file, or a folder with *.hcl files."`
	Examples int    `default:"3" placeholder:"N" help:"Name this many messages of each kind of change, 3 without it."`
	JSON     bool   `name:"json" help:"One JSON object."`
}

// Help is the long help of the command.
func (*policyPlanCmd) Help() string {
	return `Has a new policy judge what came in under the old ones, and shows what would differ from what was decided then. Nothing is changed. The filters choose among the messages; for each entry the decision of its own tenant counts.

Of messages that were skipped only the envelope, the size and the Message-ID are left. They are counted apart; where the new policy has to look at more, it cannot be told what it would do.

Exit status: 0 when all was judged, 1 when an entry is damaged or the work failed, 2 for wrong flags, a policy that is wrong and a data folder that cannot be read.`
}

// Run plans.
func (c *policyPlanCmd) Run(env *environment) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	if c.Examples < 0 {
		return refuse("--examples", fmt.Errorf("%d is less than nothing", c.Examples), "give a number from 0, or leave it out")
	}
	pol, err := loadPolicy(c.Path, "")
	if err != nil {
		return err
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		p := newPlan(env, s, pol, c.Examples)
		defer p.progress.clear()
		if err := pol.Check(); err != nil {
			fmt.Fprintln(env.stderr, clean("daybook: warning: a reload would refuse this policy: "+err.Error()))
		}
		if err := p.entries(q); err != nil {
			return err
		}
		if err := p.events(q); err != nil {
			return err
		}
		p.progress.clear()
		result := p.finish()
		if c.JSON {
			err = newLines(env.stdout).Encode(result)
		} else {
			err = result.write(env.stdout)
		}
		return errors.Join(err, damageFault(result.Damaged))
	})
}

// entries judges the entries.
func (p *plan) entries(q archive.Query) error {
	for e, err := range p.store.List(p.env.ctx, q) {
		if err == nil {
			p.count, p.last = p.count+1, e.ID
			err = p.judge(&e)
		}
		if err := p.damaged(err); err != nil {
			return err
		}
		p.progress.show(grouped(p.count) + " entries")
	}
	return nil
}

// damaged names damage and goes on.
func (p *plan) damaged(err error) error {
	if !isDamage(err) {
		return err
	}
	p.result.Damaged++
	p.progress.clear()
	fmt.Fprintln(p.env.stderr, clean("daybook: "+err.Error()))
	return nil
}

// judge judges one entry.
func (p *plan) judge(e *entry) error {
	body := &storedBody{ctx: p.env.ctx, store: p.store, id: e.ID, size: e.Size}
	defer body.close()
	facts, _, err := factsOf(p.policy, e.arrival(body))
	if unknown, ok := errors.AsType[*noSource](err); ok {
		p.noSource(unknown.name)
		return nil
	}
	if err != nil {
		return err
	}
	decisions := p.policy.Decide(facts)
	if body.err != nil {
		return body.err
	}
	for i := range decisions {
		if decisions[i].Tenant == e.Tenant {
			p.compare(e, &decisions[i])
			return nil
		}
	}
	p.result.OtherTenants++
	return nil
}

// events judges the messages that were skipped, as far as the events tell.
func (p *plan) events(q archive.Query) error {
	wanted := q
	q.Kind, q.Sender, q.Recipient, q.MessageID = archive.EventSkip, "", "", ""
	if q.Limit > 0 && p.count >= q.Limit {
		// What lies behind the last entry was not asked for.
		if q.Reverse {
			q.After = max(q.After, p.last)
		} else {
			q.Before = p.last
		}
	}
	q.Limit = 0
	for e, err := range p.store.Events(p.env.ctx, q) {
		if err == nil && wantsSkipped(&wanted, &e) {
			p.judgeSkipped(&e)
		}
		if err := p.damaged(err); err != nil {
			return err
		}
		p.progress.show(grouped(p.count) + " entries, and events")
	}
	return nil
}

// wantsSkipped tells whether a query of entries wants the message of an event.
func wantsSkipped(q *archive.Query, e *event) bool {
	recipient := q.Recipient == ""
	for _, r := range e.Recipients {
		recipient = recipient || strings.EqualFold(r, q.Recipient)
	}
	return recipient && (q.Sender == "" || strings.EqualFold(q.Sender, e.Sender)) &&
		(q.MessageID == "" || strings.Trim(q.MessageID, "<> ") == strings.Trim(e.MessageID, "<> "))
}

// judgeSkipped judges a message of which an event is left.
func (p *plan) judgeSkipped(e *event) {
	r := &p.result.Skipped
	body := &unknownBody{}
	facts, _, err := factsOf(p.policy, e.arrival(body))
	if unknown, ok := errors.AsType[*noSource](err); ok {
		p.noSource(unknown.name)
		return
	}
	r.Messages++
	for _, x := range p.policy.Explain(facts) {
		if x.Decision.Tenant != e.Tenant {
			continue
		}
		switch {
		case body.asked || p.usesContent(x.Tried):
			r.Unknown++
		case x.Decision.Action == policy.Skip:
			r.Skip++
		default:
			r.Keep++
		}
		return
	}
	if body.asked {
		r.Unknown++
		return
	}
	r.OtherTenants++
}

// usesContent tells whether one of the rules tried uses what an event does not tell
// and what is not read from the message either.
func (p *plan) usesContent(tried []policy.Trial) bool {
	for i := range tried {
		rule := p.rules[tried[i].Name]
		if rule == nil || len(tried[i].Steps) == 0 {
			continue
		}
		for _, fact := range []string{"message.subject", "message.date", "message.age"} {
			if rule.Uses(fact) {
				return true
			}
		}
	}
	return false
}
