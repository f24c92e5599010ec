package condition

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// kind is the static type of a part of an expression. Of no kind is what is
// wrong and has been reported: nothing more is said about what is built on it.
type kind int

const (
	noKind kind = iota
	isString
	isNumber
	isBool
	isTime
	isObject
	isList
)

// env is the state of one evaluation.
type env[F any] struct {
	facts *F
	// at is, for each list of the expression, the position of its current element.
	at    []int
	steps int
}

// getter gives a value under an env.
type getter[F, T any] func(*env[F]) (T, error)

// value is a part of an expression, compiled. The function of its kind is set;
// it gives the part's value.
type value[F any] struct {
	kind kind
	rng  hcl.Range

	str     getter[F, string]
	num     getter[F, float64]
	boolean getter[F, bool]
	moment  getter[F, time.Time]
	list    *list[F]
	object  *object[F]

	rests rests
	needs needs // of a bool

	lower bool     // of a string: it never has upper-case letters
	words []string // of a string: it is always one of these

	constant bool // text or number is what the value always is
	text     string
	number   float64

	// attribute reads a string attribute straight from the facts, where the
	// value is just that, of the element that slot tells.
	attribute func(*F, int) string
	slot      int

	logic *logic[F] // of a bool that && || or ! made
}

// object is one element of a list of objects.
type object[F any] struct {
	of   *Objects[F]
	slot int
	// enter sets the position in the slot. It is nil where a loop has set it.
	enter func(*env[F]) error
}

// always gives a value's function for a constant.
func always[F, T any](v T) getter[F, T] {
	return func(*env[F]) (T, error) { return v, nil }
}

func stringValue[F any](s string) value[F] {
	return value[F]{kind: isString, str: always[F](s), constant: true, text: s}
}

func numberValue[F any](n float64) value[F] {
	return value[F]{kind: isNumber, num: always[F](n), constant: true, number: n}
}

func boolValue[F any](b bool) value[F] {
	return value[F]{kind: isBool, boolean: always[F](b), constant: true, needs: needs{isTrue: !b, isFalse: b}}
}

// after is the value evaluated once enter has succeeded.
func (v value[F]) after(enter func(*env[F]) error) value[F] {
	if enter == nil {
		return v
	}
	v.attribute = nil
	switch v.kind {
	case isString:
		v.str = afterwards(enter, v.str)
	case isNumber:
		v.num = afterwards(enter, v.num)
	case isBool:
		v.boolean = afterwards(enter, v.boolean)
	case isTime:
		v.moment = afterwards(enter, v.moment)
	case isObject:
		object := *v.object
		object.enter = enter
		if inner := v.object.enter; inner != nil {
			object.enter = func(e *env[F]) error {
				if err := enter(e); err != nil {
					return err
				}
				return inner(e)
			}
		}
		v.object = &object
	}
	return v
}

func afterwards[F, T any](enter func(*env[F]) error, get getter[F, T]) getter[F, T] {
	return func(e *env[F]) (T, error) {
		if err := enter(e); err != nil {
			var zero T
			return zero, err
		}
		return get(e)
	}
}

// try evaluates the value for its error only.
func (v value[F]) try(e *env[F]) error {
	var err error
	switch v.kind {
	case isString:
		_, err = v.str(e)
	case isNumber:
		_, err = v.num(e)
	case isBool:
		_, err = v.boolean(e)
	case isTime:
		_, err = v.moment(e)
	case isObject:
		if v.object.enter != nil {
			err = v.object.enter(e)
		}
	case isList:
		var at int
		for at, err = v.list.next(e, 0); err == nil && at >= 0; at, err = v.list.next(e, at+1) {
			if err = v.list.elem.try(e); err != nil {
				break
			}
		}
	}
	return err
}

// scalar tells whether the value is a string, number, bool or time.
func (v value[F]) scalar() bool {
	return v.kind >= isString && v.kind <= isTime
}

// String describes the value's type for a person: "a list of strings".
func (v value[F]) String() string {
	switch v.kind {
	case isObject:
		return fmt.Sprintf("an object, one of %s", v.object.of.name)
	case isList:
		if v.list.elem.kind == isObject {
			return fmt.Sprintf("a list of objects, %s", v.list.elem.object.of.name)
		}
		return "a list of " + v.list.elem.kind.plural()
	}
	return "a " + v.kind.String()
}

func (k kind) String() string {
	switch k {
	case isString:
		return "string"
	case isNumber:
		return "number"
	case isBool:
		return "bool"
	case isTime:
		return "time"
	case isObject:
		return "object"
	case isList:
		return "list"
	}
	return "mistake"
}

func (k kind) plural() string { return k.String() + "s" }
