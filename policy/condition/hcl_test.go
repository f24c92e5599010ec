package condition

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// writer makes up conditions, of what means the same here and in HCL. Every
// choice is a byte, so that a fuzzer can steer it; when they end, it stops.
type writer struct {
	choices []byte
	loops   int // variables r1, r2 ... that are in scope
}

func (w *writer) pick(n int) int {
	if len(w.choices) == 0 {
		return 0
	}
	c := w.choices[0]
	w.choices = w.choices[1:]
	return int(c) % n
}

func (w *writer) from(texts ...string) string { return texts[w.pick(len(texts))] }

func (w *writer) bool(depth int) string {
	if depth <= 0 {
		return w.from("message.signed", "true", "false", "recipients[0].internal", "recipients[2].internal", w.attribute("internal", "message.signed"))
	}
	d := depth - 1
	switch w.pick(13) {
	case 0:
		return w.bool(0)
	case 1, 2:
		return "(" + w.bool(d) + " && " + w.bool(d) + ")"
	case 3, 4:
		return "(" + w.bool(d) + " || " + w.bool(d) + ")"
	case 5:
		return "!" + w.bool(d)
	case 6:
		return "(" + w.bool(d) + " ? " + w.bool(d) + " : " + w.bool(d) + ")"
	case 7:
		return "(" + w.string(d) + w.from(" == ", " != ") + w.string(d) + ")"
	case 8:
		return "(" + w.number(d) + w.from(" == ", " != ", " < ", " <= ", " > ", " >= ") + w.number(d) + ")"
	case 9:
		return "(" + w.bool(d) + w.from(" == ", " != ") + w.bool(d) + ")"
	case 10:
		return w.from("any", "all") + "(" + w.list(d, w.bool) + ")"
	case 11:
		return "contains(" + w.list(d, w.string) + ", " + w.string(d) + ")"
	}
	return w.from("can("+w.string(d)+")", "try("+w.bool(d)+", "+w.bool(d)+")")
}

func (w *writer) string(depth int) string {
	if depth <= 0 {
		return w.from("sender.address", `"a"`, `"b"`, "recipients[0].address", "recipients[3].address", w.attribute("address", `""`))
	}
	d := depth - 1
	switch w.pick(6) {
	case 0, 1:
		return w.string(0)
	case 2:
		return `"x${` + w.string(d) + `}${` + w.number(d) + `}"`
	case 3:
		return w.from("lower", "upper") + "(" + w.string(d) + ")"
	case 4:
		return "try(" + w.string(d) + ", " + w.string(d) + ")"
	}
	return "(" + w.bool(d) + " ? " + w.string(d) + " : " + w.string(d) + ")"
}

func (w *writer) number(depth int) string {
	if depth <= 0 {
		return w.from("message.size", "3", "7", "recipients[1].number", w.attribute("number", "0"), "length(recipients)")
	}
	d := depth - 1
	switch w.pick(5) {
	case 0, 1:
		return w.number(0)
	case 2:
		return "(" + w.number(d) + w.from(" + ", " - ", " * ") + w.number(d) + ")"
	case 3:
		return "(" + w.number(d) + w.from(" / 2", " % 3") + ")"
	}
	return "length(" + w.list(d, w.string) + ")"
}

// list is a loop over the recipients, or over a shorter list of them, or a
// written list, of what elem writes.
func (w *writer) list(depth int, elem func(int) string) string {
	if w.loops > 1 || w.pick(4) == 0 {
		return "[" + elem(depth) + ", " + elem(depth) + "]"
	}
	w.loops++
	defer func() { w.loops-- }()
	r := fmt.Sprint("r", w.loops)
	in := w.from("recipients", "[for q in recipients : q if q.internal]", "recipients[*]")
	text := "[for " + r + " in " + in + " : " + elem(depth)
	if w.pick(2) == 1 {
		text += " if " + w.bool(depth)
	}
	return text + "]"
}

// attribute is that of a loop's variable, where there is one.
func (w *writer) attribute(name, other string) string {
	if w.loops == 0 {
		return other
	}
	return fmt.Sprintf("r%d.%s", 1+w.pick(w.loops), name)
}

