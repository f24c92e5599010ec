package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Schema says which facts and functions conditions over F may use. It is
// declared once, then only read: from then on it is safe for concurrent use.
//
// The methods that declare panic when a name is declared twice or is not
// lower-case words joined by dots: that is a mistake of the program.
type Schema[F any] struct {
	facts     map[string]*fact[F]
	lists     map[string]*Objects[F]
	lookups   map[string]*lookup[F]
	constants map[string]func(string) (float64, error)
	names     []Name
}

// Name is something a condition can use, for help texts.
type Name struct {
	// Name is as it is written: "message.size", "recipients[*].domain" for an
	// attribute of the objects of a list, "header" for a function.
	Name string
	// Type is "string", "number", "bool", "time", "list of strings", "list of
	// objects" or the words a string is one of; for a function its arguments
	// and result, as in "(string) string".
	Type string
	// Doc is what was said with the option Doc.
	Doc string
	// Function tells a function from a fact.
	Function bool
	// Content is whether the message itself says it: see the option Content.
	Content bool
}

// Option is a property of a declared name.
type Option func(*options)

type options struct {
	content, lower bool
	doc            string
}

// Content marks what the message itself says. Anybody who can send mail can
// write it.
func Content(o *options) { o.content = true }

// Lower marks a string, or the strings of a list, that never has upper-case
// letters. A comparison with a literal that has some is then a mistake.
func Lower(o *options) { o.lower = true }

// Doc describes a name in one line.
func Doc(text string) Option {
	return func(o *options) { o.doc = text }
}

func gather(opts []Option) options {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return o
}

func (o options) rests() rests { return rests{content: o.content, other: !o.content} }

// fact is a variable, or an attribute of the objects of a list. bind gives its
// value; slot is where the position in the list is found.
type fact[F any] struct {
	name string
	bind func(slot int, at hcl.Range) value[F]
}

type lookup[F any] struct {
	get func(*F, string) string
	options
}

// NewSchema gives a schema without any facts. The functions of the language
// are part of it.
func NewSchema[F any]() *Schema[F] {
	s := &Schema[F]{
		facts: map[string]*fact[F]{}, lists: map[string]*Objects[F]{},
		lookups: map[string]*lookup[F]{}, constants: map[string]func(string) (float64, error){},
	}
	for _, b := range builtins[F]() {
		s.names = append(s.names, Name{Name: b.name, Type: b.shape, Doc: b.doc, Function: true})
	}
	return s
}

// String declares a string. The getters of this and all other facts must be
// pure and safe for concurrent use.
func (s *Schema[F]) String(name string, get func(*F) string, opts ...Option) {
	s.word(name, nil, get, gather(opts))
}

// Word declares a string that is always one of words. A comparison with any
// other literal is a mistake.
func (s *Schema[F]) Word(name string, words []string, get func(*F) string, opts ...Option) {
	s.word(name, slices.Clone(words), get, gather(opts))
}

func (s *Schema[F]) word(name string, words []string, get func(*F) string, o options) {
	v := value[F]{kind: isString, rests: o.rests(), lower: o.lower, words: words}
	v.str = func(e *env[F]) (string, error) { return get(e.facts), nil }
	s.variable(name, describeWords(words), o, func(int, hcl.Range) value[F] { return v })
}

// Number declares a number: a count, a size in bytes, a time span in seconds.
func (s *Schema[F]) Number(name string, get func(*F) float64, opts ...Option) {
	o := gather(opts)
	v := value[F]{kind: isNumber, rests: o.rests()}
	v.num = func(e *env[F]) (float64, error) { return get(e.facts), nil }
	s.variable(name, "number", o, func(int, hcl.Range) value[F] { return v })
}

// Bool declares what is true or false.
func (s *Schema[F]) Bool(name string, get func(*F) bool, opts ...Option) {
	o := gather(opts)
	v := value[F]{kind: isBool, rests: o.rests(), needs: o.rests().atom()}
	v.boolean = func(e *env[F]) (bool, error) { return get(e.facts), nil }
	s.variable(name, "bool", o, func(int, hcl.Range) value[F] { return v })
}

