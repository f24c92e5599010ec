package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run carries out the command line and gives the exit status.
func run(ctx context.Context, args []string, out, progress io.Writer) int {
	if len(args) > 0 && (args[0] == "show" || args[0] == "compare") {
		return runOnFiles(args[0], args[1:], out, progress)
	}
	if len(args) == 3 && args[0] == nothingCommand {
		return runNothing(ctx, args[1], args[2], progress)
	}
	s, asJSON, err := parseFlags(args, progress)
	if err != nil {
		return statusUsage // the flag set has said why
	}
	b := &bench{settings: s, progress: progress}
	measured, err := b.run(ctx)
	if err == nil && asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(measured)
	} else if err == nil {
		err = printReport(out, measured)
	}
	if err != nil {
		fmt.Fprintln(progress, "bench:", err)
		return statusFailed
	}
	if n := measured.failures(); n > 0 {
		fmt.Fprintf(progress, "bench: %d messages were not taken\n", n)
		return statusFailed
	}
	if n := measured.unmeasured(); n > 0 {
		fmt.Fprintf(progress, "bench: %d figures could not be measured\n", n)
		return statusFailed
	}
	if n := measured.differing(); n > 0 {
		fmt.Fprintf(progress, "bench: %d messages are missing or foreign among those read back\n", n)
		return statusFailed
	}
	return 0
}

// runNothing is a do-nothing milter for a run that has started it.
func runNothing(ctx context.Context, name, addr string, problems io.Writer) int {
	if err := serveNothing(ctx, name, addr); err != nil {
		fmt.Fprintln(problems, "bench:", err)
		return statusFailed
	}
	return 0
}

// runOnFiles carries out the commands that work on what was measured before.
func runOnFiles(command string, names []string, out, problems io.Writer) int {
	if want := map[string]int{"show": 1, "compare": 2}[command]; len(names) != want {
		fmt.Fprintln(problems, "usage: bench show A.json, or bench compare BEFORE.json AFTER.json")
		return statusUsage
	}
	runs := make([]measurement, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &runs[i])
		}
		if err != nil {
			fmt.Fprintf(problems, "bench: %s: %v\n", name, err)
			return statusUsage
		}
	}
	var err error
	if command == "show" {
		err = printReport(out, &runs[0])
	} else {
		err = printComparison(out, &runs[0], &runs[1])
	}
	if err != nil {
		fmt.Fprintln(problems, "bench:", err)
		return statusFailed
	}
	return 0
}
