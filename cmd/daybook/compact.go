package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"daybook/archive"
	"daybook/archive/ledger"
)

type compactCmd struct {
	place    `embed:""`
	MinWaste share `default:"10%" placeholder:"PERCENT" help:"Rewrite the files of which at least this part is not needed; ${default} unless given."`
	DryRun   bool  `help:"Change nothing; say what would be done."`
	JSON     bool  `name:"json" help:"One JSON object."`
}

// compactOrder is what the daemon is asked to do.
type compactOrder struct {
	MinWaste float64 `json:"min_waste"` // a share, from 0 to 1
	DryRun   bool    `json:"dry_run"`
}

// compactResult is the result of daybook compact --json.
type compactResult struct {
	DryRun   bool               `json:"dry_run"`
	Contents uint64             `json:"contents"` // that were dropped
	Bytes    int64              `json:"bytes"`    // that were given back
	Busy     uint64             `json:"busy"`
	Guarded  uint64             `json:"guarded"`
	Unsure   bool               `json:"unsure"`
	Segments []compactedSegment `json:"segments"`
}

// compactedSegment is a segment that was rewritten.
type compactedSegment struct {
	Segment  string `json:"segment"`
	Contents uint64 `json:"contents"`
	Before   int64  `json:"before"`
	After    int64  `json:"after"`
}

// Help is the long help of the command.
func (*compactCmd) Help() string {
	return `Drops contents that nothing needs from the ledger, and gives their space back: what was left by deliveries that broke off, and older copies of what is there again. daybook verify --orphans names them. Files of which little would be dropped stay as they are. Capture goes on meanwhile.

Nothing that a message or a policy is made of is dropped. Each file is written anew beside the old one, checked, and put in its place, so there must be room for one file; events tell what was dropped. After an interruption the work can be done again.

Exit status: 0 when all is done, 1 when the work failed, 2 for wrong flags and a data folder that cannot be read or written.`
}

// Run compacts.
func (c *compactCmd) Run(env *environment) error {
	onDisk := openToSettle
	if c.DryRun {
		onDisk = openLocal
	}
	s, err := openWith(env.ctx, &c.place, onDisk)
	if err != nil {
		return err
	}
	return useStore(s, func(s store) error {
		bar := newProgress(env.stderr)
		defer bar.clear()
		result, err := s.Compact(env.ctx, compactOrder{float64(c.MinWaste), c.DryRun}, bar.bytes)
		bar.clear()
		if err != nil {
			return err
		}
		if c.JSON {
			return newLines(env.stdout).Encode(result)
		}
		return result.print(env.stdout)
	})
}

func (r *compactResult) print(w io.Writer) error {
	would := ""
	if r.DryRun {
		would = "would be "
	}
	for _, s := range r.Segments {
		_, err := fmt.Fprintf(w, "ledger/%s: %s %sdropped, %s before, %s after\n", s.Segment,
			plural(s.Contents, "content", "contents"), would, readableSize(s.Before), readableSize(s.After))
		if err != nil {
			return err
		}
	}
	text := "nothing to drop"
	if len(r.Segments) > 0 {
		text = fmt.Sprintf("%s %sdropped, %s %sgiven back", plural(r.Contents, "content", "contents"), would, readableSize(r.Bytes), would)
	}
	_, err := fmt.Fprintf(w, "%s%s\n", text, notDropped(r.Busy, r.Guarded, r.Unsure))
	return err
}

// share is a part of a whole as a flag, in percent.
type share float64

// UnmarshalText reads a percentage, with its sign or without.
func (s *share) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return errors.New("give a percentage, from 0% to 100%")
	}
	*s = share(n / 100)
	return nil
}

func (l *local) Compact(ctx context.Context, order compactOrder, shown func(done, total int64)) (compactResult, error) {
	r, err := l.archive.Compact(ctx, archive.CompactOptions{MinWaste: order.MinWaste, DryRun: order.DryRun}, shown)
	if err != nil {
		return compactResult{}, err
	}
	result := compactResult{
		DryRun: order.DryRun, Contents: r.Records, Bytes: r.Bytes, Busy: r.Busy, Guarded: r.Guarded, Unsure: r.Unsure,
		Segments: []compactedSegment{},
	}
	for _, s := range r.Segments {
		result.Segments = append(result.Segments, compactedSegment{ledger.SegmentName(s.Segment), s.Records, s.Before, s.After})
	}
	return result, nil
}

func (r *remote) Compact(ctx context.Context, order compactOrder, shown func(done, total int64)) (compactResult, error) {
	text, err := json.Marshal(order)
	if err != nil {
		return compactResult{}, err
	}
	return remoteWork[struct{}, compactResult](ctx, r, http.MethodPost, "compact", bytes.NewReader(text), shown, func(struct{}) {})
}

// compact drops what nothing needs. When the command goes, the work ends.
func (c *control) compact(w http.ResponseWriter, r *http.Request) {
	var order compactOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&order); err != nil {
		refuseRequest(w, http.StatusBadRequest, err)
		return
	}
	answerWork(w, func(shown func(done, total int64), _ func(struct{})) (compactResult, error) {
		return c.store.Compact(r.Context(), order, shown)
	})
}
