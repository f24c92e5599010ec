package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
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
	if n := measured.differing(); n > 0 {
		fmt.Fprintf(progress, "bench: %d messages are missing or foreign among those read back\n", n)
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

// settings say what is measured.
type settings struct {
	Rounds      int      `json:"rounds"`
	Seconds     float64  `json:"seconds"`
	Messages    int      `json:"messages"`
	Paths       []string `json:"paths"`
	Sizes       []int    `json:"sizes_kb"`
	Connections []int    `json:"connections"`
	Large       bool     `json:"large"`
	Senders     int      `json:"senders,omitempty"` // connections for storage

	storage bool     // measure the room that mail takes, and not how fast it is taken
	solid   bool     // also as one stream under zstd, which takes long
	folders []string // of .eml files; none: generated mail
	program string   // the daybook to measure; empty: built from this checkout
	work    string   // where archives are made
}

// span is how long one figure is measured.
func (s *settings) span() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

func parseFlags(args []string, problems io.Writer) (s settings, asJSON bool, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(problems)
	var paths, sizes, connections string
	f.IntVar(&s.Rounds, "rounds", 3, "how often everything is measured; medians are printed")
	f.Float64Var(&s.Seconds, "seconds", 2, "how long one figure is measured in a round")
	f.IntVar(&s.Messages, "messages", 200_000, "the most messages of one figure in a round")
	f.StringVar(&paths, "paths", "lmtp,milter", "ways into the archive")
	f.StringVar(&sizes, "sizes", "4,16,75", "message sizes in `KB` (1024 bytes)")
	f.StringVar(&connections, "connections", "1,8,32", "numbers of connections")
	f.BoolVar(&s.Large, "large", true, "also send 20 messages of 50 MB at once and look at the memory")
	f.BoolVar(&s.storage, "storage", false, "measure the room that the .eml files of the folders named last take, or generated mail")
	f.IntVar(&s.Senders, "senders", 2, "with --storage: connections that send at once")
	f.BoolVar(&s.solid, "solid", true, "with --storage: also compress each set as one stream with zstd, which takes longest")
	f.StringVar(&s.program, "daybook", "", "measure this `program` instead of building cmd/daybook")
	f.StringVar(&s.work, "work", os.TempDir(), "`folder` for the archives, on the disk that is to be measured")
	f.BoolVar(&asJSON, "json", false, "print JSON, for bench compare")
	if err := f.Parse(args); err != nil {
		return s, false, err
	}
	s.Paths = strings.Split(paths, ",")
	if s.Sizes, err = parseNumbers(sizes); err == nil {
		s.Connections, err = parseNumbers(connections)
	}
	if err == nil {
		err = s.check(f.Args())
	}
	if err != nil {
		fmt.Fprintln(problems, "bench:", err)
	}
	return s, asJSON, err
}

func (s *settings) check(rest []string) error {
	if s.storage {
		return s.checkStorage(rest)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%q is not a command; there are show and compare", rest[0])
	}
	for _, p := range s.Paths {
		if p != pathLMTP && p != pathMilter {
			return fmt.Errorf("--paths: %q is neither %s nor %s", p, pathLMTP, pathMilter)
		}
	}
	for _, kb := range s.Sizes {
		if kb < minSizeKB {
			return fmt.Errorf("--sizes: messages are at least %d KB long", minSizeKB)
		}
	}
	if s.Rounds < 1 || s.Messages < 1 || s.Seconds <= 0 {
		return fmt.Errorf("--rounds, --messages and --seconds must be more than 0")
	}
	return nil
}

// checkStorage takes what follows the flags for folders.
func (s *settings) checkStorage(rest []string) error {
	if s.Senders < 1 {
		return fmt.Errorf("--senders must be more than 0")
	}
	for _, dir := range rest {
		if strings.HasPrefix(dir, "-") {
			return fmt.Errorf("%s stands behind a folder; flags stand before them", dir)
		}
		if info, err := os.Stat(dir); err != nil {
			return fmt.Errorf("--storage: %w", err)
		} else if !info.IsDir() {
			return fmt.Errorf("--storage: %s is no folder; name one with .eml files in it", dir)
		}
	}
	s.folders = rest
	return nil
}

// parseNumbers reads "1,8,32".
func parseNumbers(list string) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a list of numbers", list)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
