package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"iter"

	"github.com/cockroachdb/pebble/v2"
)

// ErrNoPolicy: the text of no policy with that digest was kept.
var ErrNoPolicy = errors.New("no policy with that digest was kept")

const (
	// MaxPolicyFiles is how many files the text of a policy may have.
	MaxPolicyFiles = 10_000
	// MaxFileName is the longest name of one of them, in bytes.
	MaxFileName = 1024
	// policyTenant is the namespace of the contents of policies: the archive's own.
	// No tenant of mail has this name.
	policyTenant = ""
)

// PolicyFile is a file of a policy's text, as it is handed over.
type PolicyFile struct {
	// Name is how the file is called in the policy, not empty and at most
	// [MaxFileName] bytes long. No two files of a policy have the same.
	Name string
	// Body reads the file's exact bytes, Size of them with the digest SHA256. It
	// is read only until KeepPolicy returns.
	Size   int64
	SHA256 Digest
	Body   io.ReaderAt
}

// KeptFile is a file of a policy's text in the archive.
type KeptFile struct {
	Name   string
	Size   int64
	SHA256 Digest

	recipe []piece
}

// PolicyText is the text of a policy as it was kept last.
type PolicyText struct {
	Digest Digest
	// Event is the event that kept it; its Files are the text.
	Event Event

	archive *Archive
}

// KeepPolicy keeps the text of a policy under its digest, whose meaning is the
// caller's, and records that with the event e, to which it gives kind, digest and
// files. When it returns nil, text and event are on stable storage. Of files that
// the archive has, and can read, only the names are written. The text of a digest
// may be kept again: the last one counts, and each has its event. The errors are
// those of [Archive.Append].
func (a *Archive) KeepPolicy(ctx context.Context, digest Digest, files []PolicyFile, e Event) (Event, error) {
	if err := checkPolicy(digest, files); err != nil {
		return Event{}, err
	}
	done, err := a.use()
	if err != nil {
		return Event{}, err
	}
	defer done()
	e.Kind, e.Policy, e.Files = EventPolicy, digest, make([]KeptFile, 0, len(files))
	c := &contents{a: a, tenant: policyTenant, alone: true}
	defer c.end()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		kept, err := c.file(ctx, f)
		if err != nil {
			return Event{}, fmt.Errorf("keep policy: file %q: %w", f.Name, err)
		}
		e.Files = append(e.Files, kept)
	}
	if e, err = a.appendEvent(ctx, c.records, e); err == nil {
		c.written()
	}
	return e, err
}

// file cuts a policy's file into contents.
func (s *contents) file(ctx context.Context, f PolicyFile) (KeptFile, error) {
	kept := KeptFile{Name: f.Name, Size: f.Size, SHA256: f.SHA256}
	sum := sha256.New()
	err := inChunks(f.Body, f.Size, maxPiece, func(raw []byte) error {
		sum.Write(raw)
		hash := Digest(sha256.Sum256(raw))
		kept.recipe = append(kept.recipe, piece{Kind: pieceContent, Data: hash[:], Size: int64(len(raw))})
		return s.put(ctx, hash, raw)
	})
	if err == nil && Digest(sum.Sum(nil)) != f.SHA256 {
		err = errChanged
	}
	return kept, err
}

// checkPolicy refuses what could not be found again.
func checkPolicy(digest Digest, files []PolicyFile) error {
	if digest == (Digest{}) {
		return errors.New("keep policy: it has no digest")
	}
	if len(files) > MaxPolicyFiles {
		return fmt.Errorf("keep policy: it has %d files, and may have %d", len(files), MaxPolicyFiles)
	}
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		switch {
		case f.Name == "" || len(f.Name) > MaxFileName:
			return fmt.Errorf("keep policy: the file name %.100q must be 1 to %d bytes long", f.Name, MaxFileName)
		case seen[f.Name]:
			return fmt.Errorf("keep policy: two files are called %q", f.Name)
		case f.Size < 0:
			return fmt.Errorf("keep policy: file %q: its size is %d", f.Name, f.Size)
		}
		seen[f.Name] = true
	}
	return nil
}

