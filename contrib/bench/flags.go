package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings say what is measured.
type settings struct {
	Rounds      int      `json:"rounds"`
	Seconds     float64  `json:"seconds"`
	Messages    int      `json:"messages"`
	Paths       []string `json:"paths"`
	Sizes       []int    `json:"sizes_kb"`
	Connections []int    `json:"connections"`
	Large       bool     `json:"large"`
	Senders     int      `json:"senders,omitempty"`    // connections for storage
	PerSecond   float64  `json:"per_second,omitempty"` // messages for storage; 0: as they are taken
	Entries     int      `json:"entries,omitempty"`    // that an archive grows to
	Lookups     int      `json:"lookups,omitempty"`    // of each kind, in one that grows

	plain   bool     // start daybook without the timer slack and the weight of its unit
	flood   bool     // also far more large messages at once
	mail    []string // folders of .eml files that are the mix; none: generated mail
	storage bool     // measure the room that mail takes, and not how fast it is taken
	grow    bool     // measure an archive that grows
	kept    string   // folder of the archive that grows, which stays; empty: none does
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
	f.Float64Var(&s.Seconds, "seconds", 1, "how long one figure is measured in a round")
	f.IntVar(&s.Messages, "messages", 200_000, "the most messages of one figure in a round")
	f.StringVar(&paths, "paths", strings.Join(allPaths(), ","), "what is measured")
	f.StringVar(&sizes, "sizes", "4,16,75,mix", "message sizes in `KB` (1024 bytes), and the mix of sizes, over LMTP only")
	f.StringVar(&connections, "connections", "1,8,32,128", "numbers of connections")
	f.Func("mail", "the mix are the .eml files of this `folder`, and not generated mail; may be given several times", func(dir string) error {
		s.mail = append(s.mail, dir)
		return isFolder(dir)
	})
	f.BoolVar(&s.Large, "large", true, "also send 20 messages of 50 MB at once and look at the memory")
	f.BoolVar(&s.flood, "flood", false, "also send 200 messages of 50 MB at once, which takes 20 GB of the disk")
	f.BoolVar(&s.storage, "storage", false, "measure the room that the .eml files of the folders named last take, or generated mail")
	f.IntVar(&s.Senders, "senders", 2, "with --storage: connections that send at once")
	f.Float64Var(&s.PerSecond, "rate", 40, "with --storage: messages a second; 0 is as fast as they are taken")
	f.BoolVar(&s.solid, "solid", true, "with --storage: also compress each set as one stream with zstd, which takes longest")
	f.BoolVar(&s.grow, "grow", false, "measure an archive that grows: how fast it takes mail and finds it")
	f.IntVar(&s.Entries, "entries", 10_000_000, "with --grow: how many entries it gets")
	f.IntVar(&s.Lookups, "lookups", 300, "with --grow: how often is looked for something of each kind")
	f.StringVar(&s.kept, "keep", "", "with --grow: fill the archive in this `folder`, go on with what is there, and leave it there")
	f.BoolVar(&s.plain, "plain", false, "start daybook as any other program: without the timer slack and the weight of its systemd unit")
	f.StringVar(&s.program, "daybook", "", "measure this `program` instead of building cmd/daybook")
	f.StringVar(&s.work, "work", os.TempDir(), "`folder` for the archives, on the disk that is to be measured")
	f.BoolVar(&asJSON, "json", false, "print JSON, for bench compare")
	if err := f.Parse(args); err != nil {
		return s, false, err
	}
	s.Paths = strings.Split(paths, ",")
	if s.Sizes, err = parseSizes(sizes); err == nil {
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
	if s.storage && s.grow {
		return fmt.Errorf("--storage and --grow are measured apart; leave one of the two out")
	}
	if s.storage {
		return s.checkStorage(rest)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%q is not a command; there are show and compare", rest[0])
	}
	if s.kept != "" && !s.grow {
		return fmt.Errorf("--keep is about the archive of --grow, which is missing")
	}
	if s.grow && (s.Entries < 1 || s.Lookups < 1) {
		return fmt.Errorf("--entries and --lookups must be more than 0")
	}
	for _, p := range s.Paths {
		if !slices.Contains(allPaths(), p) {
			return fmt.Errorf("--paths: %q is none of %s", p, strings.Join(allPaths(), ", "))
		}
	}
	for _, kb := range s.Sizes {
		if kb != mixSize && kb < minSizeKB {
			return fmt.Errorf("--sizes: messages are at least %d KB long", minSizeKB)
		}
	}
	if len(s.mail) > 0 && !slices.Contains(s.Sizes, mixSize) {
		return fmt.Errorf("--mail: that is the mix, which is not among the --sizes")
	}
	if s.Rounds < 1 || s.Messages < 1 || s.Seconds <= 0 {
		return fmt.Errorf("--rounds, --messages and --seconds must be more than 0")
	}
	return nil
}

// checkStorage takes what follows the flags for folders.
func (s *settings) checkStorage(rest []string) error {
	if s.Senders < 1 || s.PerSecond < 0 {
		return fmt.Errorf("--senders must be more than 0, and --rate not less")
	}
	for _, dir := range rest {
		if strings.HasPrefix(dir, "-") {
			return fmt.Errorf("%s stands behind a folder; flags stand before them", dir)
		}
		if err := isFolder(dir); err != nil {
			return fmt.Errorf("--storage: %w", err)
		}
	}
	s.folders = rest
	return nil
}

// isFolder says what is wrong when something is none.
func isFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder; name one with .eml files in it", dir)
	}
	return err
}

// allPaths are the parts that can be measured, in the order of the report.
func allPaths() []string {
	return []string{pathLMTP, pathSync, pathPostfix, pathSendmail, pathMilter}
}

// mixName is the mix in a list of sizes.
const mixName = "mix"

// sizeName names a size, or the mix.
func sizeName(kb int) string {
	if kb == mixSize {
		return mixName
	}
	return fmt.Sprintf("%d KB", kb)
}

// parseSizes reads "4,16,mix".
func parseSizes(list string) (sizes []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		if text == mixName {
			sizes = append(sizes, mixSize)
			continue
		}
		kb, err := parseNumbers(text)
		if err != nil {
			return nil, fmt.Errorf("--sizes: %w", err)
		}
		sizes = append(sizes, kb...)
	}
	return sizes, nil
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
