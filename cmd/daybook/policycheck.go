package main

import "fmt"

type policyCheckCmd struct {
	policyPath `embed:""`
}

// Help is the long help of the command.
func (*policyCheckCmd) Help() string {
	return `Reads a policy and says what is wrong with it: all mistakes at once, each with file, line, column and the line itself. Its tests are not run; see daybook policy test. What is right, but may not be meant, is a warning on standard error.

Exit status: 0 when nothing is wrong, 2 when something is, and for wrong flags.`
}

// Run checks.
func (c *policyCheckCmd) Run(env *environment) error {
	pol, err := c.load()
	if err != nil {
		return err
	}
	for _, text := range warnings(pol) {
		fmt.Fprintln(env.stderr, clean("daybook: policy check: warning: "+text))
	}
	r := newReloadResult(pol, false)
	_, err = fmt.Fprintf(env.stdout, "ok: %s, digest %s\n", r.contents(), r.Policy)
	return err
}

// contents says what the policy has.
func (r *reloadResult) contents() string {
	return fmt.Sprintf("%s, %s, %s, %s", plural(r.Tenants, "tenant", "tenants"), plural(r.Sources, "source", "sources"),
		plural(r.Rules, "rule", "rules"), plural(r.Tests, "test", "tests"))
}
