package condition

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// variable compiles a name, dots and indexes after it included: the variable of
// a loop, or the fact whose name is spelled by the root and what follows.
func (c *compiler[F]) variable(expr *hclsyntax.ScopeTraversalExpr) value[F] {
	root := expr.Traversal.RootName()
	if v, ok := c.locals[root]; ok {
		return c.steps(v, expr.Traversal[0].SourceRange(), expr.Traversal[1:])
	}
	name := root
	for i, step := range expr.Traversal {
		if attr, ok := step.(hcl.TraverseAttr); ok {
			name += "." + attr.Name
		} else if i > 0 {
			break
		}
		if fact := c.schema.facts[name]; fact != nil {
			at := hcl.RangeBetween(expr.Traversal[0].SourceRange(), step.SourceRange())
			return c.steps(c.bind(fact, at), at, expr.Traversal[i+1:])
		}
	}
	c.unknownVariable(expr.Traversal)
	return value[F]{}
}

func (c *compiler[F]) bind(f *fact[F], at hcl.Range) value[F] {
	c.used[f.name] = true
	return f.bind(c.slot(), at)
}

// unknownVariable says which part of a dotted name is not known.
func (c *compiler[F]) unknownVariable(path hcl.Traversal) {
	names := append(slices.Collect(maps.Keys(c.schema.facts)), slices.Collect(maps.Keys(c.locals))...)
	known, at := "", path[0].SourceRange()
	for i, step := range path {
		word := path.RootName()
		if attr, ok := step.(hcl.TraverseAttr); ok {
			word = attr.Name
		} else if i > 0 {
			break
		}
		at = step.SourceRange()
		next := following(names, known)
		if !slices.Contains(next, word) {
			if known == "" {
				c.fault(at, "Unknown variable", "There is no variable named %q.%s", word, suggest(word, next))
			} else {
				c.fault(at, "Unknown attribute", "%s has no attribute %q.%s", known, word, suggest(word, next))
			}
			return
		}
		known = strings.TrimPrefix(known+"."+word, ".")
	}
	c.fault(at, "Not a value", "%s is not a value itself; it has %s.", known, listed(following(names, known)))
}

// following gives the words that come next in the dotted names after known.
func following(names []string, known string) []string {
	var next []string
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, known+".")
		if known == "" {
			rest, ok = name, true
		}
		if word, _, _ := strings.Cut(rest, "."); ok {
			next = append(next, word)
		}
	}
	slices.Sort(next)
	return slices.Compact(next)
}

// steps applies attributes and indexes that are written after a value.
func (c *compiler[F]) steps(v value[F], at hcl.Range, path hcl.Traversal) value[F] {
	for _, step := range path {
		if v.kind == noKind {
			return v
		}
		v.rng = at
		switch step := step.(type) {
		case hcl.TraverseAttr:
			v = c.attribute(v, step.Name, step.SrcRange)
		case hcl.TraverseIndex:
			v = c.index(v, c.key(step), step.SrcRange)
		default:
			c.fault(step.SourceRange(), "Not a condition", "This kind of expression cannot be used here.")
			v = value[F]{}
		}
		at = hcl.RangeBetween(at, step.SourceRange())
	}
	return v
}

func (c *compiler[F]) key(step hcl.TraverseIndex) value[F] {
	return c.literal(&hclsyntax.LiteralValueExpr{Val: step.Key, SrcRange: step.SrcRange})
}

func (c *compiler[F]) attribute(v value[F], name string, at hcl.Range) value[F] {
	text := c.label(v)
	switch {
	case v.kind == isList && v.list.elem.kind == isObject:
		c.attributeOfList(v, name, at)
		return value[F]{}
	case v.kind != isObject:
		c.fault(at, "Unknown attribute", "%s is %s and has no attributes.", text, v)
		return value[F]{}
	}
	of := v.object.of
	f := of.attributes[name]
	if f == nil {
		c.fault(at, "Unknown attribute", "The objects of %s have no attribute %q.%s", of.name, name, suggest(name, of.order))
		return value[F]{}
	}
	c.used[f.name] = true
	a := f.bind(v.object.slot, at).after(v.object.enter)
	return a.within(v.rests)
}

// attributeOfList says how to ask all objects of a list.
func (c *compiler[F]) attributeOfList(v value[F], name string, at hcl.Range) {
	of := v.list.elem.object.of
	f := of.attributes[name]
	if f == nil {
		c.fault(at, "Unknown attribute", "%s is a list, and its objects have no attribute %q.%s", c.label(v), name, suggest(name, of.order))
		return
	}
	text := c.label(v)
	example := "any([for r in " + text + " : can(r." + name + ")])"
	switch f.bind(0, at).kind {
	case isString:
		example = "contains(" + text + "[*]." + name + `, "x") or any([for r in ` + text + " : r." + name + ` == "x"])`
	case isNumber:
		example = "any([for r in " + text + " : r." + name + " > 0])"
	case isBool:
		example = "any(" + text + "[*]." + name + ")"
	}
	c.fault(at, "Attribute of a list", "%s is a list; its objects have the attribute. Write %s, or %s[0].%s for the first.", text, example, text, name)
}

