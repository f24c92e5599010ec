package recipe

import (
	"errors"
	"fmt"
	"slices"
)

// Piece is a run of a message's bytes, and how they come out of the bytes that are
// stored for it.
type Piece struct {
	Wire   int64  // bytes of the message that it yields
	Stored int    // bytes that are stored for it, at most MaxStored
	Form   Form   // what the stored bytes are to the message's
	Layout []byte // how stored bytes become the message's, empty for FormRaw; at most MaxLayout bytes
	Role   Role   // what the bytes are in the message
	Group  int    // of a RoleText piece: those of one group are kept together, see Split; 0 for others
}

// Form says what stored bytes are. Its values are written to disk.
type Form uint8

// Forms. Values are never given a new meaning.
const (
	FormRaw    Form = 0 // the message's bytes as they are
	FormBase64 Form = 1 // decoded from base64 (RFC 2045 section 6.8)
	FormQuoted Form = 2 // decoded from quoted-printable (RFC 2045 section 6.7)
	FormFolded Form = 3 // decoded from base64 in a header field (RFC 4648 section 4), which may be folded
)

// Role says what a piece is in its message.
type Role uint8

// Roles.
const (
	RoleHeader Role = iota // the header of the message or of one inside it: differs from copy to copy
	RoleText               // small text, and the structure around parts
	RolePart               // a part worth keeping on its own, so that copies in other messages find it
)

// Bounds of a piece.
const (
	// MaxStored is the most bytes that are stored for a piece. It is divisible by
	// three, so that a base64 piece of this size ends with a whole quantum.
	MaxStored = 1<<20 - 1
	// MaxLayout is the most bytes of a layout.
	MaxLayout = 1 << 13

	// minLayout is what a layout may have however few bytes are stored.
	minLayout = 16

	// maxWire is the most bytes of a message that a piece yields: room for base64
	// in lines of four.
	maxWire = 1 << 21
)

var (
	errLayout = errors.New("the layout is damaged")
	errWire   = errors.New("the layout yields another number of bytes")
)

// AppendWire appends the bytes of the message that the piece yields, exactly p.Wire,
// to dst. Neither the piece nor the stored bytes need to be right: whatever does not
// fit together is an error, in which case dst is returned as it was. It is safe for
// concurrent use.
func (p Piece) AppendWire(dst, stored []byte) ([]byte, error) {
	if err := p.check(stored); err != nil {
		return dst, err
	}
	if p.Form == FormRaw {
		return append(dst, stored...), nil
	}
	n := len(dst)
	out := slices.Grow(dst, int(p.Wire))[:n+int(p.Wire)]
	var err error
	switch p.Form {
	case FormBase64:
		err = fillBase64(out[n:], stored, p.Layout)
	case FormQuoted:
		err = fillQuoted(out[n:], stored, p.Layout)
	default:
		err = fillFolded(out[n:], stored, p.Layout)
	}
	if err != nil {
		return dst, fmt.Errorf("piece of %d bytes from %d stored: %w", p.Wire, p.Stored, err)
	}
	return out, nil
}

// check refuses a piece that cannot have been made by Split.
func (p Piece) check(stored []byte) error {
	switch {
	case p.Form > FormFolded:
		return fmt.Errorf("the form %d of a piece is not known to this daybook", p.Form)
	case len(stored) != p.Stored:
		return fmt.Errorf("a piece has %d stored bytes instead of %d", len(stored), p.Stored)
	case p.Stored > MaxStored || len(p.Layout) > MaxLayout || p.Wire < 0 || p.Wire > maxWire:
		return fmt.Errorf("a piece of %d bytes from %d stored with a layout of %d is over the limit",
			p.Wire, p.Stored, len(p.Layout))
	case p.Form == FormRaw && (p.Wire != int64(p.Stored) || len(p.Layout) != 0):
		return fmt.Errorf("a raw piece yields %d bytes from %d stored with a layout of %d",
			p.Wire, p.Stored, len(p.Layout))
	}
	return nil
}
