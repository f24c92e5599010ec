package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
)

type exportCmd struct {
	place  `embed:""`
	filter `embed:""`
	apart  `embed:""`
	Format string `default:"eml" placeholder:"FORMAT" help:"eml (the default), mbox or maildir."`
	Redact bool   `help:"Write the mail as those may see it who may not see its Bcc recipients; see daybook get --help."`
	Output string `short:"o" placeholder:"PATH" help:"Folder for eml and maildir; new file for mbox, standard output without it."`
}

// Help is the long help of the command.
func (*exportCmd) Help() string {
	return `Writes the messages of the entries that the filters choose, those that daybook list --entries lists: copies of one mail are all written, each as it came in. daybook get --variant writes one form of a mail. What is in quarantine is left out, and counted on standard error: see --quarantined and --all.

eml: one file ID.eml each, byte for byte. The folder is made if it does not exist.

maildir: one file each in new/ of a Maildir, byte for byte. The Maildir is made if it does not exist.

mbox: one file in mboxrd format, for which messages have to be changed: CRLF becomes LF, lines that begin with "From ", also behind ">", get one more ">", and an end of line is added to a last line that has none.

With --redact the files are not byte-exact: header fields that a journal hides are left out, and of a journal's report only the mail inside is written. A report without one is named and left out.

Nothing is overwritten. What is damaged is named and left out. When the command returns, all is on stable storage.

Exit status: 0 when all was written, 1 when a message is damaged, cannot be shown with --redact or the work failed, 2 for wrong flags, an output that exists or cannot be written and a data folder that cannot be read.`
}

// Run exports.
func (c *exportCmd) Run(env *environment) error {
	q, err := c.query()
	if err == nil {
		err = c.choose(&q)
	}
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
		rest := leftOutEntries(s, q)
		e := &export{ctx: env.ctx, store: s, stderr: env.stderr, progress: newProgress(env.stderr), chosen: rest.watch(s.List(env.ctx, q))}
		if c.Redact {
			e.redactor = &redactor{ctx: env.ctx, store: s, views: views{place: &c.place, store: s}}
		}
		defer e.progress.clear()
		if err := c.write(env, e); err != nil {
			return err
		}
		e.progress.clear()
		if c.Output != "" && c.Output != "-" {
			fmt.Fprintf(env.stdout, "%s, %s, in %s\n", plural(e.messages, "message", "messages"), readableSize(e.bytes), clean(c.Output))
		}
		return errors.Join(rest.tell(env, "export"), e.fault())
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
	redactor *redactor // nil to write what was archived

	messages, damaged, hidden int
	bytes                     int64
}

// fault is the error of an export that left something out.
func (e *export) fault() error {
	if e.hidden > 0 && e.damaged == 0 {
		return fail("", errors.New(plural(e.hidden, "report", "reports")+" not written"), "leave --redact out to see what there is")
	}
	return damageFault(e.damaged)
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
			e.progress.show(fmt.Sprintf("%s, %s", plural(e.messages, "message", "messages"), readableSize(e.bytes)))
		case isDamage(err), errors.Is(err, errNotShown):
			if isDamage(err) {
				e.damaged++
			} else {
				e.hidden++
			}
			e.progress.clear()
			fmt.Fprintln(e.stderr, clean("daybook: "+err.Error()))
		default:
			return err
		}
	}
	return nil
}

// message gives a function that writes a message.
func (e *export) message(m *entry) func(io.Writer) error {
	return func(w io.Writer) error {
		counted := &countWriter{w: w}
		var err error
		if e.redactor != nil {
			err = e.redactor.write(m, counted)
		} else {
			err = e.store.WriteTo(e.ctx, m.ID, counted)
		}
		if err == nil {
			e.bytes += counted.count
		}
		return err
	}
}

// countWriter counts the bytes that are written.
type countWriter struct {
	w     io.Writer
	count int64
}

// Write writes (io.Writer).
func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.count += int64(n)
	return n, err
}

// eml writes the messages as files ID.eml of a folder.
func (e *export) eml(path string) error {
	d, err := makeFolder(path)
	if err != nil {
		return err
	}
	err = e.each(func(m entry) error { return d.create(fmt.Sprintf("%d.eml", m.ID), e.message(&m)) })
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
		name := fmt.Sprintf("%d.M%06dQ%d.daybook", m.Received.Unix(), m.Received.Nanosecond()/1000, m.ID)
		if e.redactor == nil {
			name += fmt.Sprintf(",S=%d", m.Size)
		}
		return d.create(name, e.message(&m))
	})
	return errors.Join(err, d.sync())
}

// mbox writes the messages in mboxrd format. A message goes through a temporary
// file, so that none is begun that cannot be read to its end.
func (e *export) mbox(w io.Writer) error {
	temp, err := unnamedFile()
	if err != nil {
		return err
	}
	defer temp.Close()
	out := bufio.NewWriterSize(w, 64<<10)
	err = e.each(func(m entry) error {
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := temp.Truncate(0); err != nil {
			return err
		}
		if err := e.message(&m)(temp); err != nil {
			return err
		}
		if _, err := temp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		sender := m.EnvelopeSender
		if e.redactor != nil {
			sender = m.Sender
		}
		return writeMbox(out, sender, m.Received, temp)
	})
	return errors.Join(err, out.Flush())
}
