package main

import (
	"strconv"
	"strings"
	"time"

	"daybook/archive"
)

type quarantineListCmd struct {
	place  `embed:""`
	filter `embed:""`
	JSON   bool `name:"json" help:"One JSON object a line."`
}

// Help is the long help of the command.
func (*quarantineListCmd) Help() string {
	return `Lists the entries that are in quarantine in the order in which they came in, each receipt of a mail by itself, with the rule that put it there. What waits has not been looked at; what is kept was confirmed with daybook quarantine keep. daybook get writes a message, daybook policy explain says more about why it is here.

Exit status: 0 when all was listed, 1 when an entry is damaged or the listing failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run lists.
func (c *quarantineListCmd) Run(env *environment) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	q.Quarantine = archive.QuarantineOnly
	return withStore(env.ctx, &c.place, func(s store) error {
		entries := s.List(env.ctx, q)
		if c.JSON {
			return printJSON(env, entries)
		}
		t := newTable(env.stdout, ">ID", "RECEIVED (UTC)", "STATE", "SENDER", "RECIPIENTS", "SUBJECT", "WHY")
		return printTable(env, t, entries, func(e entry) []string {
			return []string{
				strconv.FormatUint(e.ID, 10), e.Received.Format(time.DateTime), e.Quarantine, senderCell(&e),
				shortRecipients(e.Recipients), cut(clean(e.Subject), 40), e.Decision.why(),
			}
		})
	})
}

// why names the rule that decided, where it stands and its reason.
func (d *decision) why() string {
	parts := []string{"no rule"}
	if d.Rule != "" {
		parts[0] = d.Rule
	}
	if d.At != "" {
		parts[0] += " at " + d.At
	}
	if d.Reason != "" {
		parts = append(parts, d.Reason)
	}
	return strings.Join(parts, ": ")
}
