package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

type listCmd struct {
	place   `embed:""`
	filter  `embed:""`
	apart   `embed:""`
	JSON    bool `name:"json" help:"One JSON object a line."`
	Entries bool `help:"List each receipt, not each message; the same as long as receipts are not joined."`
}

// Help is the long help of the command.
func (*listCmd) Help() string {
	return `Lists archived messages in the order in which they came in, one a line. Sender and recipients are those of the mail: by the report in a journal's delivery, else by the envelope, or as the source is configured; see daybook get --report. --sender and --recipient find those of the envelope, too. What is in quarantine is left out, and counted on standard error: see --quarantined and --all.

Exit status: 0 when all was listed, 1 when an entry is damaged or the listing failed, 2 for wrong flags and a data folder that cannot be read.`
}

// Run lists.
func (c *listCmd) Run(env *environment) error {
	q, err := c.query()
	if err == nil {
		err = c.choose(&q)
	}
	if err != nil {
		return err
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		rest := leftOut{query: q}
		entries := rest.watch(s.List(env.ctx, q))
		if c.JSON {
			err = printJSON(env, entries)
		} else {
			err = printTable(env, newEntryTable(env.stdout), entries, entryRow)
		}
		return errors.Join(err, rest.tell(env, s, "list"))
	})
}

func newEntryTable(w io.Writer) *table {
	return newTable(w, ">ID", "RECEIVED (UTC)", "SENDER", "RECIPIENTS", ">SIZE", "SUBJECT")
}

func entryRow(e entry) []string {
	return []string{
		strconv.FormatUint(e.ID, 10), e.Received.Format(time.DateTime), senderCell(&e),
		shortRecipients(e.Recipients), readableSize(e.Size), cut(clean(e.Subject), 72),
	}
}

const addressCells = 36

// senderCell gives the sender of the mail; "-" where nothing is known.
func senderCell(e *entry) string { return cut(clean(cmp.Or(senderOf(e), "-")), addressCells) }

func shortSender(address string) string {
	if address == "" {
		return "<>"
	}
	return cut(clean(address), addressCells)
}

func shortRecipients(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	s := cut(clean(list[0]), addressCells)
	if len(list) > 1 {
		s += fmt.Sprintf(" +%d", len(list)-1)
	}
	return s
}

// printJSON prints a listing as one JSON object a line.
func printJSON[T any](env *environment, seq iter.Seq2[T, error]) error {
	out := bufio.NewWriter(env.stdout)
	lines := newLines(out)
	err := eachIntact(env.stderr, seq, func(item T) error { return lines.Encode(item) })
	if e := out.Flush(); err == nil {
		err = e
	}
	return err
}

// printTable prints a listing as a table.
func printTable[T any](env *environment, t *table, seq iter.Seq2[T, error], row func(T) []string) error {
	err := eachIntact(env.stderr, seq, func(item T) error { return t.row(row(item)...) })
	if e := t.flush(); err == nil {
		err = e
	}
	return err
}

// eachIntact calls use for all that can be read and names on w what is damaged;
// that there was damage is an error at the end.
func eachIntact[T any](w io.Writer, seq iter.Seq2[T, error], use func(T) error) error {
	damaged := 0
	for item, err := range seq {
		switch {
		case err == nil:
			if err := use(item); err != nil {
				return err
			}
		case isDamage(err):
			damaged++
			fmt.Fprintln(w, clean("daybook: "+err.Error()))
		default:
			return err
		}
	}
	return damageFault(damaged)
}

// damageFault is the error of work that met damage, nil when it met none.
func damageFault(n int) error {
	if n == 0 {
		return nil
	}
	return fail("", errors.New(plural(n, "damaged place", "damaged places")), strings.Join([]string{
		"what is named above cannot be read", "restore it from a backup of the data folder"}, "; "))
}
