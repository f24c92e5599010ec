package condition

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	maxDepth  = 64      // how deep an expression may be nested
	maxParts  = 16384   // how many parts it may have
	maxString = 1 << 20 // bytes that a template may come to
)

// compiler compiles one expression.
type compiler[F any] struct {
	schema *Schema[F]
	src    []byte
	diags  hcl.Diagnostics
	used   map[string]bool

	locals  map[string]value[F] // variables of the loops around
	symbols map[*hclsyntax.AnonSymbolExpr]value[F]

	slots, depth, parts int
	tooLarge            bool
}

// Compile checks and compiles an expression that must be true or false. src is
// the text of the file that the expression was parsed from; diagnostics and
// traces quote it, nil is possible. The diagnostics tell all mistakes at once,
// at most 20, and then there is no condition. Whatever the HCL parser gives,
// with mistakes of syntax or without, Compile does not panic.
func (s *Schema[F]) Compile(expr hcl.Expression, src []byte) (*Condition[F], hcl.Diagnostics) {
	c := &compiler[F]{
		schema: s, src: src, used: map[string]bool{},
		locals: map[string]value[F]{}, symbols: map[*hclsyntax.AnonSymbolExpr]value[F]{},
	}
	native, ok := expr.(hclsyntax.Expression)
	if !ok || native == nil {
		no := &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "No condition",
			Detail: "A condition is an expression in HCL's native syntax.",
		}
		if expr != nil {
			no.Subject = expr.Range().Ptr()
		}
		return nil, hcl.Diagnostics{no}
	}
	root := c.expr(native)
	if root.kind != noKind && root.kind != isBool {
		c.fault(native.Range(), "Wrong type for a condition", "A condition is true or false, this is %s.%s", root, c.instead(root, isBool))
	}
	slots := c.slots
	cond := &Condition[F]{root: root, used: c.used, text: func(r hcl.Range) string { return sourceText(src, r) }}
	cond.pool.New = func() any { return &env[F]{at: make([]int, slots)} }
	if !c.diags.HasErrors() && root.rests == (rests{}) {
		if _, err := cond.Eval(nil); err != nil {
			c.fault(native.Range(), "Condition without a value", "It can never be worked out: %v.", err)
		}
	}
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	return cond, c.diags
}

// expr compiles any expression. What is wrong has been reported when the value
// has no kind.
func (c *compiler[F]) expr(expr hclsyntax.Expression) value[F] {
	c.depth++
	c.parts++
	defer func() { c.depth-- }()
	if c.depth > maxDepth || c.parts > maxParts {
		if !c.tooLarge {
			c.fault(expr.Range(), "Expression too large", "It may be nested %d deep and have %d parts. Split it into several rules.", maxDepth, maxParts)
		}
		c.tooLarge = true
		return value[F]{}
	}
	v := c.dispatch(expr)
	v.rng = expr.Range()
	return v
}

func (c *compiler[F]) dispatch(expr hclsyntax.Expression) value[F] {
	switch expr := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.expr(expr.Expression)
	case *hclsyntax.LiteralValueExpr:
		return c.literal(expr)
	case *hclsyntax.TemplateExpr:
		return c.template(expr)
	case *hclsyntax.TemplateWrapExpr:
		return c.expr(expr.Wrapped)
	case *hclsyntax.TupleConsExpr:
		return c.tuple(expr)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(expr)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(expr)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(expr)
	case *hclsyntax.FunctionCallExpr:
		return c.call(expr)
	case *hclsyntax.ScopeTraversalExpr:
		return c.variable(expr)
	case *hclsyntax.RelativeTraversalExpr:
		return c.steps(c.expr(expr.Source), expr.Source.Range(), expr.Traversal)
	case *hclsyntax.IndexExpr:
		return c.indexed(expr)
	case *hclsyntax.SplatExpr:
		return c.splat(expr)
	case *hclsyntax.AnonSymbolExpr:
		if v, ok := c.symbols[expr]; ok {
			return v
		}
		c.fault(expr.Range(), "Not a condition", "[*] stands alone here.")
	case *hclsyntax.ForExpr:
		return c.loop(expr)
	case *hclsyntax.ObjectConsExpr:
		c.fault(expr.Range(), "Object in a condition", "Conditions have strings, numbers, bools, times and lists; there is no use for an object written out.")
	case *hclsyntax.TemplateJoinExpr:
		c.fault(expr.Range(), "Loop in a string", "A string takes ${...} and %%{if ...}, but no %%{for ...}.")
	default:
		c.fault(expr.Range(), "Not a condition", "This kind of expression cannot be used here.")
	}
	return value[F]{}
}

func (c *compiler[F]) literal(expr *hclsyntax.LiteralValueExpr) value[F] {
	val := expr.Val
	switch {
	case val.IsNull():
		c.fault(expr.SrcRange, "null in a condition", "No fact is ever null. For what may be missing there are can(...) and try(...).")
	case !val.IsKnown():
		c.fault(expr.SrcRange, "Not a condition", "This value is not known.")
	case val.Type() == cty.String:
		return stringValue[F](val.AsString())
	case val.Type() == cty.Bool:
		return boolValue[F](val.True())
	case val.Type() == cty.Number:
		n, _ := val.AsBigFloat().Float64()
		if !math.IsInf(n, 0) {
			return numberValue[F](n)
		}
		c.fault(expr.SrcRange, "Number too large", "A number is at most about 1.8e308.")
	default:
		c.fault(expr.SrcRange, "Not a condition", "This kind of value cannot be used here.")
	}
	return value[F]{}
}

