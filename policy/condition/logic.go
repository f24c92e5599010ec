package condition

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// logic is && or || over two or more operands, or ! over one.
type logic[F any] struct {
	op       *hclsyntax.Operation
	operands []value[F]
}

// decide asks the operands in order until one decides. An error of one operand
// does not count if another decides, on whichever side it stands, as in HCL:
// with no recipients, recipients[0].internal && length(recipients) > 0 is false.
func (l *logic[F]) decide(operand func(int) (bool, error)) (bool, error) {
	if l.op == hclsyntax.OpLogicalNot {
		holds, err := operand(0)
		return !holds && err == nil, err
	}
	deciding := l.op == hclsyntax.OpLogicalOr
	var first error
	for i := range l.operands {
		switch holds, err := operand(i); {
		case err != nil:
			if first == nil {
				first = err
			}
		case holds == deciding:
			return deciding, nil
		}
	}
	return !deciding && first == nil, first
}

// operators names the operation for diagnostics.
func operatorText(op *hclsyntax.Operation) string {
	switch op {
	case hclsyntax.OpLogicalAnd:
		return "&&"
	case hclsyntax.OpLogicalOr:
		return "||"
	case hclsyntax.OpLogicalNot:
		return "!"
	case hclsyntax.OpEqual:
		return "=="
	case hclsyntax.OpNotEqual:
		return "!="
	case hclsyntax.OpLessThan:
		return "<"
	case hclsyntax.OpLessThanOrEqual:
		return "<="
	case hclsyntax.OpGreaterThan:
		return ">"
	case hclsyntax.OpGreaterThanOrEqual:
		return ">="
	case hclsyntax.OpAdd:
		return "+"
	case hclsyntax.OpMultiply:
		return "*"
	case hclsyntax.OpDivide:
		return "/"
	case hclsyntax.OpModulo:
		return "%"
	}
	return "-"
}

// logical compiles a chain of && or of ||. The parser nests a && b && c to the
// left; here it is one list, so that a long chain is not deep.
func (c *compiler[F]) logical(expr *hclsyntax.BinaryOpExpr) value[F] {
	var exprs []hclsyntax.Expression
	for {
		exprs = append(exprs, expr.RHS)
		left, ok := expr.LHS.(*hclsyntax.BinaryOpExpr)
		if !ok || left.Op != expr.Op {
			exprs = append(exprs, expr.LHS)
			break
		}
		expr = left
	}
	l := &logic[F]{op: expr.Op}
	good := true
	seen := map[string]bool{}
	for i := len(exprs) - 1; i >= 0; i-- {
		v := c.expr(exprs[i])
		good = c.isOperand(v, isBool, expr.Op, exprs[i].Range()) && good
		if text := c.source(exprs[i].Range()); text != "" && seen[text] && v.kind == isBool && !v.constant {
			c.fault(exprs[i].Range(), "Operand of "+operatorText(expr.Op)+" twice", "%s stands here already. Leave one out, or correct it.", short(text))
		} else {
			seen[text] = true
		}
		l.operands = append(l.operands, v)
	}
	if !good {
		return value[F]{}
	}
	return c.settle(combine(l))
}

// combine is the value of && or || over its operands.
func combine[F any](l *logic[F]) value[F] {
	v := value[F]{kind: isBool, logic: l, needs: l.operands[0].needs, rests: l.operands[0].rests}
	get := make([]func(*env[F]) (bool, error), len(l.operands))
	for i, o := range l.operands {
		get[i] = o.boolean
		v.rests = v.rests.and(o.rests)
		if l.op == hclsyntax.OpLogicalAnd {
			v.needs = v.needs.and(o.needs)
		} else {
			v.needs = v.needs.or(o.needs)
		}
	}
	deciding := l.op == hclsyntax.OpLogicalOr
	v.boolean = func(e *env[F]) (bool, error) {
		var first error
		for _, operand := range get {
			holds, err := operand(e)
			if err == nil && holds == deciding {
				return deciding, nil
			}
			if err != nil && first == nil {
				first = err
			}
		}
		return !deciding && first == nil, first
	}
	return v
}

func (c *compiler[F]) unary(expr *hclsyntax.UnaryOpExpr) value[F] {
	v := c.expr(expr.Val)
	if expr.Op == hclsyntax.OpNegate {
		if !c.isOperand(v, isNumber, expr.Op, expr.Val.Range()) {
			return value[F]{}
		}
		get := v.num
		return c.settle(value[F]{kind: isNumber, rests: v.rests, num: func(e *env[F]) (float64, error) {
			n, err := get(e)
			return -n, err
		}})
	}
	if !c.isOperand(v, isBool, expr.Op, expr.Val.Range()) {
		return value[F]{}
	}
	get := v.boolean
	not := value[F]{kind: isBool, rests: v.rests, needs: v.needs.not(), boolean: func(e *env[F]) (bool, error) {
		holds, err := get(e)
		return !holds, err
	}}
	if v.logic != nil {
		not.logic = &logic[F]{op: expr.Op, operands: []value[F]{v}}
	}
	return c.settle(not)
}

func (c *compiler[F]) isOperand(v value[F], want kind, op *hclsyntax.Operation, at hcl.Range) bool {
	if v.kind == noKind || v.kind == want {
		return v.kind == want
	}
	c.fault(at, "Wrong type for an operand of "+operatorText(op), "It takes %s, this is %s.%s", value[F]{kind: want}, v, c.instead(v, want))
	return false
}