// Policy gives the text of a policy. The error is [ErrNoPolicy], a [*Damage], or
// one of the disk.
func (a *Archive) Policy(digest Digest) (PolicyText, error) {
	from := a.catalog.reader()
	id, err := policySeq(from, digest)
	if err != nil {
		return PolicyText{}, fmt.Errorf("policy %v: %w", digest, err)
	}
	e, err := a.event(from, id)
	if err != nil {
		return PolicyText{}, err
	}
	if e.Kind != EventPolicy || e.Policy != digest {
		return PolicyText{}, &Damage{Entry: id, Reason: "the catalog takes it for another policy's; run `daybook rebuild`"}
	}
	return PolicyText{Digest: digest, Event: e, archive: a}, nil
}

// LastPolicy gives the policy whose text was kept last: the one that judges, or
// judged when the archive was last written to. Its errors are those of
// [Archive.Policy].
func (a *Archive) LastPolicy() (PolicyText, error) {
	prefix := []byte{keyPolicy}
	it, err := a.catalog.reader().NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return PolicyText{}, catalogError(err)
	}
	var last uint64
	var digest Digest
	for ok := it.First(); ok; ok = it.Next() {
		if v := it.Value(); len(v) == 8 && binary.BigEndian.Uint64(v) >= last && len(it.Key()) == 1+len(digest) {
			last = binary.BigEndian.Uint64(v)
			copy(digest[:], it.Key()[1:])
		}
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return PolicyText{}, catalogError(err)
	}
	if last == 0 {
		return PolicyText{}, ErrNoPolicy
	}
	return a.Policy(digest)
}

// policySeq looks up the number of the event that kept a policy last.
func policySeq(from pebble.Reader, digest Digest) (uint64, error) {
	v, closer, err := from.Get(policyKey(digest))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, ErrNoPolicy
	}
	if err != nil {
		return 0, catalogError(err)
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, catalogError(errors.New("the number of a policy's event is damaged"))
	}
	return binary.BigEndian.Uint64(v), nil
}

// WriteFile writes the exact bytes of one file of the policy to w, checked as by
// [Archive.WriteTo]. The error is fs.ErrNotExist when the policy has no file of
// that name, a [*Damage], or that of w.
func (p PolicyText) WriteFile(ctx context.Context, name string, w io.Writer) error {
	for i := range p.Event.Files {
		if f := &p.Event.Files[i]; f.Name == name {
			return inFile(f, p.archive.writeFile(ctx, p.Event.ID, f, w))
		}
	}
	return fmt.Errorf("policy %v: file %q: %w", p.Digest, name, iofs.ErrNotExist)
}

// writeFile writes the bytes of a policy's file.
func (a *Archive) writeFile(ctx context.Context, event uint64, f *KeptFile, w io.Writer) error {
	formula, text := oldFormula(f.recipe)
	return a.writeStored(ctx, &stored{id: event, tenant: policyTenant, formula: formula, text: text, size: f.Size, digest: f.SHA256}, w)
}

// inFile has damage name the file of a policy that it is in.
func inFile(f *KeptFile, err error) error {
	if d := (*Damage)(nil); errors.As(err, &d) {
		named := *d
		named.Reason = fmt.Sprintf("file %q: %s", f.Name, d.Reason)
		return &named
	}
	return err
}

// recipeKey is the same for files that have the same pieces.
func recipeKey(f *KeptFile) string {
	var b bytes.Buffer
	b.Write(f.SHA256[:])
	for _, p := range f.recipe {
		fmt.Fprintf(&b, " %d %x %d", p.Kind, p.Data, p.Size)
	}
	return b.String()
}

// Policies gives the events that kept policies, by number, as [Archive.Events]
// does: which policy was active, and since when.
func (a *Archive) Policies(ctx context.Context, q Query) iter.Seq2[Event, error] {
	q.Kind = EventPolicy
	return a.Events(ctx, q)
}
