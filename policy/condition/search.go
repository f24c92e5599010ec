package condition

import "github.com/hashicorp/hcl/v2/hclsyntax"

// any, all and contains: questions to a list.

func buildAny[F any](c *compiler[F], k *call[F]) value[F] {
	l, ok := c.bools(k)
	if !ok {
		return value[F]{}
	}
	has := l.elem.boolean
	v := k.holding(func(e *env[F]) (bool, error) { return l.find(e, has) })
	v.needs = l.anyOf()
	return v
}

func buildAll[F any](c *compiler[F], k *call[F]) value[F] {
	l, ok := c.bools(k)
	if !ok {
		return value[F]{}
	}
	holds := l.elem.boolean
	fails := func(e *env[F]) (bool, error) {
		ok, err := holds(e)
		return !ok, err
	}
	v := k.holding(func(e *env[F]) (bool, error) {
		found, err := l.find(e, fails)
		return !found, err
	})
	v.needs = l.allOf()
	return v
}

func (c *compiler[F]) bools(k *call[F]) (*list[F], bool) {
	a := k.args[0]
	if a.kind == isList && a.list.elem.kind == isBool {
		return a.list, true
	}
	hint := ""
	if a.kind == isList {
		hint = " Write " + k.name + "([for x in " + c.label(a) + " : ...])."
	}
	c.wrong(k, 0, "a list of bools", hint)
	return nil, false
}

func buildContains[F any](c *compiler[F], k *call[F]) value[F] {
	in, v := k.args[0], k.args[1]
	switch {
	case in.kind == isString:
		return c.wrong(k, 0, "a list", " For a part of a string write matches("+c.label(in)+", ...).")
	case in.kind != isList:
		return c.wrong(k, 0, "a list", "")
	case in.list.elem.kind == isObject:
		return c.wrong(k, 0, "a list of values", " Write contains("+c.label(in)+"[*].attribute, ...).")
	case v.kind != in.list.elem.kind:
		hint := ""
		if v.scalar() {
			hint = c.sameType(value[F]{kind: in.list.elem.kind}, v)
		}
		return c.wrong(k, 1, "a "+in.list.elem.kind.String()+" as in the list", hint)
	}
	if !c.canContain(in, v) {
		return value[F]{}
	}
	if fixed := fixedStrings(in.list); fixed != nil {
		get := v.str
		return k.holding(func(e *env[F]) (bool, error) {
			s, err := get(e)
			return fixed[s] && err == nil, err
		})
	}
	if v.kind == isString {
		return k.holding(containsString(in.list, v))
	}
	return k.holding(containsOther(in.list, v))
}

// canContain checks the literals on either side as == does.
func (c *compiler[F]) canContain(in, v value[F]) bool {
	good := true
	for _, item := range in.list.items {
		good = c.canBeEqual(v, item) && good
	}
	if in.list.items == nil {
		elem := in.list.elem
		elem.rng = in.rng
		good = c.canBeEqual(elem, v)
	}
	return good
}

// fixedStrings is the set of a list of literals, or nil.
func fixedStrings[F any](l *list[F]) map[string]bool {
	if l.items == nil {
		return nil
	}
	set := make(map[string]bool, len(l.items))
	for _, item := range l.items {
		if !item.constant || item.kind != isString {
			return nil
		}
		set[item.text] = true
	}
	return set
}

// containsString looks for a string. In an attribute of all objects, which is
// where a message with many recipients spends its time, it does so directly.
func containsString[F any](l *list[F], v value[F]) getter[F, bool] {
	want, elem, attribute := v.str, l.elem.str, l.elem.attribute
	if attribute != nil && l.elem.slot == l.slot && l.count != nil {
		count := l.count
		return func(e *env[F]) (bool, error) {
			s, err := want(e)
			if err != nil {
				return false, err
			}
			n := count(e)
			if err := e.step(n); err != nil {
				return false, err
			}
			for i := range n {
				if attribute(e.facts, i) == s {
					return true, nil
				}
			}
			return false, nil
		}
	}
	return func(e *env[F]) (bool, error) {
		s, err := want(e)
		if err != nil {
			return false, err
		}
		var first error
		for at := 0; ; at++ {
			if at, err = l.next(e, at); err != nil || at < 0 {
				break
			}
			switch x, err := elem(e); {
			case err == nil && x == s:
				return true, nil
			case err != nil && first == nil:
				first = err
			}
		}
		if err == nil {
			err = first
		}
		return false, err
	}
}

// containsOther looks for what is not a string. The value is worked out anew for
// each element: it is a literal or a fact as a rule, and a number or a bool is
// rarely looked for at all.
func containsOther[F any](l *list[F], v value[F]) getter[F, bool] {
	is := compare(hclsyntax.OpEqual, l.elem, v)
	return func(e *env[F]) (bool, error) {
		if err := v.try(e); err != nil {
			return false, err
		}
		return l.find(e, is)
	}
}
