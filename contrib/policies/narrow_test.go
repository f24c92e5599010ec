package policies

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"daybook/policy"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestSkipsAreNarrow: what is skipped is lost, so of a rule that skips each term has
// to be shown to matter. With true in the place of any one of them a test of the
// policy must fail.
func TestSkipsAreNarrow(t *testing.T) {
	tried := 0
	for _, folder := range folders(t) {
		text, err := os.ReadFile(filepath.Join(folder, "rules.hcl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range termsOfSkips(t, text) {
			tried++
			wider := string(text[:term.Start.Byte]) + "true" + string(text[term.End.Byte:])
			copied := filepath.Join(t.TempDir(), folder)
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, "rules.hcl"), []byte(wider), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := policy.Load(copied)
			if refused := (*policy.Error)(nil); errors.As(err, &refused) {
				continue // without it the rule may not skip at all
			}
			if err != nil {
				t.Fatal(err)
			}
			var failed *policy.TestError
			if err := p.Check(); !errors.As(err, &failed) {
				t.Errorf("%s/rules.hcl:%d: without %s no test fails: %v", folder, term.Start.Line, text[term.Start.Byte:term.End.Byte], err)
			}
		}
	}
	if tried == 0 {
		t.Error("no rule skips")
	}
}

// termsOfSkips gives the places of the terms that && joins, in the conditions of
// rules that skip.
func termsOfSkips(t *testing.T, text []byte) []hcl.Range {
	t.Helper()
	f, diags := hclsyntax.ParseConfig(text, "rules.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var places []hcl.Range
	var terms func(hclsyntax.Expression)
	terms = func(expr hclsyntax.Expression) {
		switch e := expr.(type) {
		case *hclsyntax.ParenthesesExpr:
			terms(e.Expression)
			return
		case *hclsyntax.BinaryOpExpr:
			if e.Op == hclsyntax.OpLogicalAnd {
				terms(e.LHS)
				terms(e.RHS)
				return
			}
		}
		places = append(places, expr.Range())
	}
	for _, block := range f.Body.(*hclsyntax.Body).Blocks {
		action, _ := block.Body.Attributes["action"].Expr.Value(nil)
		if action.AsString() == string(policy.Skip) {
			terms(block.Body.Attributes["when"].Expr)
		}
	}
	return places
}