// settle replaces a value that rests on nothing by the constant it is. One that
// cannot be worked out stays as it is: try may have it in its arguments.
func (c *compiler[F]) settle(v value[F]) value[F] {
	if v.rests != (rests{}) || v.constant {
		return v
	}
	e := &env[F]{at: make([]int, c.slots)}
	switch v.kind {
	case isString:
		if s, err := v.str(e); err == nil {
			return stringValue[F](s)
		}
	case isNumber:
		if n, err := v.num(e); err == nil {
			return numberValue[F](n)
		}
	case isBool:
		if b, err := v.boolean(e); err == nil {
			constant := boolValue[F](b)
			constant.logic = v.logic
			return constant
		}
	}
	return v
}

func (c *compiler[F]) template(expr *hclsyntax.TemplateExpr) value[F] {
	v := value[F]{kind: isString}
	var parts []getter[F, string]
	good := true
	for _, part := range expr.Parts {
		p := c.expr(part)
		v.rests = v.rests.and(p.rests)
		switch p.kind {
		case isString:
			parts = append(parts, p.str)
		case isNumber:
			get := p.num
			parts = append(parts, func(e *env[F]) (string, error) {
				n, err := get(e)
				return strconv.FormatFloat(n, 'f', -1, 64), err
			})
		default:
			good = false
			if p.kind != noKind {
				c.fault(part.Range(), "Wrong type in a string", "A string takes strings and numbers, this is %s.", p)
			}
		}
	}
	if !good {
		return value[F]{}
	}
	tooLong := &Error{At: expr.SrcRange, Text: fmt.Sprintf("the string is longer than %d bytes", maxString)}
	v.str = func(e *env[F]) (string, error) {
		var b strings.Builder
		for _, part := range parts {
			s, err := part(e)
			if err != nil {
				return "", err
			}
			if b.Len()+len(s) > maxString {
				return "", tooLong
			}
			b.WriteString(s)
		}
		return b.String(), nil
	}
	return c.settle(v)
}

func (c *compiler[F]) tuple(expr *hclsyntax.TupleConsExpr) value[F] {
	if len(expr.Exprs) == 0 {
		c.fault(expr.SrcRange, "Empty list", "A list that is written out needs at least one element.")
		return value[F]{}
	}
	items := make([]value[F], len(expr.Exprs))
	good := true
	for i, e := range expr.Exprs {
		items[i] = c.expr(e)
		switch {
		case items[i].kind == noKind:
			good = false
		case !items[i].scalar():
			c.fault(e.Range(), "Wrong type in a list", "A list takes strings, numbers, bools or times, this is %s.", items[i])
			good = false
		case good && items[i].kind != items[0].kind:
			c.fault(e.Range(), "Different types in a list", "All elements of a list are of one type; the first is %s, this is %s.", items[0], items[i])
			good = false
		}
	}
	if !good {
		return value[F]{}
	}
	l := writtenOut(c.slot(), items)
	return value[F]{kind: isList, list: l, rests: l.elem.rests}
}

func (c *compiler[F]) slot() int {
	c.slots++
	return c.slots - 1
}

func (c *compiler[F]) conditional(expr *hclsyntax.ConditionalExpr) value[F] {
	cond, yes, no := c.expr(expr.Condition), c.expr(expr.TrueResult), c.expr(expr.FalseResult)
	if cond.kind != isBool && cond.kind != noKind {
		c.fault(expr.Condition.Range(), "Wrong type before ?", "It takes a bool, this is %s.%s", cond, c.instead(cond, isBool))
		return value[F]{}
	}
	if cond.kind == noKind || yes.kind == noKind || no.kind == noKind {
		return value[F]{}
	}
	if yes.kind != no.kind || !yes.scalar() {
		c.fault(hcl.RangeBetween(expr.TrueResult.Range(), expr.FalseResult.Range()), "Wrong types after ?",
			"Both results are strings, or numbers, bools or times; here they are %s and %s.", yes, no)
		return value[F]{}
	}
	v := value[F]{kind: yes.kind, lower: yes.lower && no.lower, rests: cond.rests.and(yes.rests).and(no.rests)}
	switch v.kind {
	case isString:
		v.str = choose(cond.boolean, yes.str, no.str)
	case isNumber:
		v.num = choose(cond.boolean, yes.num, no.num)
	case isBool:
		v.boolean = choose(cond.boolean, yes.boolean, no.boolean)
		v.needs = cond.needs.choose(yes.needs, no.needs)
	case isTime:
		v.moment = choose(cond.boolean, yes.moment, no.moment)
	}
	return c.settle(v)
}

func choose[F, T any](cond getter[F, bool], yes, no getter[F, T]) getter[F, T] {
	return func(e *env[F]) (T, error) {
		holds, err := cond(e)
		if err != nil {
			var zero T
			return zero, err
		}
		if holds {
			return yes(e)
		}
		return no(e)
	}
}
