package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// identityVersion is the number of the specification in the package comment. It is the
// first thing that is hashed.
const identityVersion = "1"

// maxContents is how many contents an [Identity] tells one by one.
const maxContents = 64

// Identity is what a mail is compared by, as the package comment specifies it. Its
// texts and lists are bounded, whatever the mail.
type Identity struct {
	// Canonical is the SHA-256 of the canonical form. It is zero when the mail has no
	// usable Message-ID: then nothing but its exact bytes make two copies one.
	Canonical [sha256.Size]byte
	// MessageID is the Message-ID without its angle brackets, valid UTF-8 of at most 998
	// bytes: of any other it is "sha256:" and the digest of it in hexadecimal. It is
	// empty when there is none that can be used.
	MessageID string
	// Fields is the SHA-256 of Message-ID, From and Date alone; zero when one of them is
	// missing.
	Fields [sha256.Size]byte
	// From, Date and Subject are those fields, all of them. Structure is how the parts
	// stand in each other.
	From, Date, Subject, Structure Item
	// Contents are what a reader can see of the body, in order: the decoded leaves,
	// texts around the parts, headers of embedded messages. The first 64 stand by
	// themselves, and one more is all the others.
	Contents []Item
}

// Item is a thing that counts when mails are compared.
type Item struct {
	// Name says what it is: "From", the media type of a leaf, "preamble" ...
	Name string
	// Detail shows it, or what is declared about it, in at most 1 KiB.
	Detail string
	// Size is how many bytes there are, decoded; of header fields 0.
	Size int64
	// Digest is the SHA-256 of its lines in the canonical form: two items are equal when
	// their digests are. It is zero when the item is not there.
	Digest [sha256.Size]byte
}

// Identify reads the identity of a message of size bytes whose parts [Scan] has found.
// The error is that of reading r, or that of ctx. A reader that has the method Bytes()
// []byte, giving all size bytes, is not copied; of any other, 256 KiB are held at a time.
func Identify(ctx context.Context, r io.ReaderAt, size int64, s *Structure) (Identity, error) {
	canonical := sha256.New()
	id, err := identify(ctx, newInput(r, size, windowSize), s, canonical)
	if err != nil {
		return Identity{}, err
	}
	if id.MessageID != "" {
		canonical.Sum(id.Canonical[:0])
	}
	return id, nil
}

// identify writes the canonical form to w, and gives all of the identity but its digest.
func identify(ctx context.Context, in input, s *Structure, w io.Writer) (Identity, error) {
	d := identifier{
		ctx: ctx, in: in, parts: s.Parts, left: maxCostly,
		w: w, item: sha256.New(), shape: sha256.New(), decoder: newDecoder(),
	}
	d.write(nil, "identity", identityVersion)
	for i := 0; i < len(d.parts) && d.err == nil; {
		i = d.part(i)
	}
	if d.err == nil {
		d.err = d.in.err
	}
	d.id.Structure = Item{Name: "Structure", Detail: string(d.outline)}
	d.shape.Sum(d.id.Structure.Digest[:0])
	d.closeRest()
	return d.id, d.err
}

// identifier is an identification under way. The first error stays in err.
type identifier struct {
	ctx     context.Context
	in      input
	parts   []Part
	w       io.Writer // takes the canonical form
	item    hash.Hash // of the lines of the item under way
	shape   hash.Hash // of the lines that say how parts stand in each other
	outline []byte
	decoder decoder
	fences  fences
	head    []byte // the header that is read
	text    []byte // the line that is written
	left    allowance
	rest    Item // what follows the contents that stand by themselves
	others  int  // how many that is
	restSum hash.Hash
	id      Identity
	err     error
}

// line is a line of the canonical form.
type line struct{ name, value string }

// appendLine appends a line in the form that is hashed: name, length of the value in
// bytes, value. The length makes it plain where a value ends, whatever is in it.
func appendLine(to []byte, name, value string) []byte {
	to = append(append(to, name...), ' ')
	to = append(strconv.AppendInt(to, int64(len(value)), 10), ' ')
	return append(append(to, value...), '\n')
}

// write adds a line to the canonical form, and to the digest of what it is part of.
func (d *identifier) write(part hash.Hash, name, value string) {
	d.text = appendLine(d.text[:0], name, value)
	if _, err := d.w.Write(d.text); err != nil && d.err == nil {
		d.err = err
	}
	if part != nil {
		part.Write(d.text)
	}
}

// add adds lines to the item under way.
func (d *identifier) add(lines ...line) {
	for _, l := range lines {
		d.write(d.item, l.name, l.value)
	}
}

// done ends the item under way.
func (d *identifier) done(name, detail string, size int64) Item {
	it := Item{Name: name, Detail: shorten(detail), Size: size}
	d.item.Sum(it.Digest[:0])
	d.item.Reset()
	return it
}

// content ends the item under way as a content.
func (d *identifier) content(name, detail string, size int64) {
	it := d.done(shorten(name), detail, size)
	if len(d.id.Contents) < maxContents {
		d.id.Contents = append(d.id.Contents, it)
		return
	}
	if d.others++; d.others == 1 {
		d.restSum = sha256.New()
	}
	d.rest.Size += it.Size
	d.restSum.Write(it.Digest[:])
}

func (d *identifier) closeRest() {
	if d.others > 0 {
		d.rest.Name = fmt.Sprintf("%d more", d.others)
		d.restSum.Sum(d.rest.Digest[:0])
		d.id.Contents = append(d.id.Contents, d.rest)
	}
}

// mark adds a line that says how parts stand in each other.
func (d *identifier) mark(name, value string) { d.write(d.shape, name, value) }

// sketch adds to the outline of the structure that is shown.
func (d *identifier) sketch(text string) {
	if len(d.outline)+len(text) <= maxValue {
		d.outline = append(d.outline, text...)
	}
}

// Difference is one line of a comparison of two identities.
type Difference struct {
	// Name is what is compared: "Message-ID", "From", "Date", "Subject", "Structure",
	// "Content 1" ...
	Name string
	// A and B are what the two mails have, to be shown; empty when it is not there.
	A, B  string
	Equal bool
}

// Compare tells field by field what is equal in two identities and what is not. When
// all of it is equal, so are the canonical digests. A missing Message-ID is equal to none.
func (a *Identity) Compare(b *Identity) []Difference {
	list := make([]Difference, 0, 5+max(len(a.Contents), len(b.Contents)))
	list = append(list, Difference{"Message-ID", a.MessageID, b.MessageID, a.MessageID == b.MessageID && a.MessageID != ""})
	compare := func(name string, x, y Item) {
		list = append(list, Difference{name, x.show(), y.show(), x.Digest == y.Digest})
	}
	compare("From", a.From, b.From)
	compare("Date", a.Date, b.Date)
	compare("Subject", a.Subject, b.Subject)
	compare("Structure", a.Structure, b.Structure)
	for i := range max(len(a.Contents), len(b.Contents)) {
		var x, y Item
		if i < len(a.Contents) {
			x = a.Contents[i]
		}
		if i < len(b.Contents) {
			y = b.Contents[i]
		}
		compare(fmt.Sprintf("Content %d", i+1), x, y)
	}
	return list
}

// show gives the text for an item in a comparison. Of contents the digest tells more
// than the size.
func (it *Item) show() string {
	switch it.Name {
	case "":
		return ""
	case "From", "Date", "Subject", "Structure":
		return it.Detail
	}
	text := it.Name
	if it.Detail != "" {
		text += "; " + it.Detail
	}
	return fmt.Sprintf("%s, %d bytes, %s", text, it.Size, hex.EncodeToString(it.Digest[:8]))
}
