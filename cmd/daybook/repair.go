package main

import (
	"errors"
	"fmt"

	"daybook/archive"
	"daybook/archive/ledger"
)

type repairCmd struct {
	place  `embed:""`
	DryRun bool `name:"dry-run" help:"Change nothing; tell what would be done."`
	JSON   bool `name:"json" help:"One JSON object a line: one for each segment with something to do, and the result."`
}

// mendingRecord is a segment of daybook repair --json.
type mendingRecord struct {
	Segment string `json:"segment"`
	Outcome string `json:"outcome"`
	Offset  int64  `json:"offset"`
	Length  int64  `json:"length"`
	Reason  string `json:"reason,omitempty"`
}

// repairResult is the result of daybook repair --json.
type repairResult struct {
	Segments int `json:"segments"`
	Mended   int `json:"mended"`
	Hopeless int `json:"not_mended"`
	Made     int `json:"parity_made"`
}

// Help is the long help of the command.
func (*repairCmd) Help() string {
	return `Reads the ledger and mends its segments: a damaged place of up to 64 KiB in a segment, or that much cut off at its end, is computed from the parity file beside it. Parity files that are missing are made. The daemon must be stopped.

A segment is replaced only when all of it was found whole again; the damaged file is kept as NAME.seg.damaged until you remove it.

Exit status: 0 when no damage is left, 1 when some could not be mended (with --dry-run: when there is damage) or the work failed, 2 for wrong flags, a daemon that runs and a data folder that cannot be read.`
}

// Run repairs.
func (c *repairCmd) Run(env *environment) error {
	pol, err := c.policy()
	if err != nil {
		return err
	}
	dir := pol.Server.Data
	r, err := dialControl(env.ctx, pol.Server.Control.Address)
	if err == nil {
		return errors.Join(refuse(dir, errors.New("a daemon is using this data"), "stop it first"), r.Close())
	}
	if !errors.Is(err, errNoDaemon) {
		return err
	}
	lines := newLines(env.stdout)
	var writing error
	report, err := archive.Repair(env.ctx, dir, archive.Options{}, c.DryRun, func(m ledger.Mending) {
		if c.JSON {
			writing = errors.Join(writing, lines.Encode(c.record(&m)))
			return
		}
		_, err := fmt.Fprintln(env.stdout, clean(c.line(&m)))
		writing = errors.Join(writing, err)
	})
	if err != nil {
		return openFault(dir, err)
	}
	if c.JSON {
		writing = errors.Join(writing, lines.Encode(repairResult(report)))
	} else {
		_, err = fmt.Fprintln(env.stdout, c.summary(&report))
		writing = errors.Join(writing, err)
	}
	left := report.Hopeless
	if c.DryRun {
		left += report.Mended
	}
	return errors.Join(writing, damageFault(left))
}

// outcome is what became of a segment, in a word or two.
func (c *repairCmd) outcome(m *ledger.Mending) string {
	switch {
	case m.Outcome == ledger.Mended && c.DryRun:
		return "can be mended"
	case m.Outcome == ledger.Mended:
		return "mended"
	case m.Outcome == ledger.Hopeless:
		return "cannot be mended"
	case c.DryRun:
		return "lacks parity"
	}
	return "parity made"
}

func (c *repairCmd) record(m *ledger.Mending) mendingRecord {
	return mendingRecord{
		Segment: ledger.SegmentName(m.Segment), Outcome: c.outcome(m), Offset: m.Offset, Length: m.Length, Reason: valid(m.Reason),
	}
}

func (c *repairCmd) line(m *ledger.Mending) string {
	text := fmt.Sprintf("ledger/%s: %s", ledger.SegmentName(m.Segment), c.outcome(m))
	if m.Outcome != ledger.ParityMade {
		text += fmt.Sprintf(" (bytes %d to %d)", m.Offset, m.Offset+m.Length)
	}
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	return text
}

// summary is the last line; it tells what to do next.
func (c *repairCmd) summary(r *archive.RepairReport) string {
	text := "looked at " + plural(r.Segments, "segment", "segments")
	switch {
	case r.Mended+r.Hopeless == 0:
		return text + ": no damage"
	case c.DryRun:
		return fmt.Sprintf("%s: %d can be mended, %d cannot; nothing was changed", text, r.Mended, r.Hopeless)
	case r.Mended > 0:
		return fmt.Sprintf("%s: %d mended, %d not; run `daybook rebuild`, as the catalog may have been made while they were damaged, then `daybook verify`",
			text, r.Mended, r.Hopeless)
	}
	return fmt.Sprintf("%s: %d could not be mended", text, r.Hopeless)
}