// Time declares a time. The second result of get is whether there is one; to
// use a time that is missing is an error of the evaluation.
func (s *Schema[F]) Time(name string, get func(*F) (time.Time, bool), opts ...Option) {
	o := gather(opts)
	s.variable(name, "time", o, func(_ int, at hcl.Range) value[F] {
		missing := &Error{At: at, Text: name + " has no value"}
		v := value[F]{kind: isTime, rests: o.rests()}
		v.moment = func(e *env[F]) (time.Time, error) {
			t, ok := get(e.facts)
			if !ok {
				return t, missing
			}
			return t, nil
		}
		return v
	})
}

// Strings declares a list of strings. What get gives is not changed or kept; it
// is asked for again with each element, so get should find it, not make it.
func (s *Schema[F]) Strings(name string, get func(*F) []string, opts ...Option) {
	o := gather(opts)
	s.variable(name, "list of strings", o, func(slot int, _ hcl.Range) value[F] {
		elem := value[F]{kind: isString, rests: o.rests(), lower: o.lower}
		elem.str = func(e *env[F]) (string, error) { return get(e.facts)[e.at[slot]], nil }
		l := newList(slot, func(e *env[F]) int { return len(get(e.facts)) }, elem)
		l.steady = !o.content
		return value[F]{kind: isList, list: l, rests: o.rests()}
	})
}

// Lookup declares a function of one string, as in header("Subject"). For what
// is not there it gives "".
func (s *Schema[F]) Lookup(name string, get func(f *F, arg string) string, opts ...Option) {
	o := gather(opts)
	s.declare(Name{Name: name, Type: "(string) string", Doc: o.doc, Function: true, Content: o.content})
	s.lookups[name] = &lookup[F]{get: get, options: o}
}

// Constant declares a function from a string that is written out to a number,
// as in size("10MiB"). It is worked out when the condition is compiled; an error
// of parse is what the diagnostic says.
func (s *Schema[F]) Constant(name string, parse func(string) (float64, error), opts ...Option) {
	s.declare(Name{Name: name, Type: "(string) number", Doc: gather(opts).doc, Function: true})
	s.constants[name] = parse
}

// Objects declares a list of objects; the result declares their attributes.
// Of the options Lower says nothing here; Content is about how many objects
// there are, and each attribute tells for itself.
func (s *Schema[F]) Objects(name string, count func(*F) int, opts ...Option) *Objects[F] {
	o := gather(opts)
	l := &Objects[F]{schema: s, name: name, attributes: map[string]*fact[F]{}}
	s.lists[name] = l
	s.variable(name, "list of objects", o, func(slot int, _ hcl.Range) value[F] {
		elem := value[F]{kind: isObject, rests: o.rests(), object: &object[F]{of: l, slot: slot}}
		list := newList(slot, func(e *env[F]) int { return count(e.facts) }, elem)
		list.steady = !o.content
		return value[F]{kind: isList, list: list, rests: o.rests()}
	})
	return l
}

// Names lists the functions of the language, then what was declared, in order.
func (s *Schema[F]) Names() []Name { return slices.Clone(s.names) }

func (s *Schema[F]) variable(name, shape string, o options, bind func(int, hcl.Range) value[F]) {
	s.declare(Name{Name: name, Type: shape, Doc: o.doc, Content: o.content})
	s.facts[name] = &fact[F]{name: name, bind: bind}
}

func (s *Schema[F]) declare(n Name) {
	plain := strings.NewReplacer("[*]", "").Replace(n.Name)
	for word := range strings.SplitSeq(plain, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			panic(fmt.Sprintf("condition: %q cannot be the name of a fact", n.Name))
		}
	}
	for _, other := range s.names {
		nested := strings.HasPrefix(n.Name, other.Name+".") || strings.HasPrefix(other.Name, n.Name+".")
		if n.Function == other.Function && (n.Name == other.Name || nested && !n.Function) {
			panic(fmt.Sprintf("condition: %q and %q cannot both be declared", other.Name, n.Name))
		}
	}
	s.names = append(s.names, n)
}

func describeWords(words []string) string {
	if words == nil {
		return "string"
	}
	return "one of " + quoted(words)
}
