package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"daybook/archive"
	"daybook/policy"

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	statusFailed = 1 // damage was found, or work failed
	statusUsage  = 2 // the caller can put it right
)

// fault is an error as the administrator gets to see it.
type fault struct {
	command string // which command
	where   string // the file, folder, flag or address concerned
	err     error  // what is wrong
	wayOut  string // what to do about it
	note    string // what else to say, in a line of its own
	status  int
}

func (f *fault) Error() string {
	s := "daybook"
	for _, part := range []string{f.command, f.where, f.err.Error(), f.wayOut} {
		switch {
		case part == "":
		case strings.HasSuffix(s, "?"):
			s += " " + part
		default:
			s += ": " + part
		}
	}
	return clean(s)
}

func (f *fault) Unwrap() error { return f.err }

// report writes the fault and returns the status to exit with. The mistakes of a
// configuration come one a line, each with its source line, and so do its tests
// that fail.
func (f *fault) report(w io.Writer) int {
	wrong, isWrong := errors.AsType[*policy.Error](f.err)
	failed, isFailed := errors.AsType[*policy.TestError](f.err)
	switch {
	case isWrong:
		for _, d := range wrong.Diagnostics {
			fmt.Fprintln(w, f.line(d.String()))
			d.Source = clean(strings.ReplaceAll(d.Source, "\t", " "))
			_ = d.WriteSource(w) // nothing can be done when standard error is gone
		}
	case isFailed:
		for _, failure := range failed.Failures {
			fmt.Fprintln(w, f.line(failure.String()))
		}
	default:
		fmt.Fprintln(w, f.Error())
	}
	if f.note != "" {
		fmt.Fprintln(w, f.line(f.note))
	}
	return f.status
}

// line is a line that the command says on standard error.
func (f *fault) line(text string) string {
	return clean("daybook: " + f.command + ": " + text)
}

// refuse is a fault that the caller can put right.
func refuse(where string, err error, wayOut string) *fault {
	return &fault{where: where, err: err, wayOut: wayOut, status: statusUsage}
}

// fail is a fault in the work itself.
func fail(where string, err error, wayOut string) *fault {
	return &fault{where: where, err: err, wayOut: wayOut, status: statusFailed}
}

// usageFault is what the parser of the command line has to say.
func usageFault(err error, args []string) *fault {
	f := &fault{err: err, wayOut: "see daybook --help", status: statusUsage}
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil {
		return f
	}
	node := parse.Context.Selected()
	switch {
	case node != nil:
		f.command = strings.TrimPrefix(node.FullPath(), "daybook ")
		f.wayOut = fmt.Sprintf("see daybook %s --help", f.command)
		if len(node.Children) > 0 {
			f.err = groupError(err)
		}
	case len(args) == 0:
		f.err = errors.New("which command?")
	default:
		f.err = groupError(err)
	}
	return f
}

// groupError says of what has commands below it that one of them is not known, or
// missing.
func groupError(err error) error {
	if strings.HasPrefix(err.Error(), "expected ") {
		return errors.New("which command?")
	}
	return errors.New(strings.Replace(err.Error(), "unexpected argument", "unknown command", 1))
}

// explain makes a fault of any error. Command is what kong calls it: its words, then
// its arguments.
func explain(command string, err error) *fault {
	command, _, _ = strings.Cut(command, " <")
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = classify(err)
	}
	f.command = command
	return f
}

func classify(err error) *fault {
	switch {
	case errors.Is(err, context.Canceled):
		return fail("", errors.New("interrupted"), "")
	case errors.Is(err, archive.ErrNotFound):
		return refuse("", err, "daybook list shows what there is")
	case errors.Is(err, archive.ErrNoOriginal):
		return refuse("", err, "daybook get --report shows which there are")
	case errors.Is(err, archive.ErrEncoding):
		return fail("", err, "daybook get without --original writes the whole delivery")
	case errors.Is(err, archive.ErrNoPolicy):
		return refuse("", err, "daybook policy show lists those there are")
	}
	return fail("", err, "")
}

// openFault explains why the archive in a folder could not be opened.
func openFault(dir string, err error) *fault {
	switch {
	case errors.Is(err, archive.ErrLocked):
		return refuse(dir, errors.New("another daybook is using this data"),
			"stop it, or name another folder with --data")
	case errors.Is(err, fs.ErrNotExist):
		return refuse(dir, errors.New("there is no archive here"),
			"name its folder with --data, or start one with daybook serve")
	case errors.Is(err, syscall.ENOTDIR):
		return refuse(dir, syscall.ENOTDIR, "name the folder of an archive with --data")
	case errors.Is(err, fs.ErrPermission):
		return refuse(dir, fs.ErrPermission, "run daybook as the user who owns the folder")
	case errors.Is(err, archive.ErrCatalog):
		return fail(dir, err, "make it anew with daybook rebuild --data "+dir)
	}
	return fail(dir, err, "")
}
