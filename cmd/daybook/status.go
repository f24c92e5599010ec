package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type statusCmd struct {
	place `embed:""`
	JSON  bool `name:"json" help:"One JSON object."`
}

// Help is the long help of the command.
func (*statusCmd) Help() string {
	return `Shows how much is archived, whether mail can be archived now, what came in for the tenants that received most, and, while a daemon runs, what came in by which source; with --json all tenants.

Each receipt of a mail is an entry; entries that are the same mail are one message, and the others of these are counted as joined, by reason; see daybook list --help. STORED is what the ledger keeps of the mail of a tenant, and RATIO how much that is of what was received.

Exit status: 0 when all is well, 1 when mail cannot be archived or damage is known, 2 for wrong flags and a data folder that cannot be read.`
}

// Run shows the status.
func (c *statusCmd) Run(env *environment) error {
	return withStore(env.ctx, &c.place, func(s store) error {
		st, err := s.Status(env.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			err = newLines(env.stdout).Encode(st)
		} else {
			err = printStatus(env.stdout, &st)
		}
		if err != nil {
			return err
		}
		return statusFault(&st)
	})
}

func statusFault(s *status) error {
	if s.Problem != "" {
		return fail(s.Data, fmt.Errorf("mail cannot be archived: %s", s.Problem), "senders keep it and try again")
	}
	return damageFault(len(s.Damage))
}

func printStatus(w io.Writer, s *status) error {
	last := "never"
	if !s.LastEntry.IsZero() {
		last = s.LastEntry.Format("2006-01-02 15:04:05 UTC")
	}
	daemon := "not running"
	if d := s.Daemon; d != nil {
		daemon = fmt.Sprintf("running since %s, process %d, version %s", d.Started.Format("2006-01-02 15:04:05 UTC"), d.PID, s.Version)
	}
	policy := "none judges now"
	if s.Daemon != nil {
		policy = s.Daemon.Policy
		if s.Daemon.ReloadError != "" {
			policy += fmt.Sprintf("; the reload at %s was refused, %s", s.Daemon.ReloadFailed.Format("2006-01-02 15:04:05 UTC"), s.Daemon.ReloadError)
		}
	}
	sum := sumTenants(s.Tenants)
	lines := [][2]string{
		{"data", s.Data},
		{"daemon", daemon},
		{"policy", policy},
		{"entries", strconv.FormatUint(s.Entries, 10)},
		{"messages", strconv.FormatUint(s.Messages, 10)},
		{"joined", joinedLine(&sum)},
		{"events", strconv.FormatUint(s.Events, 10)},
		{"quarantine", strconv.FormatUint(s.Waiting, 10) + " waiting"},
		{"last entry", last},
		{"received", readableSize(s.ReceivedBytes)},
		{"stored", fmt.Sprintf("%s, %s of what was received", readableSize(sum.StoredBytes), sum.ratio())},
		{"ledger", fmt.Sprintf("%s in %s", readableSize(s.LedgerBytes), plural(s.Segments, "segment", "segments"))},
		{"catalog", readableSize(s.CatalogBytes)},
		{"free", readableSize(s.FreeBytes)},
	}
	if s.Daemon != nil && s.Daemon.InFlight.bites() {
		lines = append(lines, [2]string{"in flight", s.Daemon.InFlight.line()})
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%-12s%s\n", line[0], clean(line[1])); err != nil {
			return err
		}
	}
	for i := range s.Damage {
		if _, err := fmt.Fprintln(w, clean(s.Damage[i].err().Error())); err != nil {
			return err
		}
	}
	if err := printTenants(w, s.Tenants); err != nil || s.Daemon == nil {
		return err
	}
	return printSources(w, s.Daemon.Sources)
}

// bites tells that mail waits for room, or was told to come again for want of it.
func (f *inFlight) bites() bool { return f.Waiting > 0 || f.Refused > 0 }

func (f *inFlight) line() string {
	text := fmt.Sprintf("%s of %s that max_in_flight allows", readableSize(f.Bytes), readableSize(f.Limit))
	if f.Waiting > 0 {
		text += fmt.Sprintf(", %s for room", plural(f.Waiting, "message waits", "messages wait"))
	}
	if f.Refused > 0 {
		text += fmt.Sprintf("; %d told to come again, the last one at %s", f.Refused, f.LastRefused.Format("2006-01-02 15:04:05 UTC"))
	}
	return text
}

func printSources(w io.Writer, list []sourceStatus) error {
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	t := newTable(w, "SOURCE", "KIND", "STATE", "TENANT", "LISTEN", "LAST (UTC)", "MESSAGES", "LAST ERROR")
	for _, s := range list {
		last := "never"
		if !s.Last.IsZero() {
			last = s.Last.Format(time.DateTime)
		}
		var counts []string
		for _, outcome := range slices.Sorted(maps.Keys(s.Messages)) {
			counts = append(counts, fmt.Sprintf("%d %s", s.Messages[outcome], outcome))
		}
		if counts == nil {
			counts = []string{"none"}
		}
		if err := t.row(s.Name, s.Kind, s.State, shortList(s.Tenants), strings.Join(s.Listen, " "), last, strings.Join(counts, ", "), s.LastError); err != nil {
			return err
		}
	}
	return t.flush()
}

// shortList names the first of a list, and how many more there are.
func shortList(list []string) string {
	switch len(list) {
	case 0:
		return "-"
	case 1:
		return list[0]
	}
	return fmt.Sprintf("%s +%d", list[0], len(list)-1)
}
