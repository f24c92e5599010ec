package main

import (
	"errors"
	"fmt"
)

type policyReloadCmd struct {
	place `embed:""`
	JSON  bool `name:"json" help:"One JSON object."`
}

// Help is the long help of the command.
func (*policyReloadCmd) Help() string {
	return `Has the daemon read its configuration again, check it and run its tests. When nothing is wrong it judges all messages from then on; otherwise everything stays as it was. What the daemon runs on does not change that way: the server block but for max_message and max_in_flight, and where milters and listeners listen.

Exit status: 0 when the policy judges, 1 when the work failed, 2 when the policy is wrong or cannot be put in place of the old one, when no daemon runs, and for wrong flags.`
}

// Run reloads.
func (c *policyReloadCmd) Run(env *environment) error {
	pol, err := c.server() // what else is wrong the daemon says
	if err != nil && c.Data != "" {
		pol, err = (&place{Data: c.Data}).policy()
	}
	if err != nil {
		return stays(err)
	}
	socket := pol.Server.Control.Address
	r, err := dialControl(env.ctx, socket)
	if errors.Is(err, errNoDaemon) {
		return refuse(socket, err, "name its data folder with --data or --config; one that starts reads the policy anyway")
	}
	if err != nil {
		return err
	}
	result, err := r.reload(env.ctx)
	if err != nil {
		return errors.Join(stays(err), r.Close())
	}
	if c.JSON {
		err = newLines(env.stdout).Encode(result)
	} else {
		change := "judges from now on"
		if !result.Changed {
			change = "judges already: its text has not changed"
		}
		_, err = fmt.Fprintf(env.stdout, "policy %s %s\n%s\n", result.Policy, change, result.contents())
	}
	return errors.Join(err, r.Close())
}

// stays adds to the fault of a reload that the daemon goes on as before. Of an answer
// that did not come that cannot be said.
func stays(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		f.note = "the policy of the daemon stays as it was"
	}
	return err
}
