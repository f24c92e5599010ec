package recipe

import (
	"bytes"
	"io"
	"strings"

	"daybook/archive/message"
)

// What makes a part worth keeping on its own, in stored bytes.
const (
	minPart       = 16 << 10 // any part
	minAttachment = 1 << 10  // an attachment, or what is no text
)

// maxTail is the most line ends at the end of a message that are a group of their own.
const maxTail = 1 << 10

// pieceCost is about what a piece costs in a record beside its layout.
const pieceCost = 8

// Split takes a message apart, as [Splitter.Split] does. It is safe for concurrent use.
func Split(r io.ReaderAt, size int64, s *message.Structure, yield func(p Piece, stored, wire []byte) error) error {
	return new(Splitter).Split(r, size, s, yield)
}

// Splitter takes messages apart, one after the other, and keeps its memory from each
// to the next: at most 8 MiB, whatever their size. It keeps nothing else of them. The
// zero value is ready to use. It is not safe for concurrent use.
type Splitter struct {
	in     input
	yield  func(p Piece, stored, wire []byte) error
	text   int64 // what is between text and at waits to be yielded as raw text
	at     int64
	group  int
	open   []opened
	base64 decoder
	quoted unquoter
	folded unfolder
}

// Split calls yield with the pieces of a message in order; together they are all of
// it. wire is what the piece yields, made of the stored bytes. r is read from 0 up to
// size; if it has a method Bytes that gives all of these bytes, they are used in place.
// structure is what message.Scan has made of them; whatever else it says, the pieces
// yield the message exactly.
//
// The piece's layout and the bytes are valid only during the call, and must not be
// changed. The error is that of reading, or what yield has returned, which ends
// the work.
func (sp *Splitter) Split(r io.ReaderAt, size int64, structure *message.Structure,
	yield func(p Piece, stored, wire []byte) error) error {
	sp.in.open(r, size)
	sp.yield, sp.text, sp.at, sp.group, sp.open = yield, 0, 0, 0, sp.open[:0]
	sp.folded.begin()
	defer sp.forget()
	for i := range structure.Parts {
		if err := sp.part(structure, i); err != nil {
			return err
		}
	}
	if err := sp.leave(-1); err != nil {
		return err
	}
	return sp.flush(size)
}

// forget drops what belongs to the message.
func (sp *Splitter) forget() {
	sp.in.open(nil, 0)
	sp.yield = nil
	sp.base64.forget()
	sp.folded.open(nil)
}

// opened is a message whose body is being split.
type opened struct {
	part int
	end  int64 // of its body
	tail int64 // where the line ends begin that the body ends with
}

// part splits up to the end of a part's header, and of its body if it is a leaf.
func (sp *Splitter) part(s *message.Structure, i int) error {
	p := &s.Parts[i]
	if err := sp.leave(p.Parent); err != nil {
		return err
	}
	header := sp.clip(p.Header.Start)
	body := max(header, sp.clip(p.Body.Start))
	if isMessage(s, i) {
		if err := sp.flush(header); err != nil {
			return err
		}
		if err := sp.header(body); err != nil {
			return err
		}
		if err := sp.enter(i, max(body, sp.clip(p.Body.End))); err != nil {
			return err
		}
	}
	sp.at = body
	if p.Kind != message.PartLeaf {
		return nil
	}
	end := sp.clip(p.Body.End)
	if n := len(sp.open); n > 0 {
		end = max(min(end, sp.open[n-1].tail), sp.at)
	}
	return sp.leaf(p, end)
}

// isMessage tells whether a part is the message itself or one inside it.
func isMessage(s *message.Structure, i int) bool {
	parent := s.Parts[i].Parent
	return i == 0 || parent >= 0 && parent < i && s.Parts[parent].Kind == message.PartMessage
}

// clip gives the nearest offset that is not behind the work, nor outside of the
// message that it is in.
func (sp *Splitter) clip(offset int64) int64 {
	end := sp.in.size
	if n := len(sp.open); n > 0 {
		end = sp.open[n-1].end
	}
	return max(min(offset, end), sp.at)
}

// enter begins the text of a message whose header has just ended.
func (sp *Splitter) enter(part int, end int64) error {
	tail := end
	if n := len(sp.open); n > 0 {
		tail = min(tail, sp.open[n-1].tail)
	}
	start := max(sp.at, tail-maxTail)
	if start < tail {
		b, err := sp.in.at(start, tail)
		if err != nil {
			return err
		}
		tail = start + int64(len(bytes.TrimRight(b, "\r\n")))
	} else {
		tail = start
	}
	sp.open = append(sp.open, opened{part, end, tail})
	if part > 0 {
		sp.group++
	}
	return nil
}

// leave ends the messages that a part with this parent is not in.
func (sp *Splitter) leave(parent int) error {
	for n := len(sp.open); n > 0 && sp.open[n-1].part > parent; n-- {
		m := sp.open[n-1]
		if err := sp.flush(max(m.tail, sp.at)); err != nil {
			return err
		}
		sp.group++
		if err := sp.flush(max(m.end, sp.at)); err != nil {
			return err
		}
		sp.group++
		sp.open = sp.open[:n-1]
	}
	return nil
}

// flush yields what waits, up to end, as raw text.
func (sp *Splitter) flush(end int64) error {
	sp.at = sp.text
	return sp.raw(end, RoleText)
}

