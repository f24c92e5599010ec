package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/alecthomas/kong"
)

type getCmd struct {
	place    `embed:""`
	Output   string         `short:"o" placeholder:"FILE" help:"Write into this new file, not to standard output."`
	Original originalNumber `help:"Write the mail inside a journal's report; with several, --original=N chooses, from 1 on."`
	Variant  variantNumber  `placeholder:"N" help:"Write variant N, from 1 on, of the message that the entry belongs to."`
	Report   bool           `help:"Show who sent and received the mail, and who says so."`
	Redact   bool           `help:"Write the mail as those may see it who may not see its Bcc recipients; see below."`
	JSON     bool           `name:"json" help:"With --report: one JSON object a line."`
	ID       []entryID      `arg:"" name:"id" help:"Numbers of entries, as daybook list shows them."`
}

// originalNumber is the flag that wants an original, and which.
type originalNumber struct {
	wanted bool
	number int // from 1 on; 0 when it was not given
}

// IsBool tells that the number may be left out (kong.BoolMapperValue).
func (*originalNumber) IsBool() bool { return true }

// Decode reads the number behind "=" (kong.MapperValue).
func (o *originalNumber) Decode(ctx *kong.DecodeContext) error {
	o.wanted = true
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	n, err := parsePositive(text)
	if err != nil {
		return fmt.Errorf("%q is not the number of an original, from 1 on", text)
	}
	o.number = n
	return nil
}

// parsePositive reads a number from 1 on.
func parsePositive(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return int(n), err
}

// Help is the long help of the command.
func (*getCmd) Help() string {
	return `Writes exactly the bytes that were archived; those of several messages one after the other. They are compared with the digest of the entry: when they are not what was archived, the exit status says so. With --output nothing is left behind unless all is well.

With --original, of a journal's delivery only the mail inside: where there are two, one protected and one decrypted, the decrypted one, unless the journal has prefer_clear_text = false; else the first. It is byte for byte what stands in the delivery, decoded where the delivery encodes it.

With --variant, one exact form of the message that the entry belongs to: 1 is the one that came first, and daybook dedup explain, or daybook list --json, shows which there are. It is the mail itself, whose digest is shown there: when a journal's report brought it, the mail inside and not the report, which daybook get with the number of the entry writes.

With --redact, what is written is not byte-exact: the header fields are left out that hide_headers of the journal names, of the policy that judges, or of --config. A report is never written, only the mail inside. What is archived does not change.

Exit status: 0 when the messages are complete, 1 when one is damaged or the work failed, 2 for wrong flags, a number that is not there, a delivery without a mail inside, a variant that there is not, an output file that exists and a data folder that cannot be read.`
}

// Run writes the messages.
func (c *getCmd) Run(env *environment) error {
	const wayOut = "leave one of the two out"
	if err := c.Variant.beside(c); err != nil {
		return err
	}
	switch {
	case c.Original.wanted && c.Report:
		return refuse("--report", errors.New("--original stands beside it"), wayOut)
	case c.Redact && c.Report:
		return refuse("--report", errors.New("--redact stands beside it"), wayOut)
	case c.Redact && c.Original.wanted:
		return refuse("--redact", errors.New("--original stands beside it"), wayOut+": with --redact the mail inside is written anyway")
	case c.JSON && !c.Report:
		return refuse("--json", errors.New("--report is missing"), "add it; daybook list --json lists entries")
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		if c.Output != "" && c.Output != "-" {
			return writeNewFile(c.Output, func(w io.Writer) error { return c.write(env.ctx, s, w) })
		}
		return c.write(env.ctx, s, env.stdout)
	})
}

func (c *getCmd) write(ctx context.Context, s store, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	r := &redactor{ctx: ctx, store: s, views: views{place: &c.place, store: s}}
	for i, id := range c.ID {
		if err := c.writeOne(r, uint64(id), i == 0, out); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (c *getCmd) writeOne(r *redactor, id uint64, first bool, w io.Writer) error {
	if c.Variant > 0 {
		return writeVariant(r.ctx, r.store, id, c.Variant, w)
	}
	if !c.Original.wanted && !c.Report && !c.Redact {
		return r.store.WriteTo(r.ctx, id, w)
	}
	e, err := r.store.Entry(r.ctx, id)
	if err != nil {
		return err
	}
	switch {
	case c.Redact:
		err := r.write(&e, w)
		if errors.Is(err, errNotShown) {
			err = refuse("", err, "leave --redact out to see what there is")
		}
		return err
	case c.Original.wanted:
		return c.original(r, &e, w)
	case c.JSON:
		return newLines(w).Encode(e)
	}
	v, err := r.views.of(r.ctx, e.Source)
	if err != nil {
		return err
	}
	if !first {
		fmt.Fprintln(w)
	}
	return printReport(w, &e, &v)
}

// original writes the mail inside an entry's delivery.
func (c *getCmd) original(r *redactor, e *entry, w io.Writer) error {
	n, count := c.Original.number, 0
	if e.Truth != nil {
		count = len(e.Truth.Originals)
	}
	if count == 0 {
		return refuse("", fmt.Errorf("entry %d is no report with a mail inside", e.ID), "leave --original out: it is the message itself")
	}
	if n == 0 {
		v, err := r.views.of(r.ctx, e.Source)
		if err != nil {
			return err
		}
		n = e.Truth.shown(v.ClearText)
	}
	if n > count {
		return refuse(fmt.Sprintf("--original=%d", n), fmt.Errorf("entry %d has %s", e.ID, plural(count, "original", "originals")),
			"daybook get --report shows them")
	}
	return r.store.WriteOriginal(r.ctx, e.ID, n, w)
}

// writeNewFile makes one file that is durable, or none.
func writeNewFile(path string, write func(io.Writer) error) error {
	d, err := openFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	if err := d.create(filepath.Base(path), write); err != nil {
		return err
	}
	return d.sync()
}
