package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"daybook/archive"
)

type listCmd struct {
	place   `embed:""`
	filter  `embed:""`
	apart   `embed:""`
	JSON    bool `name:"json" help:"One JSON object a line."`
	Entries bool `help:"List each receipt, not each message."`
}

// Help is the long help of the command.
func (*listCmd) Help() string {
	return `Lists archived messages in the order in which they came in, one a line. The same mail can come in several times: by the gateway and as a journal's report, once for each recipient, again after a lost reply. Each receipt is an entry of its own, and the entries that are the same mail are one message, whose number is that of the first. Its senders and recipients are those of all its entries; COPIES says how many these are, also those in quarantine, and in how many exact forms, its variants, which daybook get --variant writes. "differ" marks a message with a variant whose content is not that of the first. "cut" marks a message of which not all is told: COPIES counts every entry, but the senders, recipients and variants are those of the first 1,000, and no more than 50,000 senders and as many recipients are named; --entries lists them all.

With --entries each receipt is a line, with the number of its message and why it belongs to it: resend (the same bytes came again in the same way), exact (the same bytes), content, or message-id (where the source is configured so). "collides with" names a message that has the same Message-ID and another content; the two are not joined. daybook dedup explain says more.

A filter finds a message when one of its entries meets it; with several filters, each may be met by another entry. --after is about the number of the message. Sender and recipients are those of the mail: by the report in a journal's delivery, else by the envelope, or as the source is configured; see daybook get --report. --sender and --recipient find those of the envelope, too. What is in quarantine is left out, and counted on standard error, where a message counts when one of its entries is there: see --quarantined and --all.

With --json, of each address it is told which entries name it and by what evidence, and of each variant its digest.

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
		if c.Entries {
			return c.entries(env, s, q)
		}
		return c.messages(env, s, q)
	})
}

func (c *listCmd) messages(env *environment, s store, q archive.Query) error {
	rest := &leftOut[mail]{query: q, list: s.Messages, id: func(m *mail) uint64 { return m.ID }}
	messages := nameUnreadable(rest.watch(s.Messages(env.ctx, q)))
	if c.JSON {
		return errors.Join(printJSON(env, messages), rest.tell(env, "list"))
	}
	several := false
	if q.Tenant == "" {
		st, err := s.Status(env.ctx)
		if err != nil {
			return err
		}
		several = len(st.Tenants) > 1
	}
	titles := []string{">ID", "RECEIVED (UTC)", "SENDER", "RECIPIENTS", ">SIZE", "COPIES", "SUBJECT"}
	if several {
		titles = slices.Insert(titles, 2, "TENANT")
	}
	err := printTable(env, newTable(env.stdout, titles...), messages, func(m mail) []string { return messageRow(&m, several) })
	return errors.Join(err, rest.tell(env, "list"))
}

// nameUnreadable has damage follow each message that has damaged entries.
func nameUnreadable(seq iter.Seq2[mail, error]) iter.Seq2[mail, error] {
	return func(yield func(mail, error) bool) {
		for m, err := range seq {
			if !yield(m, err) {
				return
			}
			if m.Unreadable == 0 {
				continue
			}
			d := &archive.Damage{Reason: fmt.Sprintf("message %d: of its %s %d cannot be read; daybook list --entries names them",
				m.ID, plural(m.Entries, "entry", "entries"), m.Unreadable)}
			if !yield(mail{}, d) {
				return
			}
		}
	}
}

func messageRow(m *mail, tenant bool) []string {
	row := []string{
		strconv.FormatUint(m.ID, 10), m.First.Format(time.DateTime), shortRecipients(addresses(m.Senders)),
		shortRecipients(addresses(m.Recipients)), readableSize(m.Size), copies(m), cut(clean(m.Subject), 72),
	}
	if tenant {
		row = slices.Insert(row, 2, m.Tenant)
	}
	return row
}

// copies says in how many entries and exact forms a message came, and whether not all
// of these were put together; "-" when it came once.
func copies(m *mail) string {
	if m.Entries == 1 && !m.Cut {
		return "-"
	}
	parts := []string{strconv.Itoa(m.Entries)}
	if n := len(m.Variants); n > 1 {
		text := fmt.Sprintf("%d variants", n)
		if slices.ContainsFunc(m.Variants, func(v variant) bool { return v.Differs }) {
			text += " differ"
		}
		parts = append(parts, text)
	}
	if m.Unreadable > 0 {
		parts = append(parts, fmt.Sprintf("%d damaged", m.Unreadable))
	}
	if m.Cut {
		parts = append(parts, "cut")
	}
	return strings.Join(parts, ", ")
}

func (c *listCmd) entries(env *environment, s store, q archive.Query) error {
	rest := leftOutEntries(s, q)
	entries := rest.watch(s.List(env.ctx, q))
	var err error
	if c.JSON {
		err = printJSON(env, entries)
	} else {
		t := newTable(env.stdout, ">ID", "RECEIVED (UTC)", "SENDER", "RECIPIENTS", ">SIZE", ">MESSAGE", "JOINED", "SUBJECT")
		err = printTable(env, t, entries, entryRow)
	}
	return errors.Join(err, rest.tell(env, "list"))
}

func entryRow(e entry) []string {
	return []string{
		strconv.FormatUint(e.ID, 10), e.Received.Format(time.DateTime), senderCell(&e),
		shortRecipients(e.Recipients), readableSize(e.Size), strconv.FormatUint(e.Message, 10), e.joinedCell(), cut(clean(e.Subject), 72),
	}
}

// joinedCell says why an entry belongs to its message; "-" when it is the first.
func (j *joining) joinedCell() string {
	switch {
	case j.Collides != 0:
		return fmt.Sprintf("collides with %d", j.Collides)
	case j.Joined == "":
		return "-"
	case j.Differs:
		return j.Joined + ", differs"
	}
	return j.Joined
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
