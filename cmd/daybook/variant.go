package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// variantNumber is the flag that chooses among the exact forms of a message, from 1
// on; 0 when it was not given.
type variantNumber int

// UnmarshalText reads the number.
func (n *variantNumber) UnmarshalText(text []byte) error {
	number, err := parsePositive(string(text))
	if err != nil {
		return fmt.Errorf("%q is not the number of a variant, from 1 on", text)
	}
	*n = variantNumber(number)
	return nil
}

// writeVariant writes the exact bytes of a variant of the message that an entry
// belongs to: the mail itself, also where a journal's report brought it.
func writeVariant(ctx context.Context, s store, id uint64, n variantNumber, w io.Writer) error {
	m, err := s.Message(ctx, id)
	if err != nil {
		return err
	}
	if m.Unreadable > 0 { // one of these may be a variant, and the numbers would be others
		return fail(fmt.Sprintf("--variant=%d", n), fmt.Errorf("message %d: of its %s %d cannot be read, so its variants cannot be counted",
			m.ID, plural(m.Entries, "entry", "entries"), m.Unreadable),
			fmt.Sprintf("name an entry; daybook dedup explain %d shows which there are", m.ID))
	}
	if int(n) > len(m.Variants) {
		has := plural(len(m.Variants), "variant", "variants")
		if m.Cut {
			has += " among the entries that are looked at"
		}
		return refuse(fmt.Sprintf("--variant=%d", n), fmt.Errorf("message %d has %s", m.ID, has),
			fmt.Sprintf("daybook dedup explain %d shows which there are", m.ID))
	}
	e, err := s.Entry(ctx, m.Variants[n-1].Entry)
	if err != nil {
		return err
	}
	return writeMail(ctx, s, &e, w)
}

// writeMail writes the exact bytes of an entry's mail. That is what its copies are
// told by: the entry's message, or the mail inside that.
func writeMail(ctx context.Context, s store, e *entry, w io.Writer) error {
	n, err := insideOf(ctx, s, e)
	if err != nil {
		return err
	}
	if n == 0 {
		return s.WriteTo(ctx, e.ID, w)
	}
	sum := sha256.New()
	if err := s.WriteOriginal(ctx, e.ID, n, io.MultiWriter(w, sum)); err != nil {
		return err
	}
	if e.Identity != nil && hex.EncodeToString(sum.Sum(nil)) != e.Identity.SHA256 {
		return errNotThatMail(e)
	}
	return nil
}

// insideOf gives the number of the original that is an entry's mail, from 1 on; 0 when
// it is the message itself. Of several originals it is the one with the digest.
func insideOf(ctx context.Context, s store, e *entry) (int, error) {
	count := 0
	if e.Truth != nil {
		count = len(e.Truth.Originals)
	}
	switch {
	case e.Identity != nil && e.Identity.SHA256 == e.SHA256:
		return 0, nil
	case e.Identity == nil && count != 1:
		return 0, nil
	case count == 1:
		return 1, nil
	}
	for n := 1; n <= count; n++ {
		sum := sha256.New()
		if err := s.WriteOriginal(ctx, e.ID, n, sum); err != nil {
			return 0, err
		}
		if hex.EncodeToString(sum.Sum(nil)) == e.Identity.SHA256 {
			return n, nil
		}
	}
	return 0, errNotThatMail(e)
}

func errNotThatMail(e *entry) error {
	return fail("", fmt.Errorf("entry %d: the mail inside has not the digest by which its copies were found", e.ID),
		fmt.Sprintf("daybook get %d writes the whole delivery, daybook verify looks for damage", e.ID))
}

// beside refuses flags of daybook get that say otherwise what is to be written.
func (n variantNumber) beside(c *getCmd) error {
	const wayOut = "leave one of the two out"
	switch {
	case n == 0:
		return nil
	case c.Report:
		return refuse("--report", errors.New("--variant stands beside it"), wayOut+": --report is about entries")
	case c.Redact:
		return refuse("--redact", errors.New("--variant stands beside it"), wayOut+": with --redact, name the entry that has the variant")
	case c.Original.wanted:
		return refuse("--original", errors.New("--variant stands beside it"), wayOut+": with --variant the mail inside is written anyway")
	}
	return nil
}
