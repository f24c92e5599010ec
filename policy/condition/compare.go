package condition

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (c *compiler[F]) binary(expr *hclsyntax.BinaryOpExpr) value[F] {
	switch expr.Op {
	case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
		return c.logical(expr)
	case hclsyntax.OpAdd, hclsyntax.OpSubtract, hclsyntax.OpMultiply, hclsyntax.OpDivide, hclsyntax.OpModulo:
		return c.arithmetic(expr)
	}
	a, b := c.expr(expr.LHS), c.expr(expr.RHS)
	if a.kind == noKind || b.kind == noKind {
		return value[F]{}
	}
	good := false
	if expr.Op == hclsyntax.OpEqual || expr.Op == hclsyntax.OpNotEqual {
		good = c.comparable(expr, a, b)
	} else {
		good = c.ordered(expr, a, b)
	}
	if !good {
		return value[F]{}
	}
	text := c.source(a.rng)
	if text != "" && text == c.source(b.rng) && a.rests != (rests{}) {
		c.fault(expr.SrcRange, "Both sides are the same", "%s is compared with itself.", short(text))
		return value[F]{}
	}
	v := value[F]{kind: isBool, rests: a.rests.and(b.rests)}
	v.needs = v.rests.atom()
	v.boolean = compare(expr.Op, a, b)
	return c.settle(v)
}

// comparable checks the sides of == and !=.
func (c *compiler[F]) comparable(expr *hclsyntax.BinaryOpExpr, a, b value[F]) bool {
	switch {
	case a.kind == isList || b.kind == isList:
		c.comparedList(expr, a, b)
		return false
	case a.kind == isObject || b.kind == isObject:
		c.fault(expr.SrcRange, "Comparison of an object", "%s is %s. Compare one of its attributes.", c.label(a), a)
		return false
	case a.kind != b.kind:
		c.fault(expr.SrcRange, "Comparison of different types", "%s is a %v and %s a %v: they are never equal.%s",
			c.label(a), a.kind, c.label(b), b.kind, c.sameType(a, b))
		return false
	}
	return c.canBeEqual(a, b)
}

func (c *compiler[F]) comparedList(expr *hclsyntax.BinaryOpExpr, a, b value[F]) {
	if a.kind == b.kind {
		c.fault(expr.SrcRange, "Comparison of lists", "%s and %s are lists; %s compares single values.", c.label(a), c.label(b), operatorText(expr.Op))
		return
	}
	if b.kind == isList {
		a, b = b, a
	}
	hint := " Compare its elements: any([for x in " + c.label(a) + " : ...])."
	if b.scalar() && a.list.elem.kind == b.kind {
		hint = " Write contains(" + c.label(a) + ", " + c.label(b) + ")."
	}
	c.fault(expr.SrcRange, "Comparison with a list", "%s is %s and %s %s: they are never equal.%s", c.label(a), a, c.label(b), b, hint)
}

// canBeEqual checks literals against what is known of the other side.
func (c *compiler[F]) canBeEqual(a, b value[F]) bool {
	if a.constant {
		a, b = b, a
	}
	if !b.constant || b.kind != isString || a.constant {
		return true
	}
	if a.words != nil && !slices.Contains(a.words, b.text) {
		c.fault(b.rng, "Never equal", "%s is one of %s, never %q.%s", c.label(a), quoted(a.words), b.text, didYouMean(b.text, a.words))
		return false
	}
	return c.canBeLower(a, b)
}

// canBeLower checks a literal that a string, which may be in lower case always,
// is compared with or searched for.
func (c *compiler[F]) canBeLower(a, b value[F]) bool {
	if a.lower && b.constant && b.text != strings.ToLower(b.text) {
		c.fault(b.rng, "Never equal", "%s is always in lower case, never %q. Write %q.", c.label(a), b.text, strings.ToLower(b.text))
		return false
	}
	return true
}

// ordered checks the sides of < and its like.
func (c *compiler[F]) ordered(expr *hclsyntax.BinaryOpExpr, a, b value[F]) bool {
	if a.kind == b.kind && (a.kind == isNumber || a.kind == isTime) {
		return true
	}
	hint := ""
	if a.kind != b.kind {
		hint = c.sameType(a, b)
	}
	c.fault(expr.SrcRange, "Wrong types for "+operatorText(expr.Op), "It compares two numbers or two times; %s is %s and %s %s.%s",
		c.label(a), a, c.label(b), b, hint)
	return false
}

// sameType suggests how the literal among a and b is written as the other's type.
func (c *compiler[F]) sameType(a, b value[F]) string {
	if a.constant {
		a, b = b, a
	}
	if !b.constant {
		return ""
	}
	switch {
	case a.kind == isString:
		return " Write " + strconv.Quote(c.label(b)) + "."
	case b.kind != isString:
		return ""
	case a.kind == isBool && (b.text == "true" || b.text == "false"):
		return " Write " + b.text + "."
	case a.kind == isTime:
		if _, err := parseTime(b.text); err == nil {
			return " Write time(" + strconv.Quote(b.text) + ")."
		}
	case a.kind == isNumber:
		if _, err := strconv.ParseFloat(b.text, 64); err == nil {
			return " Write " + b.text + "."
		}
		return c.constantCall(b.text)
	}
	return ""
}

