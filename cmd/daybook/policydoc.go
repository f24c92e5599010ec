package main

import (
	"bufio"
	"fmt"
	"strings"

	"daybook/policy"
)

type policyDocCmd struct{}

// Help is the long help of the command.
func (*policyDocCmd) Help() string {
	return `Prints the reference of the language of policies: its blocks and keys, and the facts and functions that the condition of a rule can use.

Exit status: 0, or 2 for wrong flags.`
}

// Run prints.
func (*policyDocCmd) Run(env *environment) error {
	out := bufio.NewWriter(env.stdout)
	fmt.Fprintf(out, "%s\nFACTS AND FUNCTIONS\n\n", strings.TrimRight(policy.Reference(), "\n")+"\n")
	for _, n := range policy.Expressions() {
		kind := n.Type
		if n.Content {
			kind += ", from the message"
		}
		fmt.Fprintf(out, "%s\n    %s\n", n.Name, kind)
		if n.Doc != "" {
			fmt.Fprintf(out, "    %s\n", n.Doc)
		}
	}
	return out.Flush()
}
