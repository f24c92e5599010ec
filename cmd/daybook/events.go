package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/archive"
)

type eventsCmd struct {
	place   `embed:""`
	After   uint64  `placeholder:"ID" help:"Only what happened after this event."`
	Kind    string  `placeholder:"KIND" help:"Only this kind of event; the kinds are named below."`
	Source  string  `placeholder:"NAME" help:"Only what concerns this source."`
	Tenant  string  `placeholder:"NAME" help:"Only what concerns this tenant."`
	Tag     string  `placeholder:"TAG" help:"Only what concerns a message with this tag."`
	Since   instant `placeholder:"TIME" help:"Only what happened at this time or later; see daybook list --help."`
	Until   instant `placeholder:"TIME" help:"Only what happened before this time."`
	Limit   int     `placeholder:"N" help:"No more than this many."`
	Reverse bool    `help:"The latest first."`
	JSON    bool    `name:"json" help:"One JSON object a line."`
}

// eventKinds are the kinds of events.
func eventKinds() []archive.EventKind {
	return []archive.EventKind{
		archive.EventSkip, archive.EventRelease, archive.EventKeep, archive.EventPolicy,
		archive.EventCollision, archive.EventGap, archive.EventRecovered, archive.EventDamage, archive.EventCompaction,
	}
}

// Help is the long help of the command.
func (*eventsCmd) Help() string {
	return `Lists what happened to the archive: mail that was not archived because the policy said so (skip), decisions about what is in quarantine (release, keep), policies that became active (policy), mail with the Message-ID of an earlier message and other content, which stays a message of its own (collision; daybook dedup explain compares the two), mail that went past the archive (gap), the end of a crash (recovered), damage that was found (damage), contents that were given up as nothing needs them (compaction). Events and entries share one count.

Exit status: 0 when all was listed, 1 when an event is damaged or the listing failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run lists.
func (c *eventsCmd) Run(env *environment) error {
	f := filter{
		After: c.After, Source: c.Source, Tenant: c.Tenant, Tag: c.Tag,
		Since: c.Since, Until: c.Until, Limit: c.Limit, Reverse: c.Reverse,
	}
	q, err := f.query()
	if err == nil {
		q.Kind, err = parseKind(c.Kind)
	}
	if err != nil {
		return err
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		events := s.Events(env.ctx, q)
		if c.JSON {
			return printJSON(env, events)
		}
		t := newTable(env.stdout, ">ID", "TIME (UTC)", "KIND", "SOURCE", "WHAT")
		return printTable(env, t, events, func(e event) []string {
			return []string{strconv.FormatUint(e.ID, 10), e.Time.Format(time.DateTime), e.Kind, cmp.Or(e.Source, "-"), whatOf(&e)}
		})
	})
}

// whatOf says in one line what happened.
func whatOf(e *event) string {
	if e.Kind == string(archive.EventCollision) {
		return fmt.Sprintf("%s (%s)", e.Text, cmp.Or(e.MessageID, "-")) // it names the entry
	}
	var parts []string
	if e.Entry != 0 {
		parts = append(parts, fmt.Sprintf("entry %d", e.Entry))
	}
	if e.Actor != "" {
		parts = append(parts, "by "+e.Actor)
	}
	switch {
	case e.Text == "":
		return strings.Join(parts, " ")
	case parts == nil:
		return e.Text + whose(e)
	}
	return strings.Join(parts, " ") + ": " + e.Text
}

// whose says from whom a message was that an event is about, and to whom.
func whose(e *event) string {
	if e.SHA256 == "" && len(e.Recipients) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s to %s, %s)", shortSender(e.Sender), shortRecipients(e.Recipients), readableSize(e.Size))
}

// parseKind reads a kind of event; the empty one is all of them.
func parseKind(s string) (archive.EventKind, error) {
	kinds := eventKinds()
	if s == "" || slices.Contains(kinds, archive.EventKind(s)) {
		return archive.EventKind(s), nil
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	wayOut := "it is " + strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	if near := nearest(s, names); near != "" {
		wayOut = fmt.Sprintf("did you mean %q?", near)
	}
	return "", refuse("--kind "+s, errors.New("there is no such kind of event"), wayOut)
}

// nearest gives the name that may have been meant, and nothing when there is none
// close enough: within two letters added, left out or changed.
func nearest(s string, names []string) string {
	best, found := 3, ""
	for _, name := range names {
		if d := distance(s, name); d < best {
			best, found = d, name
		}
	}
	return found
}

// distance counts the letters that must be added, left out or changed to make b of a
// (Levenshtein). What is long is far from everything.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
