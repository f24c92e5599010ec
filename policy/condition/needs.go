package condition

// rests tells what a value rests on.
type rests struct {
	content bool // a fact that is what the message itself says
	other   bool // any other fact
	loop    bool // the variable of a loop, while inside the loop
}

func (r rests) and(o rests) rests {
	return rests{content: r.content || o.content, other: r.other || o.other, loop: r.loop || o.loop}
}

// needs answers, for a bool: does every way for it to be true (or to be false)
// ask for a fact that the message's content does not decide? What can never be
// so is taken to ask for anything. An answer "no" is always safe: it can only
// make Condition.ContentAlone refuse more.
//
// A part that is not looked into, an atom such as a comparison or a call, needs
// such a fact only if it rests on no content at all. One that mixes both, as in
// sender.address == header("X-From"), can be made true by a writer of headers
// who knows the other side; so it counts as content.
type needs struct {
	isTrue, isFalse bool
}

func (r rests) atom() needs {
	n := r.other && !r.content
	return needs{isTrue: n, isFalse: n}
}

func (n needs) not() needs { return needs{isTrue: n.isFalse, isFalse: n.isTrue} }

// and is for both being true.
func (n needs) and(o needs) needs {
	return needs{isTrue: n.isTrue || o.isTrue, isFalse: n.isFalse && o.isFalse}
}

// or is for one of them being true.
func (n needs) or(o needs) needs {
	return n.not().and(o.not()).not()
}

// choose is for n ? yes : no, which is n && yes || !n && no. Where neither
// result asks for such a fact, though, it does not matter which one n takes.
func (n needs) choose(yes, no needs) needs {
	return needs{
		isTrue:  (n.isTrue || yes.isTrue) && (n.isFalse || no.isTrue) && (yes.isTrue || no.isTrue),
		isFalse: (n.isTrue || yes.isFalse) && (n.isFalse || no.isFalse) && (yes.isFalse || no.isFalse),
	}
}

// anyOf is for one element of a list of bools being true. That none is true
// comes about by elements that are false or left out, but also by a list that
// is empty to begin with.
func (l *list[F]) anyOf() needs {
	return needs{
		isTrue:  l.kept.isTrue || l.elem.needs.isTrue,
		isFalse: l.steady && l.kept.isFalse && l.elem.needs.isFalse,
	}
}

// allOf is for no element of a list of bools being false.
func (l *list[F]) allOf() needs {
	return needs{
		isTrue:  l.steady && l.kept.isFalse && l.elem.needs.isTrue,
		isFalse: l.kept.isTrue || l.elem.needs.isFalse,
	}
}
