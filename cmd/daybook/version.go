package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// ledgerFormat is the version of the ledger's format; a test compares it with what
// a ledger says.
const ledgerFormat = 1

type versionCmd struct {
	JSON bool `name:"json" help:"One JSON object."`
}

// versionInfo is the object of daybook version --json.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty when it was not recorded
	Go      string `json:"go"`
	Ledger  int    `json:"ledger"` // the version of the ledger's format
}

// newVersionInfo reads what the Go tool recorded in the program.
func newVersionInfo() versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), Ledger: ledgerFormat}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if build.Main.Version != "" {
		v.Version = build.Main.Version
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}

// Help is the long help of the command.
func (*versionCmd) Help() string {
	return `Shows the version of daybook, of Go, and of the ledger's format. A ledger of an older format is always read.

Exit status: 0, or 2 for wrong flags.`
}

// Run shows the version.
func (c *versionCmd) Run(env *environment) error {
	v := newVersionInfo()
	if c.JSON {
		return newLines(env.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(env.stdout, "daybook %s\n%s\nledger format %d\n", v.Version, v.Go, v.Ledger)
	return err
}
