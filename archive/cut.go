package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"daybook/archive/message"
	"daybook/archive/recipe"
)

// Bounds of what a message is cut into.
const (
	// minContent is the least small text of a message that is a content. What is shorter
	// costs next to nothing again in a copy that comes soon, for it is in the same chain;
	// as a content it would cost each message a digest and a key of the catalog. It is
	// not about attachments, which package recipe tells apart from 1 KiB on.
	minContent = 6 << 10
	// maxLiteral and maxInline bound what an entry's text holds of literal bytes, with
	// those that look random, and of contents. What is over them becomes contents with
	// records of their own.
	maxLiteral = maxElement / 2
	maxInline  = maxElement / 2
	// maxLayouts bounds the layouts of a formula, so that an entry fits a record, and
	// pieceRoom is about what a piece takes in it apart from that.
	maxLayouts = 8 << 20
	pieceRoom  = 8
)

var errChanged = errors.New("the bytes do not have the checksum that was handed over with them: they have changed")

// cutter cuts a message into a formula, the entry's text, and contents.
type cutter struct {
	*contents
	cuttings
	formula formula
	said    said // what the facts say, and no piece was taken from yet
	layouts int  // bytes of the formula so far, about
	group   int
}

// cuttings are the bytes that a cutter gathers for the entry's text.
type cuttings struct {
	literal []byte
	inline  []byte
	random  []byte // signatures, decoded

	bundle []byte // small texts of one group, which are kept together
	open   []int  // pieces that take their bytes from bundle
}

// clear takes all bytes out, and leaves the room.
func (c *cuttings) clear() {
	c.literal, c.inline, c.random = c.literal[:0], c.inline[:0], c.random[:0]
	c.bundle, c.open = c.bundle[:0], c.open[:0]
}

// mostCuttings is the most room of cuttings, in bytes, that is kept for other messages.
const mostCuttings = 128 << 10

// written notes that the message is on stable storage, and has another cutter gather its
// bytes where this one did. What was made of them is a copy: the records of the ledger,
// and what a chain's compressor has in its window.
func (c *cutter) written() {
	c.contents.written()
	used := c.cuttings
	c.cuttings = cuttings{}
	if cap(used.literal)+cap(used.inline)+cap(used.random)+cap(used.bundle)+8*cap(used.open) <= mostCuttings {
		used.clear()
		c.a.cuttings.Put(&used)
	}
}

// message cuts a body. The pieces, put together again, have the digest; a body that
// they do not yield is kept as it is.
func (c *cutter) message(ctx context.Context, r *Receipt) error {
	if used, _ := c.a.cuttings.Get().(*cuttings); used != nil {
		c.cuttings = *used
	}
	err := c.split(ctx, r)
	if errors.Is(err, errChanged) {
		c.formula, c.said = formula{}, said{}
		c.clear()
		err = c.whole(ctx, r)
	}
	return err
}

// split cuts a body at its parts.
func (c *cutter) split(ctx context.Context, r *Receipt) error {
	s := r.Structure
	if s == nil {
		var err error
		if s, err = message.Scan(r.Body, r.Size); err != nil {
			return err
		}
	}
	c.said = said{r.Summary.MessageID, r.Summary.Subject}
	sum, same := r.check()
	splitter := c.a.splitters.Get().(*recipe.Splitter)
	defer c.a.splitters.Put(splitter)
	err := splitter.Split(r.Body, r.Size, s, func(p recipe.Piece, stored, wire []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum.Write(wire)
		if c.layouts += len(p.Layout) + pieceRoom; c.layouts > maxLayouts && p.Form != recipe.FormRaw {
			return c.undecoded(ctx, wire)
		}
		return c.take(ctx, p, stored)
	})
	if err == nil {
		err = c.endBundle(ctx)
	}
	if err == nil && !same() {
		err = errChanged
	}
	return err
}

// undecoded takes the bytes of a piece as they stand, for a message whose formula has
// become so large that a record might not hold it.
func (c *cutter) undecoded(ctx context.Context, wire []byte) error {
	for len(wire) > 0 {
		n := min(len(wire), recipe.MaxStored)
		if err := c.part(ctx, recipe.Piece{Wire: int64(n), Stored: n, Role: recipe.RolePart}, wire[:n]); err != nil {
			return err
		}
		wire = wire[n:]
	}
	return nil
}

// whole cuts a body as it stands.
func (c *cutter) whole(ctx context.Context, r *Receipt) error {
	sum, same := r.check()
	err := inChunks(r.Body, r.Size, recipe.MaxStored, func(raw []byte) error {
		sum.Write(raw)
		return c.part(ctx, recipe.Piece{Wire: int64(len(raw)), Stored: len(raw)}, raw)
	})
	if err == nil && !same() {
		err = errChanged
	}
	return err
}

