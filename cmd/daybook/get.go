package main

import (
	"bufio"
	"context"
	"io"
	"path/filepath"
)

type getCmd struct {
	place  `embed:""`
	Output string    `short:"o" placeholder:"FILE" help:"Write into this new file, not to standard output."`
	ID     []entryID `arg:"" name:"id" help:"Numbers of entries, as daybook list shows them."`
}

// Help is the long help of the command.
func (*getCmd) Help() string {
	return `Writes exactly the bytes that were archived; those of several messages one after the other. They are compared with the digest of the entry: when they are not what was archived, the exit status says so. With --output nothing is left behind unless all is well.

Exit status: 0 when the messages are complete, 1 when one is damaged or the work failed, 2 for wrong flags, a number that is not there, an output file that exists and a data folder that cannot be read.`
}

// Run writes the messages.
func (c *getCmd) Run(env *environment) error {
	return withStore(env.ctx, &c.place, func(s store) error {
		if c.Output != "" && c.Output != "-" {
			return writeNewFile(c.Output, func(w io.Writer) error { return c.write(env.ctx, s, w) })
		}
		return c.write(env.ctx, s, env.stdout)
	})
}

func (c *getCmd) write(ctx context.Context, s store, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	for _, id := range c.ID {
		if err := s.WriteTo(ctx, uint64(id), out); err != nil {
			return err
		}
	}
	return out.Flush()
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
