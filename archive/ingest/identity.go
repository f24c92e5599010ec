package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"daybook/archive"
	"daybook/archive/journal"
	"daybook/archive/message"
	"daybook/policy"
)

// flagUnidentified: the identity of the mail could not be found out, for a mistake of
// ours. The entry is joined with no other.
const flagUnidentified = "identity-failed"

// subject is the mail in a delivery that may have come by other ways as well. The zero
// subject is the delivery itself.
type subject struct {
	// original is the mail inside a journal's report.
	original *message.Original
	// exact tells that only deliveries with the same bytes are copies of this one.
	exact bool
}

// subjectOf gives the subject of a report. It is the original if that is all there is
// to be seen: joined to a copy of one original, a report would hide a second one, or a
// text beside it, and a bounce what it says of itself.
func subjectOf(r *journal.Report, originals []message.Original) subject {
	if len(originals) == 1 && r.Pure() {
		return subject{original: &originals[0]}
	}
	return subject{exact: true}
}

// joinOf gives the policy of joining of a source.
func joinOf(p *policy.Policy, source string) archive.Join {
	s := p.Source(source)
	if s == nil {
		return archive.Join{}
	}
	return archive.Join{Window: s.Dedup.Window, Match: archive.Match(s.Dedup.Match)}
}

// identify gives the structure of a delivery and the identity of its subject. The error
// is that of reading the spool, or ctx's. A mistake of ours in reading what anybody can
// send must hold up no mail: then there is no identity, and the delivery has a flag.
func (s *source) identify(ctx context.Context, d *delivery, of subject) (whole *message.Structure, id *archive.Identity, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("identifying a message panicked", "queue_id", d.envelope.QueueID, "sha256", d.spool.digest().String(),
				"panic", v, "stack", string(debug.Stack()))
			d.flags = append(d.flags, flagUnidentified)
			if id, err = nil, nil; whole == nil {
				whole = undivided(d.spool.size)
			}
		}
	}()
	if whole, err = s.ingest.scanner(d.spool, d.spool.size); err != nil {
		return nil, nil, err
	}
	m := &mail{body: d.spool, size: d.spool.size, digest: d.spool.digest()}
	switch {
	case of.exact:
		return whole, &archive.Identity{Exact: m.digest}, nil
	case of.original == nil:
		id, err = s.ingest.identityOf(ctx, m, whole)
	default:
		m.hold = d.spool.hold
		id, err = s.ingest.identityInside(ctx, m, of.original)
	}
	return whole, id, err
}

// undivided is the structure of a message that is not looked into.
func undivided(size int64) *message.Structure {
	return &message.Structure{Parts: []message.Part{{
		Parent: -1, Body: message.Range{Start: 0, End: size}, MediaType: "application/octet-stream",
	}}}
}

// mail is the bytes of one mail.
type mail struct {
	body   io.ReaderAt // with the method Bytes, where all is in memory
	size   int64
	digest archive.Digest
	hold   *hold // of the delivery, for what is decoded from it
}

func (i *Ingest) identityOf(ctx context.Context, m *mail, parts *message.Structure) (*archive.Identity, error) {
	found, err := i.identifier(ctx, m.body, m.size, parts)
	if err != nil {
		return nil, err
	}
	return &archive.Identity{
		Exact: m.digest, Canonical: found.Canonical, MessageID: found.MessageID, Fields: found.Fields,
	}, nil
}

// identityInside gives the identity of an original. One whose encoding is damaged has
// no bytes that can be sure: then it is the delivery that counts, by its exact bytes.
func (i *Ingest) identityInside(ctx context.Context, delivery *mail, o *message.Original) (*archive.Identity, error) {
	m, done, err := i.unpack(delivery, o)
	if err != nil {
		return nil, fmt.Errorf("the original in the report: %w", err)
	}
	defer done()
	if m == nil {
		return &archive.Identity{Exact: delivery.digest}, nil
	}
	parts, err := i.scanner(m.body, m.size)
	if err != nil {
		return nil, err
	}
	if sealed(parts) {
		return &archive.Identity{Exact: m.digest}, nil
	}
	return i.identityOf(ctx, m, parts)
}

// sealed tells that what a mail says is in a form that is not read here: Outlook's own
// (MS-OXTNEF), or rights-protected (MS-OXORMMS).
func sealed(s *message.Structure) bool {
	return slices.ContainsFunc(s.Parts, func(p message.Part) bool {
		switch p.MediaType {
		case "application/ms-tnef", "application/vnd.ms-tnef", "application/x-microsoft-rpmsg-message":
			return true
		}
		return false
	})
}

// unpack gives an original's bytes, decoded, and what is to be called when they are no
// longer needed; no mail when they cannot be decoded. The error is one of the disk.
func (i *Ingest) unpack(delivery *mail, o *message.Original) (m *mail, done func(), err error) {
	if o.Encoding != "" {
		return i.decode(delivery, o)
	}
	size := o.End - o.Start
	if b, ok := delivery.body.(interface{ Bytes() []byte }); ok {
		if all := b.Bytes(); int64(len(all)) == delivery.size {
			part := all[o.Start:o.End]
			return &mail{body: &spool{mem: part}, size: size, digest: sha256.Sum256(part)}, func() {}, nil
		}
	}
	body, sum := io.NewSectionReader(delivery.body, o.Start, size), sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return nil, nil, err
	}
	return &mail{body: body, size: size, digest: archive.Digest(sum.Sum(nil))}, func() {}, nil
}

// decode spools an original decoded. It is smaller than in its encoding.
func (i *Ingest) decode(delivery *mail, o *message.Original) (m *mail, done func(), err error) {
	to := i.newSpool(max(o.End-o.Start, 1), delivery.hold)
	defer func() {
		if m == nil {
			to.close() // after an error, and after a panic
		}
	}()
	from := &watched{r: delivery.body}
	_, err = to.ReadFrom(o.Open(from))
	if err == nil {
		err = to.finish()
	}
	ours := from.err
	if to.err != nil && !errors.Is(to.err, errTooLarge) {
		ours = to.err
	}
	if err != nil {
		return nil, func() {}, ours
	}
	return &mail{body: to, size: to.size, digest: to.digest()}, to.close, nil
}

// watched keeps the first error of a reader, to tell trouble with the disk from
// a mistake in what was read.
type watched struct {
	r   io.ReaderAt
	err error
}

func (w *watched) ReadAt(p []byte, offset int64) (int, error) {
	n, err := w.r.ReadAt(p, offset)
	if err != nil && err != io.EOF && w.err == nil {
		w.err = err
	}
	return n, err
}
