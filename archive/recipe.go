package archive

import (
	"encoding/binary"
	"errors"

	"daybook/archive/recipe"
)

// sourced is where the bytes stand that a piece is made of: in the entry's text, or
// in a content.
type sourced struct {
	recipe.Piece
	// from is the index of the content, and text for the entry's text; at is where in
	// it the piece's stored bytes begin.
	from, at int
}

// Sources that are no content.
const (
	text    = -1
	unknown = -2 // it was written by a newer daybook, or is damaged
)

// contentRef is a content that a message is made of.
type contentRef struct {
	Hash Digest
	Size int
	// Inline tells that its bytes are in the entry's own text, behind those that are
	// no content.
	Inline bool
}

// formula is how a message is made: pieces, in the order of the message, from the
// entry's text and from contents. Each takes its bytes behind those that the piece
// before it has taken from the same place.
type formula struct {
	contents []contentRef
	pieces   []sourced
	literal  int // bytes of the entry's text that are no content
}

// size is the number of bytes of the message.
func (f *formula) size() (n int64) {
	for i := range f.pieces {
		n += f.pieces[i].Wire
	}
	return n
}

// inlineAt is where an inline content begins in the entry's text.
func (f *formula) inlineAt(i int) int {
	at := f.literal
	for _, c := range f.contents[:i] {
		if c.Inline {
			at += c.Size
		}
	}
	return at
}

// textSize is the number of bytes of the entry's text.
func (f *formula) textSize() int { return f.inlineAt(len(f.contents)) }

// encode lays a formula out:
//
//	number of contents; for each: size * 2, plus 1 for one that is inline; SHA-256
//	number of pieces; for each: (source + 1) * 4 + form; stored bytes, plus 1, or 0 for
//	what is left of the content; and unless the form is raw: bytes of the message,
//	length of the layout, layout
//
// All numbers are uvarints. The source is the content's index, -1 for the text.
func (f *formula) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(len(f.contents)))
	for _, c := range f.contents {
		size := uint64(c.Size) << 1
		if c.Inline {
			size++
		}
		b = append(binary.AppendUvarint(b, size), c.Hash[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(f.pieces)))
	taken := make([]int, len(f.contents)+1)
	for _, p := range f.pieces {
		b = binary.AppendUvarint(b, uint64(p.from+1)<<2|uint64(p.Form))
		taken[p.from+1] += p.Stored
		stored := uint64(p.Stored) + 1
		if p.from != text && taken[p.from+1] == f.contents[p.from].Size {
			stored = 0
		}
		b = binary.AppendUvarint(b, stored)
		if p.Form != recipe.FormRaw {
			b = binary.AppendUvarint(b, uint64(p.Wire))
			b = binary.AppendUvarint(b, uint64(len(p.Layout)))
			b = append(b, p.Layout...)
		}
	}
	return b
}

var errFormula = errors.New("its recipe is malformed")

// decodeFormula reads what encode has written, and sees to it that every piece lies
// within what it is made from.
func decodeFormula(b []byte) (*formula, error) {
	in := fields{b: b}
	f := &formula{}
	n := in.uvarint(uint64(len(b)))
	for range n {
		size := in.uvarint(2*recipe.MaxStored + 3)
		c := contentRef{Size: int(size >> 1), Inline: size&1 == 1}
		copy(c.Hash[:], in.bytes(uint64(len(c.Hash))))
		if in.bad {
			return nil, errFormula
		}
		f.contents = append(f.contents, c)
	}
	taken := make([]int, n+1)
	for range in.uvarint(uint64(len(b))) {
		head := in.uvarint(4*(n+1) - 1)
		p := sourced{from: int(head>>2) - 1}
		p.Form = recipe.Form(head & 3)
		p.Stored = int(in.uvarint(maxText3+1)) - 1
		if p.Stored < 0 && p.from != text && !in.bad {
			p.Stored = f.contents[p.from].Size - taken[p.from+1]
		}
		if p.Stored < 0 {
			return nil, errFormula
		}
		p.Wire = int64(p.Stored)
		if p.Form != recipe.FormRaw {
			p.Wire = int64(in.uvarint(1 << 40))
			p.Layout = in.bytes(in.uvarint(recipe.MaxLayout))
		}
		if in.bad {
			return nil, errFormula
		}
		p.at = taken[p.from+1]
		if taken[p.from+1] += p.Stored; taken[p.from+1] > maxText3 {
			return nil, errFormula
		}
		f.pieces = append(f.pieces, p)
	}
	for i, c := range f.contents {
		if taken[i+1] > c.Size {
			return nil, errFormula
		}
	}
	if f.literal = taken[0]; in.bad || len(in.b) > 0 || f.textSize() > maxText3 {
		return nil, errFormula
	}
	return f, nil
}

// oldFormula is the formula, and the text, of a recipe as it was up to version 2 of
// records, and is in policies.
func oldFormula(old []piece) (*formula, element) {
	f, t := &formula{}, element{as: textRaw}
	for _, p := range old {
		s := sourced{Piece: recipe.Piece{Wire: p.Size, Stored: int(p.Size)}, from: text, at: len(t.data)}
		switch {
		case p.Kind == pieceLiteral && int64(len(p.Data)) == p.Size:
			t.data = append(t.data, p.Data...)
		case p.Kind == pieceContent && len(p.Data) == len(Digest{}) && p.Size >= 0 && p.Size <= maxPiece:
			s.from, s.at = len(f.contents), 0
			f.contents = append(f.contents, contentRef{Hash: Digest(p.Data), Size: int(p.Size)})
		default:
			s.from = unknown
		}
		f.pieces = append(f.pieces, s)
	}
	f.literal, t.size = len(t.data), len(t.data)
	return f, t
}