// native is the facts as HCL wants them.
func native(f *mail) *hcl.EvalContext {
	list := cty.ListValEmpty(cty.Object(map[string]cty.Type{"address": cty.String, "internal": cty.Bool, "number": cty.Number}))
	var rs []cty.Value
	for _, r := range f.recipients {
		rs = append(rs, cty.ObjectVal(map[string]cty.Value{
			"address": cty.StringVal(r.address), "internal": cty.BoolVal(r.internal), "number": cty.NumberFloatVal(r.number),
		}))
	}
	if rs != nil {
		list = cty.ListVal(rs)
	}
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"recipients": list,
			"sender":     cty.ObjectVal(map[string]cty.Value{"address": cty.StringVal(f.sender)}),
			"message":    cty.ObjectVal(map[string]cty.Value{"size": cty.NumberFloatVal(f.size), "signed": cty.BoolVal(f.signed)}),
		},
		Functions: map[string]function.Function{
			"any": among(true), "all": among(false), "contains": stdlib.ContainsFunc, "length": stdlib.LengthFunc,
			"lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "try": tryfunc.TryFunc, "can": tryfunc.CanFunc,
		},
	}
}

// among is any and all.
func among(deciding bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for it := args[0].ElementIterator(); it.Next(); {
				if _, v := it.Element(); v.True() == deciding {
					return cty.BoolVal(deciding), nil
				}
			}
			return cty.BoolVal(!deciding), nil
		},
	})
}

// strict tells that a made-up condition is refused for what HCL lets pass.
func strict(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		switch {
		case d.Summary == "Both sides are the same", d.Summary == "Never equal", d.Summary == "Condition without a value",
			strings.HasSuffix(d.Summary, " twice"):
		default:
			return false
		}
	}
	return true
}

// sameAsHCL evaluates a made-up condition here and by HCL, and gives whether
// there was something to compare.
func sameAsHCL(t *testing.T, choices []byte) bool {
	w := &writer{choices: choices}
	f := &mail{sender: w.from("a", "B", "xa3"), size: float64(w.pick(40)), signed: w.pick(2) == 1}
	for i := range w.pick(4) {
		f.recipients = append(f.recipients, recipient{address: w.from("a", "b", "A"), internal: w.pick(2) == 1, number: float64(i + 5)})
	}
	text := w.bool(4)
	expr := parse(t, text)
	c, diags := testSchema().Compile(expr, []byte(text))
	if diags.HasErrors() {
		if !strict(diags) {
			t.Fatalf("%s: %v", text, diags)
		}
		return false
	}
	got, err := c.Eval(f)
	if steps := c.Trace(f); steps[0].Value != got || (steps[0].Err == nil) != (err == nil) {
		t.Fatalf("%s: traced as %v, %v", text, steps[0].Value, steps[0].Err)
	}
	val, wrong := expr.Value(native(f))
	lazy := strings.Contains(text, "[for") || strings.Contains(text, "([")
	caught := lazy && (strings.Contains(text, "can(") || strings.Contains(text, "try("))
	switch {
	case wrong.HasErrors() && err == nil && !lazy:
		t.Fatalf("%s with %+v: got %v, HCL says %v", text, f, got, wrong)
	case !wrong.HasErrors() && (err != nil || got != val.True()) && !caught:
		t.Fatalf("%s with %+v: got %v, %v; HCL says %v", text, f, got, err, val.True())
	}
	return err == nil && !wrong.HasErrors()
}

// The common part of the language means what it means in HCL. The differences
// that are wanted stand in the documentation of the package: conditions that
// are refused by a rule of their own, and an element of a list without a
// value, which does not make the list useless, and so shows in try and can.
func TestSameAsHCL(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	const tries = 5000
	for range tries {
		choices := make([]byte, 20+random.IntN(200))
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		if sameAsHCL(t, choices) {
			compared++
		}
	}
	if compared < tries/3 {
		t.Errorf("only %d of %d conditions had a value in both", compared, tries)
	}
}

func FuzzSameAsHCL(f *testing.F) {
	f.Add([]byte("\x01\x10\x01\x03\x00\x01\x01\x00\x02\x01\x01\x0a\x00\x01"))
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz0123456789"))
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) < 1000 {
			sameAsHCL(t, choices)
		}
	})
}