func (c *compiler[F]) indexed(expr *hclsyntax.IndexExpr) value[F] {
	return c.index(c.expr(expr.Collection), c.expr(expr.Key), expr.BracketRange)
}

func (c *compiler[F]) index(v, key value[F], at hcl.Range) value[F] {
	switch {
	case v.kind == noKind || key.kind == noKind:
		return value[F]{}
	case v.kind != isList:
		c.fault(at, "Index of what is not a list", "%s is %s; only a list has an index.", c.label(v), v)
		return value[F]{}
	case key.kind != isNumber:
		c.fault(at, "Wrong type for an index", "It takes a number, this is %s.", key)
		return value[F]{}
	case key.constant && (key.number < 0 || key.number != float64(int(key.number))):
		c.fault(at, "Wrong index", "An index is a whole number, counted from 0.")
		return value[F]{}
	}
	whole := hcl.RangeBetween(v.rng, at)
	return c.settle(v.list.index(key, whole, short(c.sourceOr(whole, "the element"))).within(v.rests))
}

// within is the value that also rests on the list it comes from.
func (v value[F]) within(list rests) value[F] {
	v.rests = v.rests.and(list)
	if v.kind == isBool {
		v.needs = v.rests.atom()
	}
	return v
}

// splat compiles list[*].attribute as the loop it is short for.
func (c *compiler[F]) splat(expr *hclsyntax.SplatExpr) value[F] {
	source := c.expr(expr.Source)
	if source.kind != isList {
		if source.kind != noKind {
			c.fault(expr.MarkerRange, "[*] after what is not a list", "%s is %s; only a list has all its elements.", c.label(source), source)
		}
		return value[F]{}
	}
	c.symbols[expr.Item] = c.loopVariable(source)
	each := c.expr(expr.Each)
	delete(c.symbols, expr.Item)
	return c.mapped(source, source.list, each, expr.Each.Range())
}

func (c *compiler[F]) loop(expr *hclsyntax.ForExpr) value[F] {
	if expr.KeyExpr != nil || expr.KeyVar != "" {
		c.fault(expr.SrcRange, "Not a loop over a list", "A loop is written [for r in recipients : value], with if and a condition after the value or without.")
		return value[F]{}
	}
	source := c.expr(expr.CollExpr)
	if source.kind != isList {
		if source.kind != noKind {
			c.fault(expr.CollExpr.Range(), "Loop over what is not a list", "A loop goes through a list, this is %s.", source)
		}
		return value[F]{}
	}
	outer, shadowed := c.locals[expr.ValVar]
	c.locals[expr.ValVar] = c.loopVariable(source)
	each := c.expr(expr.ValExpr)
	l, good := c.filtered(source, expr)
	if shadowed {
		c.locals[expr.ValVar] = outer
	} else {
		delete(c.locals, expr.ValVar)
	}
	if !good {
		return value[F]{}
	}
	return c.mapped(source, l, each, expr.ValExpr.Range())
}

func (c *compiler[F]) filtered(source value[F], expr *hclsyntax.ForExpr) (*list[F], bool) {
	if expr.CondExpr == nil {
		return source.list, true
	}
	keep := c.expr(expr.CondExpr)
	if keep.kind != isBool {
		if keep.kind != noKind {
			c.fault(expr.CondExpr.Range(), "Wrong type after if", "It takes a bool, this is %s.%s", keep, c.instead(keep, isBool))
		}
		return nil, false
	}
	l := source.list.where(keep)
	l.elem.rests = l.elem.rests.and(keep.rests)
	return l, true
}

func (c *compiler[F]) loopVariable(source value[F]) value[F] {
	v := source.list.elem
	v.rests.loop = true
	return v
}

// mapped is the list l, made from source, with each as the values.
func (c *compiler[F]) mapped(source value[F], l *list[F], each value[F], at hcl.Range) value[F] {
	if each.kind == noKind {
		return value[F]{}
	}
	if each.kind == isList {
		c.fault(at, "List of lists", "The value of a loop is a string, number, bool, time or object, not a list.")
		return value[F]{}
	}
	each.rests = each.rests.and(l.elem.rests)
	each.rests.loop = len(c.locals)+len(c.symbols) > 0
	rests := source.rests.and(each.rests)
	rests.loop = each.rests.loop
	return value[F]{kind: isList, list: l.mapped(each), rests: rests}
}
