package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// write prints the comparison of two entries.
func (x *pairExplanation) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, e := range []*entry{&x.One, x.Two} {
		say(w, 0, "entry %d: %s, by %s at %s UTC", e.ID, readableSize(e.Size), e.Source, e.Received.Format(time.DateTime))
		say(w, 2, "%s to %s", senderCell(e), shortRecipients(e.Recipients))
		say(w, 2, "%s", cmp.Or(e.Subject, "no subject"))
	}
	fmt.Fprintln(w)
	for i, line := range x.verdict() {
		fmt.Fprintf(w, "%*s%s\n", 2*min(i, 1), "", clean(line))
	}
	fmt.Fprintf(w, "\nWould entry %d join a message that begins with entry %d?\n", x.Two.ID, x.One.ID)
	for _, r := range x.Rules {
		answer := "yes"
		if !r.Joins {
			answer = "no: " + strings.Join(r.Against, "; ")
		}
		fmt.Fprintf(w, "  %-10s  %s\n", r.Rule, answer)
	}
	fmt.Fprintln(w, "\nWhat the rules compare:")
	width := 0
	for _, c := range x.Checks {
		width = max(width, len(c.What))
	}
	for _, c := range x.Checks {
		writeCompared(w, width, c.What, shortHex(c.One), shortHex(c.Two), c.Agree)
	}
	if x.Fields != nil {
		fmt.Fprintln(w, "\nThe two mails, field by field:")
	}
	for _, f := range x.Fields {
		writeCompared(w, len("Message-ID"), f.Name, f.One, f.Two, f.Equal)
	}
	return w.Flush()
}

// writeCompared shows what two entries have of one thing: once when it is the same,
// else each in a line.
func writeCompared(w io.Writer, width int, name, one, two string, same bool) {
	one, two = clean(cmp.Or(one, "-")), clean(cmp.Or(two, "-"))
	word := "other"
	switch {
	case same:
		word = "same"
	case one == "-" && two == "-":
		word = "none"
	}
	fmt.Fprintf(w, "  %-*s  %-5s  %s\n", width, name, word, one)
	if one != two {
		fmt.Fprintf(w, "  %-*s  %-5s  %s\n", width, "", "", two)
	}
}

// shortHex shortens what has the form of a SHA-256 in hexadecimal, or of a half.
func shortHex(s string) string {
	if (len(s) == 64 || len(s) == 32) && strings.Trim(s, "0123456789abcdef") == "" {
		return s[:16] + "…"
	}
	return s
}

// write prints the explanation of a message.
func (x *messageExplanation) write(to io.Writer) error {
	w, m := bufio.NewWriter(to), &x.Message
	say(w, 0, "message %d of %s: %s", m.ID, m.Tenant, cmp.Or(m.Subject, "no subject"))
	say(w, 2, "message-id  %s", cmp.Or(x.messageID(), "-"))
	say(w, 2, "senders     %s", cmp.Or(strings.Join(addresses(m.Senders), ", "), "-"))
	say(w, 2, "recipients  %s", cmp.Or(strings.Join(addresses(m.Recipients), ", "), "-"))
	fmt.Fprintf(w, "  came        %s\n", clean(m.came()))
	fmt.Fprintln(w)
	if err := x.writeMembers(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t := newTable(w, ">VARIANT", ">ENTRY", ">ENTRIES", "CONTENT", "SHA-256 OF THE MAIL")
	for _, v := range m.Variants {
		content := "same"
		if v.Differs {
			content = "differs"
		}
		if err := t.row(strconv.Itoa(v.Number), strconv.FormatUint(v.Entry, 10), strconv.Itoa(v.Entries), content, v.SHA256); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := x.writeNearMisses(w); err != nil {
		return err
	}
	return w.Flush()
}

// came says how often a message came, and when.
func (m *mail) came() string {
	text := plural(m.Entries, "entry", "entries")
	if m.Unreadable > 0 {
		text += fmt.Sprintf(" (%d damaged)", m.Unreadable)
	}
	when := "at " + m.First.Format(time.DateTime)
	if !m.Last.Equal(m.First) {
		when = m.First.Format(time.DateTime) + " to " + m.Last.Format(time.DateTime)
	}
	return fmt.Sprintf("%s in %s, %s UTC, by %s", text, plural(len(m.Variants), "variant", "variants"), when, strings.Join(m.Sources, ", "))
}

// messageID is that of the mail; where nothing else tells, that of the first delivery.
func (x *messageExplanation) messageID() string {
	for i := range x.Members {
		if id := x.Members[i].Identity; id != nil && id.MessageID != "" {
			return id.MessageID
		}
	}
	return x.Message.MessageID
}

func (x *messageExplanation) writeMembers(w io.Writer) error {
	t := newTable(w, ">ENTRY", "RECEIVED (UTC)", "SOURCE", ">SIZE", ">VARIANT", "JOINED")
	for i := range x.Members {
		e := &x.Members[i]
		joined := e.joinedCell()
		if e.Identity == nil {
			joined = "never: nothing is known to compare it by"
		}
		if err := t.row(strconv.FormatUint(e.ID, 10), e.Received.Format(time.DateTime), e.Source, readableSize(e.Size),
			strconv.Itoa(e.Variant), joined); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := x.Message.Entries - x.Message.Unreadable - len(x.Members); more > 0 {
		fmt.Fprintf(w, "and %s\n", plural(more, "more entry", "more entries"))
	}
	return nil
}

func (x *messageExplanation) writeNearMisses(w io.Writer) error {
	if len(x.NearMisses) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nNot joined with it, though the Message-ID, or all of the mail, is the same:")
	t := newTable(w, ">MESSAGE", "RECEIVED (UTC)", "SENDER", "SUBJECT", "AGAINST IT")
	for _, n := range x.NearMisses {
		received := "-"
		if !n.Received.IsZero() {
			received = n.Received.Format(time.DateTime)
		}
		if err := t.row(strconv.FormatUint(n.Message, 10), received, cut(clean(cmp.Or(n.Sender, "-")), addressCells),
			cut(clean(n.Subject), 40), cmp.Or(strings.Join(n.Against, "; "), "-")); err != nil {
			return err
		}
	}
	return t.flush()
}
