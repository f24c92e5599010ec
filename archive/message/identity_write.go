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

// identification is an identification under way. The first error stays in err.
type identification struct {
	ctx     context.Context
	in      input
	parts   []Part
	items   bool      // the items are asked for too, not just what mails are joined by
	w       io.Writer // takes the canonical form
	sum     hash.Hash // of the canonical form
	item    hash.Hash // of the lines of the item under way
	shape   hash.Hash // of the lines that say how parts stand in each other
	outline []byte
	decoder decoder
	fences  fences
	head    fieldList // the header that is read
	text    []byte    // the line that is written
	left    allowance
	rest    Item // what follows the contents that stand by themselves
	others  int  // how many that is
	restSum hash.Hash
	id      Identity
	err     error
}

func newIdentification(items bool) *identification {
	d := &identification{items: items, sum: sha256.New(), decoder: newDecoder()}
	if items {
		d.item, d.shape = sha256.New(), sha256.New()
	}
	return d
}

// identify reads the identity of a message.
func (d *identification) identify(ctx context.Context, in input, s *Structure) (Identity, error) {
	if err := d.run(ctx, in, s, d.sum); err != nil {
		return Identity{}, err
	}
	if d.id.MessageID != "" {
		d.sum.Sum(d.id.Canonical[:0])
	}
	return d.id, nil
}

// run writes the canonical form to w, and finds all of the identity but its digest.
func (d *identification) run(ctx context.Context, in input, s *Structure, w io.Writer) error {
	d.ctx, d.in, d.parts, d.w, d.left = ctx, in, s.Parts, w, maxCostly
	d.write(nil, "identity", identityVersion)
	for i := 0; i < len(d.parts) && d.err == nil; {
		i = d.part(i)
	}
	if d.err == nil {
		d.err = d.in.err
	}
	if d.items {
		d.id.Structure = Item{Name: "Structure", Detail: string(d.outline)}
		d.shape.Sum(d.id.Structure.Digest[:0])
		d.closeRest()
	}
	return d.err
}

// maxSpare is how much of a buffer is kept for the next message, in bytes: few need more.
const maxSpare = 64 << 10

// reset makes ready for the next message. Nothing of the last one stays but buffers. There
// must have been no items.
func (d *identification) reset() {
	d.sum.Reset()
	d.fences.reset()
	d.head.reset()
	if cap(d.text) > maxSpare {
		d.text = nil
	}
	*d = identification{sum: d.sum, decoder: d.decoder, fences: d.fences, head: d.head, text: d.text}
}

// line is a line of the canonical form.
type line struct{ name, value string }

// appendLine appends a line in the form that is hashed: name, length of the value in
// bytes, value. The length makes it plain where a value ends, whatever is in it.
func appendLine(to []byte, name, value string) []byte {
	return append(append(appendName(to, name, len(value)), value...), '\n')
}

// appendName appends what stands before the value of a line.
func appendName(to []byte, name string, size int) []byte {
	to = append(append(to, name...), ' ')
	return append(strconv.AppendInt(to, int64(size), 10), ' ')
}

// write adds a line to the canonical form, and to the digest of what it is part of.
func (d *identification) write(part hash.Hash, name, value string) {
	d.text = appendLine(d.text[:0], name, value)
	d.put(part)
}

// put adds the line that stands in text.
func (d *identification) put(part hash.Hash) {
	if _, err := d.w.Write(d.text); err != nil && d.err == nil {
		d.err = err
	}
	if part != nil {
		part.Write(d.text)
	}
}

// add adds lines to the item under way.
func (d *identification) add(lines ...line) {
	for _, l := range lines {
		d.write(d.item, l.name, l.value)
	}
}

// addBytes adds the line for the bytes that the decoder has taken.
func (d *identification) addBytes() {
	digest := d.decoder.sum.digest()
	d.text = appendName(d.text[:0], "bytes", hex.EncodedLen(len(digest)))
	d.text = append(hex.AppendEncode(d.text, digest[:]), '\n')
	d.put(d.item)
}

// done ends the item under way.
func (d *identification) done(name, detail string, size int64) Item {
	it := Item{Name: name, Detail: shorten(detail), Size: size}
	d.item.Sum(it.Digest[:0])
	d.item.Reset()
	return it
}

// content ends the item under way as a content.
func (d *identification) content(name, detail string, size int64) {
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

func (d *identification) closeRest() {
	if d.others > 0 {
		d.rest.Name = fmt.Sprintf("%d more", d.others)
		d.restSum.Sum(d.rest.Digest[:0])
		d.id.Contents = append(d.id.Contents, d.rest)
	}
}

// mark adds a line that says how parts stand in each other.
func (d *identification) mark(name, value string) { d.write(d.shape, name, value) }

// sketch adds to the outline of the structure that is shown.
func (d *identification) sketch(text string) {
	if d.items && len(d.outline)+len(text) <= maxValue {
		d.outline = append(d.outline, text...)
	}
}