// constantCall suggests the function that reads the text as a number.
func (c *compiler[F]) constantCall(text string) string {
	for _, n := range c.schema.names {
		if parse := c.schema.constants[n.Name]; parse != nil && n.Function {
			if _, err := parse(text); err == nil {
				return " Write " + n.Name + "(" + strconv.Quote(text) + ")."
			}
		}
	}
	return ""
}

func compare[F any](op *hclsyntax.Operation, a, b value[F]) getter[F, bool] {
	switch a.kind {
	case isString:
		return compareStrings(op == hclsyntax.OpEqual, a, b)
	case isBool:
		return both(a.boolean, b.boolean, func(x, y bool) bool { return (x == y) == (op == hclsyntax.OpEqual) })
	case isTime:
		holds := holds(op)
		return both(a.moment, b.moment, func(x, y time.Time) bool { return holds(x.Compare(y)) })
	}
	switch op { // numbers: what is not a number is not equal and not less
	case hclsyntax.OpEqual:
		return both(a.num, b.num, func(x, y float64) bool { return x == y })
	case hclsyntax.OpNotEqual:
		return both(a.num, b.num, func(x, y float64) bool { return x != y })
	}
	holds := holds(op)
	return both(a.num, b.num, func(x, y float64) bool {
		return !math.IsNaN(x) && !math.IsNaN(y) && holds(cmp.Compare(x, y))
	})
}

// compareStrings has ways of its own for what is usual: a literal, and an
// attribute with a literal, which is asked of each recipient.
func compareStrings[F any](want bool, a, b value[F]) getter[F, bool] {
	if a.constant {
		a, b = b, a
	}
	get, text := a.str, b.text
	switch {
	case !b.constant:
		return both(a.str, b.str, func(x, y string) bool { return (x == y) == want })
	case a.attribute != nil:
		attribute, slot := a.attribute, a.slot
		return func(e *env[F]) (bool, error) {
			return (attribute(e.facts, e.at[slot]) == text) == want, nil
		}
	}
	return func(e *env[F]) (bool, error) {
		s, err := get(e)
		return (s == text) == want && err == nil, err
	}
}

func both[F, T any](a, b getter[F, T], holds func(x, y T) bool) getter[F, bool] {
	return func(e *env[F]) (bool, error) {
		x, err := a(e)
		if err != nil {
			return false, err
		}
		y, err := b(e)
		if err != nil {
			return false, err
		}
		return holds(x, y), nil
	}
}

// holds is the operation over the result of a comparison.
func holds(op *hclsyntax.Operation) func(int) bool {
	switch op {
	case hclsyntax.OpEqual:
		return func(n int) bool { return n == 0 }
	case hclsyntax.OpNotEqual:
		return func(n int) bool { return n != 0 }
	case hclsyntax.OpLessThan:
		return func(n int) bool { return n < 0 }
	case hclsyntax.OpLessThanOrEqual:
		return func(n int) bool { return n <= 0 }
	case hclsyntax.OpGreaterThan:
		return func(n int) bool { return n > 0 }
	}
	return func(n int) bool { return n >= 0 }
}

func (c *compiler[F]) arithmetic(expr *hclsyntax.BinaryOpExpr) value[F] {
	a, b := c.expr(expr.LHS), c.expr(expr.RHS)
	good := c.isOperand(a, isNumber, expr.Op, expr.LHS.Range())
	if !c.isOperand(b, isNumber, expr.Op, expr.RHS.Range()) || !good {
		return value[F]{}
	}
	left, right, calculate := a.num, b.num, calculation(expr.Op)
	byZero := &Error{At: expr.SrcRange, Text: "division by zero"}
	divides := expr.Op == hclsyntax.OpDivide || expr.Op == hclsyntax.OpModulo
	return c.settle(value[F]{kind: isNumber, rests: a.rests.and(b.rests), num: func(e *env[F]) (float64, error) {
		x, err := left(e)
		if err != nil {
			return 0, err
		}
		y, err := right(e)
		if err != nil {
			return 0, err
		}
		if divides && y == 0 {
			return 0, byZero
		}
		return calculate(x, y), nil
	}})
}

func calculation(op *hclsyntax.Operation) func(x, y float64) float64 {
	switch op {
	case hclsyntax.OpAdd:
		return func(x, y float64) float64 { return x + y }
	case hclsyntax.OpSubtract:
		return func(x, y float64) float64 { return x - y }
	case hclsyntax.OpMultiply:
		return func(x, y float64) float64 { return x * y }
	case hclsyntax.OpDivide:
		return func(x, y float64) float64 { return x / y }
	}
	return math.Mod
}
