package main

import (
	"errors"

	"daybook/policy"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"Say what is wrong with a policy."`
	Test    policyTestCmd    `cmd:"" help:"Run the tests of a policy."`
	Plan    policyPlanCmd    `cmd:"" help:"Show what a policy would do with the mail of the past."`
	Explain policyExplainCmd `cmd:"" help:"Show how a decision about a message comes about."`
	Reload  policyReloadCmd  `cmd:"" help:"Have the daemon read its policy again."`
	Show    policyShowCmd    `cmd:"" help:"Show the policies that were active, and their text."`
	Doc     policyDocCmd     `cmd:"" help:"Describe what a policy is made of."`
}

// policyPath names a policy.
type policyPath struct {
	Path   string `arg:"" optional:"" help:"The policy: an HCL file, or a folder with *.hcl files; without it that of --config."`
	Config string `placeholder:"PATH" help:"Configuration: an HCL file, or a folder with *.hcl files."`
}

func (p *policyPath) load() (*policy.Policy, error) {
	switch {
	case p.Path != "" && p.Config != "":
		return nil, refuse("--config", errors.New("a policy is named beside it"), "leave one of the two out")
	case p.Path != "":
		return loadPolicy(p.Path, "")
	case p.Config != "":
		return loadPolicy(p.Config, "--config")
	}
	return nil, refuse("", errors.New("which policy?"), "name its file or folder")
}
