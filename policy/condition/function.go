package condition

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// call is a function call whose arguments are compiled and of right number.
type call[F any] struct {
	name string
	node *hclsyntax.FunctionCallExpr
	args []value[F]
}

// rests is what all arguments together rest on.
func (k *call[F]) rests() rests {
	var r rests
	for _, a := range k.args {
		r = r.and(a.rests)
	}
	return r
}

// holding is a bool that rests on the arguments.
func (k *call[F]) holding(f func(*env[F]) (bool, error)) value[F] {
	r := k.rests()
	return value[F]{kind: isBool, rests: r, needs: r.atom(), boolean: f}
}

// builtin is a function of the language; most is -1 for any number of arguments.
type builtin[F any] struct {
	name, shape, doc string
	least, most      int
	build            func(*compiler[F], *call[F]) value[F]
}

func builtins[F any]() []builtin[F] {
	return []builtin[F]{
		{"any", "(list of bools) bool", "whether one of them is true; false for an empty list", 1, 1, buildAny[F]},
		{"all", "(list of bools) bool", "whether none of them is false; true for an empty list", 1, 1, buildAll[F]},
		{"contains", "(list, value) bool", "whether the value is in the list", 2, 2, buildContains[F]},
		{"matches", "(string or list of strings, pattern) bool", "whether the string, or one of them, has a match of the RE2 pattern", 2, 2, buildMatches[F]},
		{"cidr_contains", "(network or list of networks, address) bool", "whether the IP address is in the network, as in \"10.0.0.0/8\"; false if it is not an address", 2, 2, buildCIDR[F]},
		{"starts_with", "(string, string) bool", "whether the first begins with the second", 2, 2, edge[F](strings.HasPrefix)},
		{"ends_with", "(string, string) bool", "whether the first ends with the second", 2, 2, edge[F](strings.HasSuffix)},
		{"lower", "(string) string", "the string with its letters in lower case", 1, 1, letters[F](strings.ToLower, true)},
		{"upper", "(string) string", "the string with its letters in upper case", 1, 1, letters[F](strings.ToUpper, false)},
		{"length", "(list or string) number", "how many elements, or characters, it has", 1, 1, buildLength[F]},
		{"try", "(value, ...) value", "the first of the values that there is", 1, -1, buildTry[F]},
		{"can", "(value) bool", "whether there is such a value", 1, 1, buildCan[F]},
		{"time", "(string) time", "the time, as in \"2026-01-31\", which is its start in UTC, or \"2026-01-31T12:00:00Z\"", 1, 1, buildTime[F]},
	}
}

func (c *compiler[F]) call(expr *hclsyntax.FunctionCallExpr) value[F] {
	k := &call[F]{name: expr.Name, node: expr}
	b, ok := c.function(expr.Name)
	if !ok {
		c.unknownFunction(expr)
	}
	good := ok
	for _, arg := range expr.Args {
		v := c.expr(arg)
		good = good && v.kind != noKind
		k.args = append(k.args, v)
	}
	switch {
	case !ok:
		return value[F]{}
	case expr.ExpandFinal:
		c.fault(expr.Range(), "Expanded argument", "Arguments are written one by one, without \"...\".")
		return value[F]{}
	case len(k.args) < b.least:
		c.fault(expr.CloseParenRange, "Not enough arguments", "%s takes %s.", expr.Name, b.shape)
		return value[F]{}
	case b.most >= 0 && len(k.args) > b.most:
		c.fault(expr.Args[b.most].Range(), "Too many arguments", "%s takes %s.", expr.Name, b.shape)
		return value[F]{}
	case !good:
		return value[F]{}
	}
	c.used[expr.Name] = true
	return c.settle(b.build(c, k))
}

// function finds a function of the language or of the schema.
func (c *compiler[F]) function(name string) (builtin[F], bool) {
	for _, b := range builtins[F]() {
		if b.name == name {
			return b, true
		}
	}
	if l := c.schema.lookups[name]; l != nil {
		return builtin[F]{name, "(string) string", l.doc, 1, 1, l.build}, true
	}
	if parse := c.schema.constants[name]; parse != nil {
		return builtin[F]{name, "(string) number", "", 1, 1, buildConstant[F](parse)}, true
	}
	return builtin[F]{}, false
}

func (c *compiler[F]) unknownFunction(expr *hclsyntax.FunctionCallExpr) {
	var names []string
	for _, n := range c.schema.names {
		if n.Function {
			names = append(names, n.Name)
		}
	}
	c.fault(expr.NameRange, "Unknown function", "There is no function named %q.%s", expr.Name, suggest(expr.Name, names))
}

