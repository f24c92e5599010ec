package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"daybook/policy"
)

type policyTestCmd struct {
	policyPath `embed:""`
}

// Help is the long help of the command.
func (*policyTestCmd) Help() string {
	return `Runs the test blocks of a policy and says of each whether what it expects is what is decided. A daemon takes no policy that fails a test of its own.

Exit status: 0 when none fails, 1 when one does, 2 when the policy is wrong, and for wrong flags.`
}

// Run runs the tests.
func (c *policyTestCmd) Run(env *environment) error {
	pol, err := c.load()
	if err != nil {
		return err
	}
	var failures []policy.Failure
	if err := pol.Check(); err != nil {
		failed, ok := errors.AsType[*policy.TestError](err)
		if !ok {
			return err
		}
		failures = failed.Failures
	}
	bad, err := printTests(env.stdout, pol.Tests, failures)
	if err == nil && bad > 0 {
		err = fail("", fmt.Errorf("%d of %s failed", bad, plural(len(pol.Tests), "test", "tests")), "")
	}
	return err
}

// printTests prints a line for each test, or for each of its failures, and says how
// many failed.
func printTests(w io.Writer, tests []policy.Test, failures []policy.Failure) (bad int, err error) {
	byName := make(map[string][]policy.Failure)
	for _, f := range failures {
		byName[f.Test] = append(byName[f.Test], f)
	}
	out := bufio.NewWriter(w)
	for i := range tests {
		name := tests[i].Name
		if byName[name] == nil {
			fmt.Fprintln(out, clean("ok   "+name))
			continue
		}
		bad++
		for _, f := range byName[name] {
			fmt.Fprintln(out, clean(fmt.Sprintf("FAIL %s: %s: %s", name, f.At, f.Text)))
		}
	}
	fmt.Fprintf(out, "%s, %d failed\n", plural(len(tests), "test", "tests"), bad)
	return bad, out.Flush()
}