// inChunks reads a body in chunks of at most size bytes.
func inChunks(body io.ReaderAt, total int64, size int, visit func([]byte) error) error {
	buf := make([]byte, min(total, int64(size)))
	for offset := int64(0); offset < total; {
		raw := buf[:min(total-offset, int64(size))]
		if n, err := body.ReadAt(raw, offset); n < len(raw) {
			return fmt.Errorf("read the bytes at %d: %w", offset, err)
		}
		if err := visit(raw); err != nil {
			return err
		}
		offset += int64(len(raw))
	}
	return nil
}

// take takes the next piece of the message.
func (c *cutter) take(ctx context.Context, p recipe.Piece, stored []byte) error {
	switch p.Role {
	case recipe.RolePart:
		return c.part(ctx, p, stored)
	case recipe.RoleHeader:
		if err := c.endBundle(ctx); err != nil {
			return err
		}
		if len(c.literal)+len(c.random)+len(stored) > maxLiteral {
			return c.part(ctx, p, stored)
		}
		if p.Form == recipe.FormFolded {
			c.random = append(c.random, stored...)
			c.add(p, random)
			return nil
		}
		c.header(p, stored)
		return nil
	}
	if p.Group != c.group || len(c.bundle)+len(stored) > maxInline {
		if err := c.endBundle(ctx); err != nil {
			return err
		}
	}
	if len(stored) > maxInline {
		return c.part(ctx, p, stored)
	}
	c.group = p.Group
	c.open = append(c.open, len(c.formula.pieces))
	c.bundle = append(c.bundle, stored...)
	c.add(p, text)
	return nil
}

// minSaid is the shortest that a Message-ID or subject is to be taken from the facts: a
// piece of its own, and another behind it, take some five bytes.
const minSaid = 16

// header takes a piece of a header. The Message-ID and the subject are in the facts
// already, and the first time that they stand there as they are, they are taken from
// those.
func (c *cutter) header(p recipe.Piece, stored []byte) {
	raw := func(part []byte, from int) {
		if len(part) > 0 {
			p.Wire, p.Stored = int64(len(part)), len(part)
			c.add(p, from)
		}
	}
	for {
		from, at := c.saidIn(stored)
		if at < 0 || p.Form != recipe.FormRaw {
			c.addLiteral(p, stored)
			return
		}
		n := len(c.said.of(from))
		c.literal = append(c.literal, stored[:at]...)
		raw(stored[:at], text)
		raw(stored[at:at+n], from)
		if stored = stored[at+n:]; from == saidID {
			c.said.id = ""
		} else {
			c.said.subject = ""
		}
		if p.Wire, p.Stored = int64(len(stored)), len(stored); len(stored) == 0 {
			return
		}
	}
}

// saidIn finds what stands first of what the facts say; at is -1 for none.
func (c *cutter) saidIn(header []byte) (from, at int) {
	at = -1
	for _, source := range [...]int{saidID, saidSubject} {
		one := c.said.of(source)
		if len(one) < minSaid {
			continue
		}
		if i := bytes.Index(header, []byte(one)); i >= 0 && (at < 0 || i < at) {
			from, at = source, i
		}
	}
	return from, at
}

func (c *cutter) add(p recipe.Piece, from int) {
	p.Layout = append([]byte(nil), p.Layout...)
	c.formula.pieces = append(c.formula.pieces, sourced{Piece: p, from: from})
}

func (c *cutter) addLiteral(p recipe.Piece, stored []byte) {
	c.literal = append(c.literal, stored...)
	c.add(p, text)
}

// part makes a piece a content with a record of its own, unless the tenant has it.
func (c *cutter) part(ctx context.Context, p recipe.Piece, stored []byte) error {
	if len(stored) == 0 {
		c.add(p, text)
		return nil
	}
	hash := Digest(sha256.Sum256(stored))
	c.add(p, len(c.formula.contents))
	c.formula.contents = append(c.formula.contents, contentRef{Hash: hash, Size: len(stored)})
	return c.put(ctx, hash, stored)
}

// endBundle decides where the texts go that were gathered.
func (c *cutter) endBundle(ctx context.Context) (err error) {
	bundle := c.bundle
	if len(c.open) == 0 {
		return nil
	}
	if len(bundle) < c.a.minContent && len(c.literal)+len(c.random)+len(bundle) <= maxLiteral {
		c.literal = append(c.literal, bundle...)
	} else {
		ref := contentRef{Hash: sha256.Sum256(bundle), Size: len(bundle)}
		switch {
		case c.has(ref.Hash, ref.Size):
		case len(c.inline)+len(bundle) <= maxInline:
			ref.Inline = true
			c.inline = append(c.inline, bundle...)
		default:
			err = c.put(ctx, ref.Hash, bundle)
		}
		for _, i := range c.open {
			c.formula.pieces[i].from = len(c.formula.contents)
		}
		c.formula.contents = append(c.formula.contents, ref)
	}
	c.bundle, c.open = c.bundle[:0], c.open[:0]
	return err
}

// text is the entry's own.
func (c *cutter) text() []byte {
	c.literal = append(append(c.literal, c.inline...), c.random...)
	return c.literal
}
