package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"daybook/archive"
	"daybook/archive/journal"
	"daybook/archive/message"
)

// redactor writes mail as it is shown to those who may not see its Bcc recipients: a
// journal's report as the mail inside it, and that without the header fields that the
// journal hides.
type redactor struct {
	ctx   context.Context
	store store
	views views
}

// errNotShown: a report has no mail inside that can be read.
var errNotShown = errors.New("a report itself is not shown with --redact")

// maxNested is how many reports within one another are opened.
const maxNested = 8

// write writes what is shown of an entry. Nothing is written of one that is damaged.
func (r *redactor) write(e *entry, w io.Writer) error {
	v, err := r.views.of(r.ctx, e.Source)
	if err != nil {
		return err
	}
	f, err := r.spool(e, &v)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	if !v.Journal {
		return hideFields(w, f, v.Hide) // a report in it is a part of somebody's mail
	}
	for depth := range maxNested {
		inner, err := openReport(f, &v)
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.ID, err)
		}
		if inner == nil && depth == 0 && v.Wrapped {
			if like, err := likeReport(f); err != nil || like {
				return errors.Join(err, fmt.Errorf("entry %d: it looks like a report, and cannot be read as one: %w", e.ID, errNotShown))
			}
		}
		if inner == nil {
			return hideFields(w, f, v.Hide)
		}
		f.Close() // it was read, and is gone anyway
		f = inner
	}
	return fmt.Errorf("entry %d: there are too many reports within one another: %w", e.ID, errNotShown)
}

// spool writes the mail of an entry into a file without a name: of a journal's
// delivery the mail inside.
func (r *redactor) spool(e *entry, v *view) (*os.File, error) {
	n := e.Truth.shown(v.ClearText)
	f, err := spooled(func(w io.Writer) error {
		if n > 0 {
			return r.store.WriteOriginal(r.ctx, e.ID, n, w)
		}
		return r.store.WriteTo(r.ctx, e.ID, w)
	})
	if errors.Is(err, archive.ErrEncoding) {
		err = fmt.Errorf("%w: %w", err, errNotShown)
	}
	return f, err
}

// spooled gives a file without a name that has what write writes.
func spooled(write func(io.Writer) error) (*os.File, error) {
	f, err := unnamedFile()
	if err != nil {
		return nil, err
	}
	err = write(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openReport gives the mail inside a report, whoever delivered it; nil when the file
// is no report.
func openReport(f *os.File, v *view) (*os.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	report, err := journal.Parse(f, info.Size(), journal.Options{Reports: true, NDR: true})
	if err != nil || report.Kind == journal.None {
		return nil, err
	}
	originals := make([]message.Original, 0, len(report.Originals))
	for i := range report.Originals {
		o := &report.Originals[i]
		originals = append(originals, message.Original{
			Start: o.Start, End: o.End, Encoding: o.Encoding, Protected: o.Protected, Decrypted: o.Decrypted,
		})
	}
	n := newTruth(&message.Truth{Originals: originals}).shown(v.ClearText)
	if n == 0 {
		return nil, fmt.Errorf("there is no mail inside: %w", errNotShown)
	}
	original := originals[n-1].Open(f)
	return spooled(func(w io.Writer) error {
		_, err := io.Copy(w, original)
		if err != nil && originals[n-1].Encoding != "" {
			err = fmt.Errorf("the encoding of the mail inside breaks off: %w", errNotShown)
		}
		return err
	})
}

// likeReport tells that a file has the looks of a report, or a header that is too long
// to tell.
func likeReport(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	report, err := journal.Parse(f, info.Size(), journal.Options{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(report.Flags, func(flag string) bool {
		return flag == journal.FlagUntrusted || flag == journal.FlagHeaderTooLong
	}), nil
}

// hideFields copies a message without some fields of its header.
func hideFields(w io.Writer, message io.Reader, names []string) error {
	in := bufio.NewReaderSize(message, 64<<10)
	hidden, begins := false, true // of the line that is read
	for {
		part, err := in.ReadSlice('\n')
		if begins && len(bytes.TrimRight(part, "\r\n")) == 0 {
			if _, err := w.Write(part); err != nil {
				return err
			}
			_, err := io.Copy(w, in)
			return err
		}
		if begins && part[0] != ' ' && part[0] != '\t' {
			hidden = isHidden(part, names)
		}
		if !hidden {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		begins = err == nil
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// isHidden tells whether a line begins a field of one of the names.
func isHidden(line []byte, names []string) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	return found && slices.ContainsFunc(names, func(hidden string) bool {
		return strings.EqualFold(string(bytes.TrimRight(name, " \t")), hidden)
	})
}
