package condition

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestWrong compares what is said about the conditions in each file of testdata,
// all of them wrong, with the file of the same name that ends in .want; UPDATE=1
// in the environment writes those anew.
func TestWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, attr := range attributes(t, src) {
			c, diags := testSchema().Compile(attr.Expr, src)
			if c != nil || !diags.HasErrors() {
				t.Errorf("%s: %s is taken for right", file, attr.Name)
			}
			got.WriteString(attr.Name + "\n" + report(diags, src))
		}
		want := strings.TrimSuffix(file, ".hcl") + ".want"
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(want, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(text) {
			t.Errorf("%s: got:\n%s\nwant:\n%s", file, got.String(), text)
		}
	}
}

func attributes(t *testing.T, src []byte) []*hcl.Attribute {
	t.Helper()
	file, diags := hclsyntax.ParseConfig(src, "rules.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	attrs, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var list []*hcl.Attribute
	for _, a := range attrs {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *hcl.Attribute) int {
		return cmp.Compare(a.Range.Start.Line, b.Range.Start.Line)
	})
	return list
}

// Too deep and too large is said once; long chains and long lists are neither.
func TestLimits(t *testing.T) {
	tests := []struct {
		text  string
		right bool
	}{
		{strings.Repeat("(", 60) + "message.signed" + strings.Repeat(")", 60), true},
		{strings.Repeat("(", 70) + "message.signed" + strings.Repeat(")", 70), false},
		{strings.Repeat("!", 3000) + "message.signed", false},
		{"message.size == 0" + strings.Repeat(" + 1", 3000), false},
		{"message.size == 0" + sequence(" || message.size == %d", 1000), true},
		{"contains([0" + sequence(", %d", 9000) + "], message.size)", true},
		{"contains([0" + sequence(", %d", 20000) + "], message.size)", false},
	}
	for _, test := range tests {
		_, diags := testSchema().Compile(parse(t, test.text), []byte(test.text))
		if test.right != !diags.HasErrors() || len(diags) > 1 {
			t.Errorf("%.40s: %v", test.text, diags)
		}
	}
	text := "message.signed" + sequence(" && nothing%d", 100)
	if _, diags := testSchema().Compile(parse(t, text), nil); len(diags) != maxDiags {
		t.Errorf("%d diagnostics", len(diags))
	}
	if c, diags := testSchema().Compile(nil, nil); c != nil || len(diags) != 1 {
		t.Errorf("no expression: %v", diags)
	}
}

// Without the text of the file the diagnostics do without quotations.
func TestWithoutSource(t *testing.T) {
	_, diags := testSchema().Compile(parse(t, `message.size == "5"`), nil)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "one side is a number") {
		t.Errorf("got %v", diags)
	}
}
