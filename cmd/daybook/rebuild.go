package main

import (
	"errors"
	"fmt"

	"daybook/archive"
)

type rebuildCmd struct {
	place `embed:""`
	JSON  bool `name:"json" help:"One JSON object a line: one for each damaged place, and the result."`
}

// rebuildResult is the result of daybook rebuild --json.
type rebuildResult struct {
	Entries  uint64 `json:"entries"`
	Events   uint64 `json:"events"`
	Contents uint64 `json:"contents"`
	Damage   int    `json:"damage"`
}

// Help is the long help of the command.
func (*rebuildCmd) Help() string {
	return `Makes the catalog anew from the ledger, for when the catalog is damaged. The ledger is not changed, and the old catalog is replaced only when the new one is complete. The daemon must be stopped.

Exit status: 0 when all is well, 1 when damage was found in the ledger (what is left is in the new catalog) or the work failed, 2 for wrong flags, a daemon that runs and a data folder that cannot be read.`
}

// Run rebuilds.
func (c *rebuildCmd) Run(env *environment) error {
	pol, err := c.policy()
	if err != nil {
		return err
	}
	dir := pol.Server.Data
	r, err := dialControl(env.ctx, pol.Server.Control.Address)
	if err == nil {
		return errors.Join(refuse(dir, errors.New("a daemon is using this data"), "stop it first"), r.Close())
	}
	if !errors.Is(err, errNoDaemon) {
		return err
	}
	bar := newProgress(env.stderr)
	defer bar.clear()
	lines := newLines(env.stdout)
	var writing error
	report, err := archive.Rebuild(env.ctx, dir, archive.Options{}, bar.bytes, func(d archive.Damage) {
		bar.clear()
		if c.JSON {
			writing = errors.Join(writing, lines.Encode(newDamage(&d)))
			return
		}
		_, err := fmt.Fprintln(env.stdout, clean(d.Error()))
		writing = errors.Join(writing, err)
	})
	bar.clear()
	if err != nil {
		return openFault(dir, err)
	}
	if c.JSON {
		writing = errors.Join(writing, lines.Encode(rebuildResult(report)))
	} else {
		_, err = fmt.Fprintf(env.stdout, "the catalog has %s and %s: %s\n", plural(report.Entries, "entry", "entries"),
			plural(report.Events, "event", "events"), wellOr(report.Damage))
		writing = errors.Join(writing, err)
	}
	return errors.Join(writing, damageFault(report.Damage))
}
