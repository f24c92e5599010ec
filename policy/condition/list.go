package condition

import (
	"time"

	"github.com/hashicorp/hcl/v2"
)

// maxSteps bounds how many elements one evaluation may visit: a loop in a loop
// over all recipients does not stop the mail. A thousand recipients, each
// compared with a thousand, are a million.
const maxSteps = 4 << 20

// list is a list that is walked, never built: next moves to the first element
// at or after a position, elem is the value of the element it moved to.
type list[F any] struct {
	slot int
	// next gives the position it moved to, or -1 after the last element.
	next func(e *env[F], from int) (int, error)
	elem value[F]
	// count is the number of elements where each position has one.
	count func(*env[F]) int
	items []value[F] // of a list that is written out

	// steady: what the message says does not decide how many elements there
	// are before any filter.
	steady bool
	// kept is for an element to pass the filters.
	kept needs
}

// newList is a list that count elements are in, without a filter: nothing is
// needed for an element to be kept, and none can be left out.
func newList[F any](slot int, count func(*env[F]) int, elem value[F]) *list[F] {
	l := &list[F]{slot: slot, elem: elem, count: count, kept: needs{isFalse: true}}
	l.next = func(e *env[F], from int) (int, error) {
		if from >= count(e) {
			return -1, nil
		}
		if err := e.step(1); err != nil {
			return -1, err
		}
		e.at[slot] = from
		return from, nil
	}
	return l
}

// step counts n more elements.
func (e *env[F]) step(n int) error {
	if e.steps += n; e.steps > maxSteps {
		return &Error{Text: "this goes through too many elements, loop in loop"}
	}
	return nil
}

// writtenOut is the list of items, which are scalars of one kind.
func writtenOut[F any](slot int, items []value[F]) *list[F] {
	elem := value[F]{kind: items[0].kind, rests: rests{}, needs: needs{isTrue: true, isFalse: true}}
	for _, item := range items {
		elem.rests = elem.rests.and(item.rests)
		elem.needs.isTrue = elem.needs.isTrue && item.needs.isTrue
		elem.needs.isFalse = elem.needs.isFalse && item.needs.isFalse
	}
	switch elem.kind {
	case isString:
		elem.str = pick(slot, items, func(v value[F]) getter[F, string] { return v.str })
	case isNumber:
		elem.num = pick(slot, items, func(v value[F]) getter[F, float64] { return v.num })
	case isBool:
		elem.boolean = pick(slot, items, func(v value[F]) getter[F, bool] { return v.boolean })
	case isTime:
		elem.moment = pick(slot, items, func(v value[F]) getter[F, time.Time] { return v.moment })
	}
	n := len(items)
	l := newList(slot, func(*env[F]) int { return n }, elem)
	l.items, l.steady = items, true
	return l
}

func pick[F, T any](slot int, items []value[F], of func(value[F]) getter[F, T]) getter[F, T] {
	get := make([]getter[F, T], len(items))
	for i, item := range items {
		get[i] = of(item)
	}
	return func(e *env[F]) (T, error) { return get[e.at[slot]](e) }
}

// where is the list without the elements for which keep is false.
func (l *list[F]) where(keep value[F]) *list[F] {
	filtered := *l
	filtered.count, filtered.items = nil, nil
	filtered.kept = l.kept.and(keep.needs)
	next, holds := l.next, keep.boolean
	if l.count != nil {
		filtered.next = l.nextOf(holds)
		return &filtered
	}
	filtered.next = func(e *env[F], from int) (int, error) {
		for {
			at, err := next(e, from)
			if err != nil || at < 0 {
				return -1, err
			}
			switch ok, err := holds(e); {
			case err != nil:
				return -1, err
			case ok:
				return at, nil
			}
			from = at + 1
		}
	}
	return &filtered
}

// nextOf is next for the elements with a property, of a list without a filter.
func (l *list[F]) nextOf(has getter[F, bool]) func(*env[F], int) (int, error) {
	count, slot := l.count, l.slot
	return func(e *env[F], from int) (int, error) {
		for n := count(e); from < n; from++ {
			if err := e.step(1); err != nil {
				return -1, err
			}
			e.at[slot] = from
			if ok, err := has(e); ok || err != nil {
				return from, err
			}
		}
		return -1, nil
	}
}

// mapped is the list with another value for each element, which uses the slot
// of the list.
func (l *list[F]) mapped(elem value[F]) *list[F] {
	other := *l
	other.elem, other.items = elem, nil
	return &other
}

// find looks for an element with the property, and gives true at the first.
// An error of one element counts only if no other element has it, as with ||.
func (l *list[F]) find(e *env[F], has getter[F, bool]) (bool, error) {
	var first error
	if l.count != nil {
		slot := l.slot
		for i, n := 0, l.count(e); i < n; i++ {
			if err := e.step(1); err != nil {
				return false, err
			}
			e.at[slot] = i
			switch ok, err := has(e); {
			case ok && err == nil:
				return true, nil
			case err != nil && first == nil:
				first = err
			}
		}
		return false, first
	}
	for at := 0; ; at++ {
		var err error
		if at, err = l.next(e, at); err != nil {
			return false, err
		}
		if at < 0 {
			return false, first
		}
		switch ok, err := has(e); {
		case ok && err == nil:
			return true, nil
		case err != nil && first == nil:
			first = err
		}
	}
}

// length counts the elements.
func (l *list[F]) length(e *env[F]) (int, error) {
	if l.count != nil {
		return l.count(e), nil
	}
	n := 0
	for at := 0; ; at++ {
		var err error
		if at, err = l.next(e, at); err != nil || at < 0 {
			return n, err
		}
		n++
	}
}

// index is the element that number tells, counted from 0.
func (l *list[F]) index(number value[F], at hcl.Range, text string) value[F] {
	count, next, slot := l.count, l.next, l.slot
	missing := &Error{At: at, Text: text + " has no value: the list is shorter"}
	notWhole := &Error{At: at, Text: text + " has no value: an index is a whole number from 0 on"}
	enter := func(e *env[F]) error {
		n, err := number.num(e)
		if err != nil {
			return err
		}
		if n < 0 || n != float64(int(n)) {
			return notWhole
		}
		if count != nil {
			if n >= float64(count(e)) {
				return missing
			}
			e.at[slot] = int(n)
			return nil
		}
		at := -1
		for i := 0; i <= int(n); i++ {
			if at, err = next(e, at+1); err != nil {
				return err
			}
			if at < 0 {
				return missing
			}
		}
		return nil
	}
	v := l.elem.after(enter)
	v.rests = v.rests.and(number.rests)
	return v
}
