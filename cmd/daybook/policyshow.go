package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"daybook/archive"
)

type policyShowCmd struct {
	place  `embed:""`
	Digest string `arg:"" optional:"" help:"A policy: its digest, or the first six digits of it or more. Without it all are listed."`
	File   string `placeholder:"NAME" help:"Only this file, byte for byte."`
	Out    string `placeholder:"DIR" help:"Write the files into this new folder."`
	JSON   bool   `name:"json" help:"One JSON object a line."`
}

// Help is the long help of the command.
func (*policyShowCmd) Help() string {
	return `Lists the policies that were ever active, the latest last: a policy judged from its time on until that of the next. With a digest, shows the text that the archive has kept of one: its HCL files, one after the other, each below a comment with its name. Other files, which are lists of addresses, are only named there; see --file and --out.

With --out, a file that came from outside of the policy's folder is written below "outside".

Exit status: 0 when all is well, 1 when the text is damaged or the work failed, 2 for wrong flags, a digest that is not there, an output that exists and a data folder that cannot be read.`
}

// Run shows.
func (c *policyShowCmd) Run(env *environment) error {
	switch {
	case c.Digest == "" && c.File+c.Out != "":
		return refuse("", errors.New("--file and --out are for one policy"), "name it by its digest")
	case c.File != "" && c.Out != "":
		return refuse("--file", errors.New("--out stands beside it"), "leave one of the two out")
	}
	return withStore(env.ctx, &c.place, func(s store) error {
		if c.Digest == "" {
			return c.list(env, s)
		}
		p, err := findPolicy(env.ctx, s, c.Digest)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return newLines(env.stdout).Encode(p)
		case c.File != "":
			return showFile(env, s, &p, c.File)
		case c.Out != "":
			return c.write(env, s, &p)
		}
		return showText(env, s, &p)
	})
}

func (c *policyShowCmd) list(env *environment, s store) error {
	policies := s.Policies(env.ctx, archive.Query{})
	if c.JSON {
		return printJSON(env, policies)
	}
	t := newTable(env.stdout, "POLICY", "SINCE (UTC)", ">FILES", "BY")
	return printTable(env, t, policies, func(p keptPolicy) []string {
		return []string{shortDigest(p.Policy), p.Time.Format(time.DateTime), fmt.Sprint(len(p.Files)), p.Actor}
	})
}

// shortDigest is how a digest is shown where it has to be told from others only.
func shortDigest(digest string) string { return digest[:min(len(digest), 12)] }

// minPrefix is how many digits of a digest must be given.
const minPrefix = 6

// findPolicy gives the policy whose digest begins with a text.
func findPolicy(ctx context.Context, s store, prefix string) (keptPolicy, error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) < minPrefix || len(prefix) > 2*len(archive.Digest{}) || strings.Trim(prefix, "0123456789abcdef") != "" {
		return keptPolicy{}, refuse("", fmt.Errorf("%q is not the digest of a policy, or the first %d digits of it or more", prefix, minPrefix),
			"daybook policy show lists those there are")
	}
	if digest, err := parseDigest(prefix); err == nil {
		return s.Policy(ctx, digest)
	}
	var found []string
	for p, err := range s.Policies(ctx, archive.Query{}) {
		if err != nil && !isDamage(err) {
			return keptPolicy{}, err
		}
		if err == nil && strings.HasPrefix(p.Policy, prefix) && !slices.Contains(found, p.Policy) {
			found = append(found, p.Policy)
		}
	}
	switch {
	case len(found) == 0:
		return keptPolicy{}, refuse(prefix, errors.New("no policy was kept whose digest begins so"), "daybook policy show lists those there are")
	case len(found) > 1:
		return keptPolicy{}, refuse(prefix, fmt.Errorf("the digests of %d policies begin so", len(found)), "give more digits")
	}
	digest, err := parseDigest(found[0])
	if err != nil {
		return keptPolicy{}, err
	}
	return s.Policy(ctx, digest)
}

// showFile writes one file byte for byte.
func showFile(env *environment, s store, p *keptPolicy, name string) error {
	names := p.names()
	if !slices.Contains(names, name) {
		wayOut := "it has " + strings.Join(names[:min(len(names), 10)], ", ")
		if near := nearest(name, names); near != "" {
			wayOut = fmt.Sprintf("did you mean %q?", near)
		} else if len(names) == 0 {
			wayOut = "it has none"
		}
		return refuse("--file "+name, errors.New("the policy has no such file"), wayOut)
	}
	return p.writeFile(env.ctx, s, name, env.stdout)
}

func (p *keptPolicy) names() []string {
	names := make([]string, len(p.Files))
	for i := range p.Files {
		names[i] = p.Files[i].Name
	}
	return names
}

// isText tells the files of the language from lists of addresses.
func (f *policyFile) isText() bool { return strings.HasSuffix(f.Name, ".hcl") }

func (p *keptPolicy) writeFile(ctx context.Context, s store, name string, w io.Writer) error {
	digest, err := parseDigest(p.Policy)
	if err != nil {
		return err
	}
	return s.WriteFile(ctx, digest, name, w)
}

// showText writes the files of the language one after the other.
func showText(env *environment, s store, p *keptPolicy) error {
	out := &endedWriter{w: bufio.NewWriter(env.stdout), ended: true}
	if len(p.Files) == 0 {
		out.printf("# There was no configuration: this is the policy of daybook serve without --config.\n")
	}
	for i := range p.Files {
		f := &p.Files[i]
		out.endLine()
		if !f.isText() {
			out.printf("# %s: %s\n", clean(f.Name), readableSize(f.Size))
			continue
		}
		out.printf("# %s\n", clean(f.Name))
		if err := p.writeFile(env.ctx, s, f.Name, out); err != nil {
			return errors.Join(err, out.w.Flush())
		}
	}
	out.endLine()
	return out.w.Flush()
}

// endedWriter knows whether what was written ends with a line end.
type endedWriter struct {
	w     *bufio.Writer
	ended bool
}

// Write writes (io.Writer).
func (e *endedWriter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		e.ended = p[len(p)-1] == '\n'
	}
	return e.w.Write(p)
}

func (e *endedWriter) printf(format string, args ...any) { fmt.Fprintf(e, format, args...) }

func (e *endedWriter) endLine() {
	if !e.ended {
		e.printf("\n")
	}
}

// write writes all files into a new folder.
func (c *policyShowCmd) write(env *environment, s store, p *keptPolicy) error {
	err := os.Mkdir(c.Out, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return existsFault(c.Out)
	case err != nil:
		return refuse(c.Out, reasonOf(err), "name a new folder whose parent exists and can be written to")
	}
	if err := p.writeFiles(env.ctx, s, c.Out); err != nil {
		return errors.Join(err, os.RemoveAll(c.Out)) // what is there is only a part
	}
	_, err = fmt.Fprintf(env.stdout, "%s in %s\n", plural(len(p.Files), "file", "files"), clean(c.Out))
	return err
}

// writeFiles writes all files below a folder that is empty.
func (p *keptPolicy) writeFiles(ctx context.Context, s store, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range p.names() {
		path := localName(name)
		if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(p.writeFile(ctx, s, name, f), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// localName gives the name of a policy's file as a path within a folder.
func localName(name string) string {
	path := filepath.FromSlash(name)
	if filepath.IsLocal(path) {
		return path
	}
	return filepath.Join("outside", filepath.Join("/", path))
}
