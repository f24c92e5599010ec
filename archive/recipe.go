package archive

import (
	"encoding/binary"
	"errors"

	"daybook/archive/recipe"
)

// sourced is where the bytes stand that a piece is made of: in the entry's text, or in a
// content.
type sourced struct {
	recipe.Piece
	// from is the index of the content, or one of those below; at is where in it the
	// piece's stored bytes begin.
	from, at int
}

// Sources that are no content.
const (
	text        = -4 // the entry's text
	random      = -3 // the end of the entry's text, for bytes that look random
	saidID      = -2 // the Message-ID, which the entry's facts say
	saidSubject = -1 // the subject, likewise
	unknown     = -5 // it was written by a newer daybook, or is damaged
	// sources is what is added to a source where it is written, or counts from 0.
	sources = 4
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
	random   int // bytes at its end that look random
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
func (f *formula) textSize() int { return f.randomAt() + f.random }

// said is what an entry's facts say, from where pieces may take bytes.
type said struct{ id, subject string }

// of gives the bytes of a source.
func (s *said) of(from int) string {
	if from == saidID {
		return s.id
	}
	return s.subject
}

// randomAt is where in the entry's text begins what looks random.
func (f *formula) randomAt() int { return f.inlineAt(len(f.contents)) }

// encode lays a formula out:
//
//	number of contents; for each: size * 2, plus 1 for one that is inline; SHA-256
//	number of pieces; for each: (source + 4) * 4 + form; stored bytes, plus 1, or 0 for
//	what is left of the content; and how they become the message's: nothing if they are
//	raw; if they are folded, the layout; and else bytes of the message, length of the
//	layout, layout
//
// All numbers are uvarints. The source is the content's index, -4 for the text, -3 for
// its end, -2 and -1 for the Message-ID and the subject that the facts say.
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
	taken := make([]int, len(f.contents))
	for i := range f.pieces {
		p := &f.pieces[i]
		b = binary.AppendUvarint(b, uint64(p.from+sources)<<2|uint64(p.Form))
		stored := uint64(p.Stored) + 1
		if p.from >= 0 {
			if taken[p.from] += p.Stored; taken[p.from] == f.contents[p.from].Size {
				stored = 0
			}
		}
		b = binary.AppendUvarint(b, stored)
		if p.Form != recipe.FormRaw && p.Form != recipe.FormFolded {
			b = binary.AppendUvarint(b, uint64(p.Wire))
			b = binary.AppendUvarint(b, uint64(len(p.Layout)))
		}
		b = append(b, p.Layout...)
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
	taken := make([]int, n+sources) // of each source, the contents last
	for range in.uvarint(uint64(len(b))) {
		p := in.piece(f.contents, taken)
		if in.bad {
			return nil, errFormula
		}
		f.pieces = append(f.pieces, p)
	}
	for i, c := range f.contents {
		if taken[i+sources] > c.Size {
			return nil, errFormula
		}
	}
	f.literal, f.random = taken[text+sources], taken[random+sources]
	if in.bad || len(in.b) > 0 || f.textSize() > maxText3 {
		return nil, errFormula
	}
	return f, nil
}

// piece reads the next piece of a formula. taken is how much was taken from every
// source so far.
func (in *fields) piece(contents []contentRef, taken []int) (p sourced) {
	head := in.uvarint(uint64(len(taken))<<2 - 1)
	p.from, p.Form = int(head>>2)-sources, recipe.Form(head&3)
	p.Stored = int(in.uvarint(maxText3+1)) - 1
	have := &taken[p.from+sources]
	if p.Stored < 0 && p.from >= 0 {
		p.Stored = contents[p.from].Size - *have
	}
	if in.bad || p.Stored < 0 {
		in.bad = true
		return p
	}
	in.form(&p)
	p.at = *have
	*have += p.Stored
	in.bad = in.bad || *have > maxText3 || p.from == random && *have > recipe.MaxFolded ||
		(p.from == saidID || p.from == saidSubject) && p.Form != recipe.FormRaw
	return p
}

// form reads how a piece's stored bytes become the message's.
func (in *fields) form(p *sourced) {
	switch p.Form {
	case recipe.FormRaw:
		p.Wire = int64(p.Stored)
	case recipe.FormFolded:
		var ok bool
		if p.Layout, p.Wire, ok = recipe.CutFolded(in.b, p.Stored); !ok {
			in.bad = true
			return
		}
		in.bytes(uint64(len(p.Layout)))
	default:
		p.Wire = int64(in.uvarint(1 << 40))
		p.Layout = in.bytes(in.uvarint(recipe.MaxLayout))
	}
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
