package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
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
	return newIdentification(true).identify(ctx, newInput(r, size, windowSize), s)
}

// Identifier reads what mails are joined by, of one after the other, and keeps the
// buffers of some for the next. The zero value can be used. It is safe for concurrent use.
type Identifier struct{ free sync.Pool }

// Identify is the function [Identify], but for what only [Identity.Compare] needs: of the
// identity there are Canonical, MessageID and Fields.
func (i *Identifier) Identify(ctx context.Context, r io.ReaderAt, size int64, s *Structure) (Identity, error) {
	d, ok := i.free.Get().(*identification)
	if !ok {
		d = newIdentification(false)
	}
	id, err := d.identify(ctx, newInput(r, size, windowSize), s)
	d.reset()
	i.free.Put(d)
	return id, err
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
