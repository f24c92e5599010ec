package condition

import (
	"sync"

	"github.com/hashicorp/hcl/v2"
)

// Condition is a compiled expression that is true or false of facts. It is
// read-only and safe for concurrent use.
type Condition[F any] struct {
	root value[F]
	used map[string]bool
	text func(hcl.Range) string
	pool sync.Pool // of *env[F]
}

// Eval tells whether the condition holds for the facts. The error, an [*Error],
// says which part has no value, and then the result is false. It does no I/O
// and keeps nothing of the facts.
func (c *Condition[F]) Eval(facts *F) (bool, error) {
	e := c.pool.Get().(*env[F])
	e.facts, e.steps = facts, 0
	holds, err := c.root.boolean(e)
	e.facts = nil
	c.pool.Put(e)
	return holds && err == nil, err
}

// Constant gives the condition's value if it uses no facts.
func (c *Condition[F]) Constant() (value, ok bool) {
	if c.root.rests != (rests{}) {
		return false, false
	}
	value, err := c.Eval(nil)
	return value, err == nil
}

// ContentAlone tells whether the condition uses what the message itself says
// and can come true by that alone, whatever the other facts are: then anybody
// who writes a message decides it. For a and b both must be able to, for a or b
// one of them. A comparison or call that mixes content with other facts counts
// as content, because its writer may know the other side; so in doubt the
// answer is true. It guards against an oversight, not against an administrator
// who adds && message.size >= 0.
func (c *Condition[F]) ContentAlone() bool {
	return c.root.rests.content && !c.root.needs.isTrue
}

// Uses tells whether a fact, an attribute of the objects of a list as in
// "recipients.domain", or a function is used anywhere in the condition.
func (c *Condition[F]) Uses(name string) bool { return c.used[name] }

// Step is one part of a condition and what it came to.
type Step struct {
	// Range is where the part is, Text how it is written, in one line.
	Range hcl.Range
	Text  string
	// Depth is 0 for the whole condition and one more for its operands.
	Depth int
	// Value is what the part came to, unless there is an error.
	Value bool
	Err   error
}

// Trace evaluates the condition as Eval does and tells what it and each operand
// of && and || came to: the whole first, then its operands in order, each
// followed by its own. Operands that were not needed are left out, as are those
// inside of calls and loops.
func (c *Condition[F]) Trace(facts *F) []Step {
	e := c.pool.New().(*env[F])
	e.facts = facts
	var steps []Step
	c.trace(e, c.root, 0, &steps)
	return steps
}

func (c *Condition[F]) trace(e *env[F], v value[F], depth int, steps *[]Step) (bool, error) {
	at := len(*steps)
	*steps = append(*steps, Step{Range: v.rng, Text: c.text(v.rng), Depth: depth})
	var holds bool
	var err error
	if v.logic == nil {
		holds, err = v.boolean(e)
	} else {
		holds, err = v.logic.decide(func(i int) (bool, error) {
			return c.trace(e, v.logic.operands[i], depth+1, steps)
		})
	}
	holds = holds && err == nil
	(*steps)[at].Value, (*steps)[at].Err = holds, err
	return holds, err
}
