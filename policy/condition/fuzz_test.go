package condition

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzCompile: whatever the text, there is a condition or a diagnostic with a
// place in the text; what compiles can be evaluated and traced, and the two
// agree.
func FuzzCompile(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		f.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		parsed, _ := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
		attrs, _ := parsed.Body.JustAttributes()
		for _, a := range attrs {
			f.Add(string(a.Expr.Range().SliceBytes(src)))
		}
	}
	f.Add(`any([for r in recipients : r.internal if r.number > 1 && header("x") != ""]) ? can(tags[3]) : !true`)
	f.Add(`recipients.*.domain[0] == "x" || recipients[*].seen[0] < time("2026-01-01")`)
	f.Add("<<-E\n  ${sender.domain}\n  E\n == \"\"")
	schema, facts := testSchema(), testMail()
	f.Fuzz(func(t *testing.T, text string) {
		expr, parsed := hclsyntax.ParseExpression([]byte(text), "rule.hcl", hcl.InitialPos)
		if len(text) > 4096 || expr == nil {
			return
		}
		c, diags := schema.Compile(expr, []byte(text))
		if (c == nil) != diags.HasErrors() {
			t.Fatalf("condition %v, diagnostics %v", c, diags)
		}
		for _, d := range diags {
			if d.Subject == nil || d.Summary == "" || d.Detail == "" || d.Subject.Start.Byte > len(text) {
				t.Fatalf("diagnostic without a place or a text: %+v", d)
			}
		}
		if c == nil || parsed.HasErrors() {
			return
		}
		holds, err := c.Eval(facts)
		if again, second := c.Eval(&mail{}); again && second != nil {
			t.Fatalf("%v with %v", again, second)
		}
		steps := c.Trace(facts)
		if steps[0].Value != holds || (steps[0].Err == nil) != (err == nil) {
			t.Fatalf("evaluated to %v, %v, traced as %v, %v", holds, err, steps[0].Value, steps[0].Err)
		}
		c.ContentAlone()
		if value, ok := c.Constant(); ok && value != holds {
			t.Fatalf("constant %v, evaluated to %v", value, holds)
		}
	})
}
