package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

type exportCmd struct {
	place  `embed:""`
	filter `embed:""`
	Format string `default:"eml" placeholder:"FORMAT" help:"eml (the default), mbox or maildir."`
	Output string `short:"o" placeholder:"PATH" help:"Folder for eml and maildir; new file for mbox, standard output without it."`
}

// Help is the long help of the command.
func (*exportCmd) Help() string {
	return `Writes the messages that the filters choose.

eml: one file ID.eml each, byte for byte. The folder is made if it does not exist.

maildir: one file each in new/ of a Maildir, byte for byte. The Maildir is made if it does not exist.

mbox: one file in mboxrd format, for which messages have to be changed: CRLF becomes LF, lines that begin with "From ", also behind ">", get one more ">", and an end of line is added to a last line that has none.

Nothing is overwritten. What is damaged is named and left out. When the command returns, all is on stable storage.

Exit status: 0 when all was written, 1 when a message is damaged or the work failed, 2 for wrong flags, an output that exists or cannot be written and a data folder that cannot be read.`
}

// Run exports.
func (c *exportCmd) Run(env *environment) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	if c.Format != "eml" && c.Format != "mbox" && c.Format != "maildir" {
		return refuse("--format "+c.Format, errors.New("there is no such format"), "it is eml, mbox or maildir")
	}
	if c.Output == "" && c.Format != "mbox" {
		return refuse("--output", errors.New("the folder is missing"), "name it with --output DIR")
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		e := &export{ctx: env.ctx, store: s, stderr: env.stderr, progress: newProgress(env.stderr), chosen: s.List(env.ctx, q)}
		defer e.progress.clear()
		if err := c.write(env, e); err != nil {
			return err
		}
		e.progress.clear()
		if c.Output != "" && c.Output != "-" {
			fmt.Fprintf(env.stdout, "%s, %s, in %s\n", plural(e.messages, "message", "messages"), readableSize(e.bytes), clean(c.Output))
		}
		return damageFault(e.damaged)
	})
}

func (c *exportCmd) write(env *environment, e *export) error {
	switch {
	case c.Format == "eml":
		return e.eml(c.Output)
	case c.Format == "maildir":
		return e.maildir(c.Output)
	case c.Output == "" || c.Output == "-":
		return e.mbox(env.stdout)
	}
	return writeNewFile(c.Output, e.mbox)
}

// export is one run of the command.
type export struct {
	ctx      context.Context
	store    store
	stderr   io.Writer
	progress *progress
	chosen   iter.Seq2[entry, error]

	messages, damaged int
	bytes             int64
}

// each calls write for every chosen message and counts. A message that is damaged,
// or the entry of one, is named and passed over.
func (e *export) each(write func(entry) error) error {
	for m, err := range e.chosen {
		if err == nil {
			err = write(m)
		}
		switch {
		case err == nil:
			e.messages++
			e.bytes += m.Size
			e.progress.show(fmt.Sprintf("%s, %s", plural(e.messages, "message", "messages"), readableSize(e.bytes)))
		case isDamage(err):
			e.damaged++
			e.progress.clear()
			fmt.Fprintln(e.stderr, clean("daybook: "+err.Error()))
		default:
			return err
		}
	}
	return nil
}

// message gives a function that writes a message's bytes.
func (e *export) message(id uint64) func(io.Writer) error {
	return func(w io.Writer) error { return e.store.WriteTo(e.ctx, id, w) }
}

// eml writes the messages as files ID.eml of a folder.
func (e *export) eml(path string) error {
	d, err := makeFolder(path)
	if err != nil {
		return err
	}
	err = e.each(func(m entry) error { return d.create(fmt.Sprintf("%d.eml", m.ID), e.message(m.ID)) })
	return errors.Join(err, d.sync())
}

// maildir writes the messages into new/ of a Maildir (https://cr.yp.to/proto/maildir.html).
// A name is that of the same message at every export, so that exporting it twice
// into one Maildir is noticed.
func (e *export) maildir(path string) error {
	if _, err := makeFolder(path); err != nil {
		return err
	}
	folders := make(map[string]*folder)
	for _, name := range []string{"tmp", "new", "cur"} {
		d, err := makeFolder(filepath.Join(path, name))
		if err != nil {
			return err
		}
		folders[name] = d
	}
	d := folders["new"]
	d.temp = folders["tmp"].path
	err := e.each(func(m entry) error {
		name := fmt.Sprintf("%d.M%06dQ%d.daybook,S=%d", m.Received.Unix(), m.Received.Nanosecond()/1000, m.ID, m.Size)
		return d.create(name, e.message(m.ID))
	})
	return errors.Join(err, d.sync())
}

// mbox writes the messages in mboxrd format. A message goes through a temporary
// file, so that none is begun that cannot be read to its end.
func (e *export) mbox(w io.Writer) error {
	temp, err := os.CreateTemp("", "daybook-*")
	if err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	defer temp.Close()
	if err := os.Remove(temp.Name()); err != nil {
		return fmt.Errorf("make a temporary file: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	err = e.each(func(m entry) error {
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := temp.Truncate(0); err != nil {
			return err
		}
		if err := e.store.WriteTo(e.ctx, m.ID, temp); err != nil {
			return err
		}
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return writeMbox(out, m.Sender, m.Received, temp)
	})
	return errors.Join(err, out.Flush())
}
