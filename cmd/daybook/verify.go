package main

import (
	"errors"
	"fmt"
)

type verifyCmd struct {
	place   `embed:""`
	Orphans bool `help:"Also name the contents that nothing needs, and what space they take; they are no damage."`
	JSON    bool `name:"json" help:"One JSON object a line: one for each damaged place, and the result."`
}

// Help is the long help of the command.
func (*verifyCmd) Help() string {
	return `Reads everything there is, checks and hashes it again, compares the catalog with the ledger, joins the entries to messages again and compares that and the totals of the tenants, and names each entry that is damaged. Capture goes on meanwhile.

With --orphans everything is read a second time, for contents that nothing needs: "unused" ones were left by deliveries that broke off, and of "superseded" ones there is a newer copy. daybook compact gives their space back.

Exit status: 0 when all is well, 1 when damage was found or the work failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run verifies.
func (c *verifyCmd) Run(env *environment) error {
	return withStore(env.ctx, &c.place, func(s store) error {
		bar := newProgress(env.stderr)
		defer bar.clear()
		lines := newLines(env.stdout)
		var writing error
		result, err := s.Verify(env.ctx, bar.bytes, func(d damage) {
			bar.clear()
			if c.JSON {
				writing = errors.Join(writing, lines.Encode(d))
				return
			}
			_, err := fmt.Fprintln(env.stdout, clean(d.err().Error()))
			writing = errors.Join(writing, err)
		})
		bar.clear()
		if err := errors.Join(err, writing); err != nil {
			return err
		}
		if c.JSON {
			err = lines.Encode(result)
		} else {
			_, err = fmt.Fprintf(env.stdout, "read %s, %s, %s of messages: %s\n", plural(result.Entries, "entry", "entries"),
				plural(result.Events, "event", "events"), readableSize(result.Bytes), wellOr(result.Damage))
		}
		if err == nil && c.Orphans {
			err = c.orphans(env, s, bar)
		}
		return errors.Join(err, damageFault(result.Damage))
	})
}

func wellOr(damaged int) string {
	if damaged == 0 {
		return "all is well"
	}
	return plural(damaged, "damaged place", "damaged places")
}
