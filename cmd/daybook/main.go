// Daybook is a journaling archive that is added to the mail servers people
// already run: a milter and an LMTP sink take copies of mail and archive each
// one, durably and byte for byte, before it is acknowledged.
//
// The commands work on a data folder. While a daemon serves it they talk to the
// daemon over its control socket (see control.go), otherwise they read the
// folder themselves; what they print is the same.
//
// Standard output carries what was asked for. Everything else goes to standard
// error: errors in one line that starts with "daybook:", in the form what, where,
// way out, in lower case and without a period, and progress when standard error
// is a terminal. The exit status is 0 when all is well, 1 for damage that was
// found and work that failed, and 2 for what the caller can put right: flags,
// configuration, folders, addresses.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are the commands and their flags; each is a file of its name, and one
// of a group a file of both names.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Capture mail: run the daemon."`
	Policy     policyCmd     `cmd:"" help:"Check, test, try, show and reload policies."`
	List       listCmd       `cmd:"" help:"List what is archived."`
	Get        getCmd        `cmd:"" help:"Write archived messages, byte for byte."`
	Export     exportCmd     `cmd:"" help:"Write many messages as files, an mbox or a Maildir."`
	Quarantine quarantineCmd `cmd:"" help:"List, release and keep what is in quarantine."`
	Dedup      dedupCmd      `cmd:"" help:"Show why entries are one message, or are not."`
	Events     eventsCmd     `cmd:"" help:"List what happened to the archive."`
	Verify     verifyCmd     `cmd:"" help:"Read everything again and check it."`
	Status     statusCmd     `cmd:"" help:"Show how the archive and the daemon are."`
	Journal    journalCmd    `cmd:"" help:"Make journal addresses, and test journals."`
	Compact    compactCmd    `cmd:"" help:"Give back the space of what nothing needs."`
	Dictionary dictionaryCmd `cmd:"" help:"List and train what the compressor knows of mail."`
	Repair     repairCmd     `cmd:"" help:"Mend damaged places of the ledger."`
	Rebuild    rebuildCmd    `cmd:"" help:"Make the catalog anew from the ledger."`
	Debug      debugCmd      `cmd:"" help:"Show what a running daemon spends its time on."`
	Version    versionCmd    `cmd:"" help:"Show the version."`
}

// environment is what a command has of the world around it.
type environment struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// After the first signal the next one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(&environment{ctx: ctx, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:]))
}

func run(env *environment, args []string) int {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("daybook"),
		kong.Description("A journaling archive for mail servers."),
		kong.Writers(env.stdout, env.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(fmt.Sprintf("the declaration of the commands: %v", err)) // cannot happen
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return usageFault(err, args).report(env.stderr)
	}
	if err := parsed.Run(env); err != nil {
		return explain(parsed.Command(), err).report(env.stderr)
	}
	return 0
}
