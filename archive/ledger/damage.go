package ledger

import (
	"errors"
	"fmt"
)

// ErrDropped is what the [*Damage] that Read returns wraps when the record was
// dropped by [Ledger.Compact]. Nothing should point to it any more.
var ErrDropped = errors.New("the record was dropped by compaction")

// Damage names a part of the ledger that was acknowledged and cannot be read.
type Damage struct {
	Segment uint32
	// Offset and Length give the bytes concerned.
	Offset, Length int64
	// FirstSeq and LastSeq are the sequence numbers known to be lost with it,
	// both 0 when none is.
	FirstSeq, LastSeq uint64
	Reason            string
	cause             error // nil, or ErrDropped
}

// Unwrap gives [ErrDropped] when nothing is damaged, but dropped.
func (d *Damage) Unwrap() error { return d.cause }

// Error says what is damaged, in one line.
func (d *Damage) Error() string {
	text := fmt.Sprintf("ledger segment %s: bytes %d to %d: %s",
		SegmentName(d.Segment), d.Offset, d.Offset+d.Length, d.Reason)
	switch {
	case d.FirstSeq == 0:
		return text
	case d.FirstSeq == d.LastSeq:
		return fmt.Sprintf("%s; number %d is lost", text, d.FirstSeq)
	}
	return fmt.Sprintf("%s; numbers %d to %d are lost", text, d.FirstSeq, d.LastSeq)
}