// raw yields what is before end as it is.
func (sp *Splitter) raw(end int64, role Role) error {
	for sp.at < end {
		stop := min(sp.at+MaxStored, end)
		b, err := sp.in.at(sp.at, stop)
		if err != nil {
			return err
		}
		p := Piece{Wire: int64(len(b)), Stored: len(b), Form: FormRaw, Role: role}
		if err := sp.give(p, b, b); err != nil {
			return err
		}
	}
	return nil
}

// header yields the header of a message, which ends at end, with long base64 in it
// decoded.
func (sp *Splitter) header(end int64) error {
	for sp.at < end {
		b, err := sp.in.at(sp.at, min(sp.at+MaxStored, end))
		if err != nil {
			return err
		}
		sp.folded.open(b)
		for from := 0; from < len(b); {
			first, last := sp.folded.next()
			if err := sp.fields(b[from:first]); err != nil {
				return err
			}
			if err := sp.signature(b[first:last]); err != nil {
				return err
			}
			from = last
		}
	}
	return nil
}

// fields yields some of a header as it is.
func (sp *Splitter) fields(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return sp.give(Piece{Wire: int64(len(b)), Stored: len(b), Form: FormRaw, Role: RoleHeader}, b, b)
}

// signature yields the base64 of a header that was found last, decoded if it can be made
// again from that.
func (sp *Splitter) signature(wire []byte) error {
	if len(wire) == 0 {
		return nil
	}
	u := &sp.folded
	p := Piece{Wire: int64(len(wire)), Stored: len(u.stored), Form: FormFolded, Layout: u.layout, Role: RoleHeader}
	made, ok := sp.remade(p, u.stored, wire)
	if !ok {
		return sp.fields(wire)
	}
	return sp.give(p, u.stored, made)
}

// give yields a piece, which begins where the work is.
func (sp *Splitter) give(p Piece, stored, wire []byte) error {
	if p.Role == RoleText {
		p.Group = sp.group
	}
	sp.at += p.Wire
	sp.text = sp.at
	return sp.yield(p, stored, wire)
}

// leaf splits the body of a part without parts, which ends at end.
func (sp *Splitter) leaf(p *message.Part, end int64) error {
	start, least := sp.at, int64(minPart)
	if p.Attachment || !strings.HasPrefix(p.MediaType, "text/") {
		least = minAttachment
	}
	if err := sp.decoded(p.Encoding, least, end); err != nil {
		return err
	}
	if sp.at > start {
		least = minPart // a footer is no attachment
	}
	if end-sp.at < least {
		sp.at = end
		return nil
	}
	if err := sp.flush(sp.at); err != nil {
		return err
	}
	return sp.raw(end, RolePart)
}

// decoded splits the beginning of a leaf, as far as it can be decoded and made again.
func (sp *Splitter) decoded(e message.Encoding, least, end int64) error {
	start, role := sp.at, RolePart
	for more := true; more && sp.at < end; {
		stop := min(sp.at+maxWire, end)
		wire, err := sp.in.at(sp.at, stop)
		if err != nil {
			return err
		}
		first := sp.at == start
		p, stored, goesOn := sp.encoded(e, wire, stop < end, first)
		if p.Wire == 0 || first && !pays(p) {
			return nil
		}
		made, ok := sp.remade(p, stored, wire)
		if !ok {
			return nil
		}
		if first {
			if int64(p.Stored) < least {
				role = RoleText
			}
			if err := sp.flush(sp.at); err != nil {
				return err
			}
		}
		more = goesOn
		p.Role = role
		if err := sp.give(p, stored, made); err != nil {
			return err
		}
	}
	return nil
}

// encoded makes a piece of what wire begins with; more says that the part goes on
// behind wire. It returns an empty piece if there is none, or if it is one that has to
// pay and surely does not, and whether another may follow.
func (sp *Splitter) encoded(e message.Encoding, wire []byte, more, pay bool) (Piece, []byte, bool) {
	switch e {
	case message.EncodingBase64:
		d := &sp.base64
		n, more := d.decode(wire, more)
		if n > 0 {
			return Piece{Wire: int64(n), Stored: len(d.stored), Form: FormBase64, Layout: d.layout}, d.stored, more
		}
	case message.EncodingQuotedPrintable:
		u, gain := &sp.quoted, 0
		if pay {
			gain = pieceCost + 1
		}
		if n := u.decode(wire, more, gain); n > 0 {
			p := Piece{Wire: int64(n), Stored: len(u.stored), Form: FormQuoted, Layout: u.layout}
			return p, u.stored, more || n < len(wire)
		}
	}
	return Piece{}, nil, false
}

// remade makes the bytes of a piece again, and tells whether they are what wire
// begins with.
func (sp *Splitter) remade(p Piece, stored, wire []byte) ([]byte, bool) {
	if p.Wire > int64(len(wire)) {
		return nil, false
	}
	// The characters are no longer needed: their room holds what is compared.
	out, err := p.AppendWire(growTo(sp.base64.chars[:0], int(p.Wire))[:0], stored)
	sp.base64.chars = out
	return out, err == nil && bytes.Equal(out, wire[:p.Wire])
}

// pays tells whether it is worth to store a part decoded, by its first piece. A small
// gain is one: text that soft breaks do not part compresses better than the count tells.
func pays(p Piece) bool {
	return int64(p.Stored+len(p.Layout)+pieceCost) < p.Wire
}