// wrong tells that argument i, counted from 0, is not what the function takes.
func (c *compiler[F]) wrong(k *call[F], i int, takes, hint string) value[F] {
	at := k.node.Args[i].Range()
	c.fault(at, "Wrong type for argument "+string(rune('1'+i%9))+" of "+k.name, "It takes %s, this is %s.%s", takes, k.args[i], hint)
	return value[F]{}
}

// literalArg gives the string of an argument that must be a constant.
func (c *compiler[F]) literalArg(k *call[F], i int) (string, bool) {
	a := k.args[i]
	switch {
	case a.kind != isString:
		c.wrong(k, i, "a string", "")
	case !a.constant:
		c.fault(k.node.Args[i].Range(), "Not a fixed value", "%s takes a string that is written out, not one that depends on the message.", k.name)
	default:
		return a.text, true
	}
	return "", false
}

func (c *compiler[F]) badValue(at hcl.Range, name, reason string) {
	if reason != "" {
		reason = strings.ToUpper(reason[:1]) + reason[1:]
	}
	c.fault(at, "Wrong value for "+name, "%s.", strings.TrimSuffix(reason, "."))
}

func (l *lookup[F]) build(c *compiler[F], k *call[F]) value[F] {
	if k.args[0].kind != isString {
		return c.wrong(k, 0, "a string", "")
	}
	arg, get := k.args[0].str, l.get
	v := value[F]{kind: isString, rests: k.rests().and(l.rests()), lower: l.lower}
	if k.args[0].constant {
		name := k.args[0].text
		v.str = func(e *env[F]) (string, error) { return get(e.facts, name), nil }
		return v
	}
	v.str = func(e *env[F]) (string, error) {
		name, err := arg(e)
		if err != nil {
			return "", err
		}
		return get(e.facts, name), nil
	}
	return v
}

func buildConstant[F any](parse func(string) (float64, error)) func(*compiler[F], *call[F]) value[F] {
	return func(c *compiler[F], k *call[F]) value[F] {
		text, ok := c.literalArg(k, 0)
		if !ok {
			return value[F]{}
		}
		n, err := parse(text)
		if err != nil {
			c.badValue(k.node.Args[0].Range(), k.name, err.Error())
			return value[F]{}
		}
		return numberValue[F](n)
	}
}

func buildTime[F any](c *compiler[F], k *call[F]) value[F] {
	text, ok := c.literalArg(k, 0)
	if !ok {
		return value[F]{}
	}
	t, err := parseTime(text)
	if err != nil {
		c.badValue(k.node.Args[0].Range(), k.name, `A time is written "2026-01-31" or "2026-01-31T12:00:00Z"`)
		return value[F]{}
	}
	return value[F]{kind: isTime, moment: always[F](t)}
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

func edge[F any](has func(s, part string) bool) func(*compiler[F], *call[F]) value[F] {
	return func(c *compiler[F], k *call[F]) value[F] {
		for i, a := range k.args {
			if a.kind != isString {
				hint := ""
				if a.kind == isList && i == 0 {
					hint = " Write any([for x in " + c.label(a) + " : " + k.name + "(x, ...)])."
				}
				return c.wrong(k, i, "a string", hint)
			}
		}
		if !c.canBeLower(k.args[0], k.args[1]) {
			return value[F]{}
		}
		return k.holding(both(k.args[0].str, k.args[1].str, has))
	}
}

func letters[F any](change func(string) string, lower bool) func(*compiler[F], *call[F]) value[F] {
	return func(c *compiler[F], k *call[F]) value[F] {
		if k.args[0].kind != isString {
			return c.wrong(k, 0, "a string", "")
		}
		get := k.args[0].str
		return value[F]{kind: isString, rests: k.rests(), lower: lower, str: func(e *env[F]) (string, error) {
			s, err := get(e)
			return change(s), err
		}}
	}
}

func buildLength[F any](c *compiler[F], k *call[F]) value[F] {
	v := value[F]{kind: isNumber, rests: k.rests()}
	switch a := k.args[0]; a.kind {
	case isString:
		v.num = func(e *env[F]) (float64, error) {
			s, err := a.str(e)
			return float64(utf8.RuneCountInString(s)), err
		}
	case isList:
		v.num = func(e *env[F]) (float64, error) {
			n, err := a.list.length(e)
			return float64(n), err
		}
	default:
		return c.wrong(k, 0, "a list or a string", "")
	}
	return v
}
