package archive

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// roster is what the catalog keeps of the messages that an entry may belong to: their
// numbers, ascending. All else is read from their entries. The key is short, so others
// may be among them: of another tenant, or with another Message-ID.
type roster struct {
	lost bool // there were more than are known
	list []listed
}

// listed is a message: the number of its first entry, and of those with further forms.
type listed struct {
	number uint64
	forms  []listedForm
}

// listedForm is the first entry that has an exact form; see form.
type listedForm struct {
	number  uint64
	differs bool
}

// heads reads those of the messages that have the group. get reports false for an entry
// that cannot be read: nothing is then compared with it.
func (r *roster) heads(group half, get func(number uint64) (head, bool)) heads {
	var known heads
	for i := range r.list {
		one, ok := get(r.list[i].number)
		if !ok || one.group != group {
			continue
		}
		one.forms = slices.Clip(one.forms)
		for _, l := range r.list[i].forms {
			if other, ok := get(l.number); ok {
				f := other.forms[0]
				f.differs = l.differs
				one.forms = append(one.forms, f)
			}
		}
		known.list = append(known.list, one)
	}
	return known
}

// add remembers an entry for those that follow, and tells whether that changed
// anything.
func (r *roster) add(number uint64, j joined) bool {
	if j.head == number {
		r.list = append(r.list, listed{number: number})
		if over := len(r.list) - maxHeads; over > 0 {
			r.list, r.lost = r.list[over:], true
		}
		return true
	}
	if j.reason != ReasonContent && j.reason != ReasonMessageID {
		return false
	}
	i := slices.IndexFunc(r.list, func(one listed) bool { return one.number == j.head })
	if i < 0 || len(r.list[i].forms) >= maxForms-1 {
		return false
	}
	r.list[i].forms = append(r.list[i].forms, listedForm{number, j.differs})
	return true
}

// before gives the roster as it was before an entry came in, but for those that were
// forgotten since.
func (r *roster) before(number uint64) roster {
	var past roster
	for _, one := range r.list {
		if one.number >= number {
			break
		}
		i := slices.IndexFunc(one.forms, func(f listedForm) bool { return f.number >= number })
		if i >= 0 {
			one.forms = slices.Clone(one.forms[:i])
		}
		past.list = append(past.list, one)
	}
	return past
}

// Flags of a message in a roster, and of its further forms. They stand in the lowest
// bit of the numbers.
const (
	listedForms = 1
	formDiffers = 1
)

// encode writes a roster down for the catalog: each message with its number after that
// of the one before, and with the number of its further forms, if there are any, and
// these. A zero in front tells that some were lost. One message takes 5 bytes or so.
func (r *roster) encode() []byte {
	b := make([]byte, 0, 8*(len(r.list)+1))
	if r.lost {
		b = append(b, 0)
	}
	last := uint64(0)
	for _, one := range r.list {
		b = binary.AppendUvarint(b, (one.number-last)<<1|uint64(bit(len(one.forms) > 0, listedForms)))
		last = one.number
		if len(one.forms) == 0 {
			continue
		}
		b = append(b, byte(len(one.forms)))
		before := one.number
		for _, f := range one.forms {
			b = binary.AppendUvarint(b, (f.number-before)<<1|uint64(bit(f.differs, formDiffers)))
			before = f.number
		}
	}
	return b
}

func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}

var errRoster = errors.New("a list of messages that may be joined is damaged")

// decodeRoster reads what encode wrote.
func decodeRoster(b []byte) (roster, error) {
	r := roster{lost: len(b) > 0 && b[0] == 0}
	if r.lost {
		b = b[1:]
	}
	c := &fields{b: b}
	last := uint64(0)
	for !c.bad && len(c.b) > 0 {
		one := c.listed(last)
		c.bad = c.bad || len(r.list) == maxHeads
		last = one.number
		r.list = append(r.list, one)
	}
	if c.bad || len(r.list) == 0 {
		return roster{}, errRoster
	}
	return r, nil
}

// after reads a number that comes after another, and the flag beside it.
func (c *fields) after(last uint64) (number uint64, flag bool) {
	v := c.uvarint(math.MaxUint64)
	number = last + v>>1
	c.bad = c.bad || number <= last
	return number, v&1 != 0
}

func (c *fields) listed(last uint64) (one listed) {
	number, more := c.after(last)
	one.number = number
	if !more {
		return one
	}
	n := c.byte()
	c.bad = c.bad || n == 0 || n >= maxForms
	for i := byte(0); i < n && !c.bad; i++ {
		var f listedForm
		f.number, f.differs = c.after(number)
		number = f.number
		one.forms = append(one.forms, f)
	}
	return one
}
