package archive

import (
	"context"
	"fmt"

	"daybook/archive/ledger"
)

// Damage names something that had been acknowledged and cannot be given back as
// it was.
type Damage struct {
	// Entry is the number of the entry or event concerned; 0 when none is known
	// to be.
	Entry uint64
	// Segment is the file in the ledger's folder, empty when the damage is not in
	// the ledger. Offset and Length give the bytes concerned.
	Segment        string
	Offset, Length int64
	Reason         string
}

// Error says what is damaged, in one line.
func (d *Damage) Error() string {
	text := d.Reason
	if d.Segment != "" {
		text = fmt.Sprintf("%s (ledger/%s, bytes %d to %d)", text, d.Segment, d.Offset, d.Offset+d.Length)
	}
	if d.Entry != 0 {
		return fmt.Sprintf("entry %d is damaged: %s", d.Entry, text)
	}
	return "damage: " + text
}

// damaged is the damage of an entry at a place.
func damaged(id uint64, at ledger.Location, reason string) *Damage {
	return &Damage{
		Entry: id, Segment: ledger.SegmentName(at.Segment),
		Offset: at.Offset, Length: at.End().Offset - at.Offset, Reason: reason,
	}
}

// maxNamed bounds the entries that are named one by one for one damaged place.
const maxNamed = 100_000

// nameDamage turns what the ledger found into damage of entries: those whose
// records stood at the place, as the catalog knows, and else the numbers that
// are missing there.
func (a *Archive) nameDamage(list []ledger.Damage) []Damage {
	var named []Damage
	for _, d := range list {
		one := Damage{Offset: d.Offset, Length: d.Length, Reason: d.Reason}
		if d.Segment != 0 {
			one.Segment = ledger.SegmentName(d.Segment)
		}
		before := len(named)
		for _, id := range a.numbersAt(d) {
			one.Entry = id
			named = append(named, one)
		}
		if len(named) == before {
			named = append(named, one)
		}
	}
	return named
}

// numbersAt gives the numbers that a damaged place concerns.
func (a *Archive) numbersAt(d ledger.Damage) []uint64 {
	var numbers []uint64
	if d.FirstSeq != 0 {
		for n := d.FirstSeq; n <= d.LastSeq && len(numbers) < maxNamed; n++ {
			numbers = append(numbers, n)
		}
		return numbers
	}
	if d.Segment == 0 {
		return nil
	}
	from := a.catalog.reader()
	for _, kind := range []byte{keyEntry, keyEvent} {
		// Places ascend with the numbers: walk back from the end of the archive.
		for id, err := range scan(context.Background(), from, []byte{kind}, Query{Reverse: true}) {
			if err != nil {
				break
			}
			at, err := location(from, seqKey(kind, id))
			if err != nil || at.Segment < d.Segment || at.Segment == d.Segment && at.End().Offset <= d.Offset {
				break
			}
			if at.Segment == d.Segment && at.Offset < d.Offset+d.Length && len(numbers) < maxNamed {
				numbers = append(numbers, id)
			}
		}
	}
	return numbers
}
