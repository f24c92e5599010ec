package condition

import (
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Objects is a list of objects whose attributes are being declared. The getters
// are called with a position from 0 to the count of the list less one.
type Objects[F any] struct {
	schema     *Schema[F]
	name       string
	attributes map[string]*fact[F]
	order      []string
}

// String declares an attribute that is a string.
func (l *Objects[F]) String(name string, get func(*F, int) string, opts ...Option) {
	l.word(name, nil, get, gather(opts))
}

// Word declares an attribute that is always one of words: see [Schema.Word].
func (l *Objects[F]) Word(name string, words []string, get func(*F, int) string, opts ...Option) {
	l.word(name, slices.Clone(words), get, gather(opts))
}

func (l *Objects[F]) word(name string, words []string, get func(*F, int) string, o options) {
	l.attribute(name, describeWords(words), o, func(slot int, _ hcl.Range) value[F] {
		v := value[F]{kind: isString, rests: o.rests(), lower: o.lower, words: words, attribute: get, slot: slot}
		v.str = func(e *env[F]) (string, error) { return get(e.facts, e.at[slot]), nil }
		return v
	})
}

// Number declares an attribute that is a number.
func (l *Objects[F]) Number(name string, get func(*F, int) float64, opts ...Option) {
	o := gather(opts)
	l.attribute(name, "number", o, func(slot int, _ hcl.Range) value[F] {
		v := value[F]{kind: isNumber, rests: o.rests()}
		v.num = func(e *env[F]) (float64, error) { return get(e.facts, e.at[slot]), nil }
		return v
	})
}

// Bool declares an attribute that is true or false.
func (l *Objects[F]) Bool(name string, get func(*F, int) bool, opts ...Option) {
	o := gather(opts)
	l.attribute(name, "bool", o, func(slot int, _ hcl.Range) value[F] {
		v := value[F]{kind: isBool, rests: o.rests(), needs: o.rests().atom()}
		v.boolean = func(e *env[F]) (bool, error) { return get(e.facts, e.at[slot]), nil }
		return v
	})
}

// Time declares an attribute that is a time, which may be missing: see
// [Schema.Time].
func (l *Objects[F]) Time(name string, get func(*F, int) (time.Time, bool), opts ...Option) {
	o := gather(opts)
	l.attribute(name, "time", o, func(slot int, at hcl.Range) value[F] {
		missing := &Error{At: at, Text: name + " of one of " + l.name + " has no value"}
		v := value[F]{kind: isTime, rests: o.rests()}
		v.moment = func(e *env[F]) (time.Time, error) {
			t, ok := get(e.facts, e.at[slot])
			if !ok {
				return t, missing
			}
			return t, nil
		}
		return v
	})
}

func (l *Objects[F]) attribute(name, shape string, o options, bind func(int, hcl.Range) value[F]) {
	l.schema.declare(Name{Name: l.name + "[*]." + name, Type: shape, Doc: o.doc, Content: o.content})
	l.attributes[name] = &fact[F]{name: l.name + "." + name, bind: bind}
	l.order = append(l.order, name)
}
