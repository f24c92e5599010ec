package policy

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/gohcl"
)

// What the reference shows as the blocks of a configuration is one that loads, and
// whose test passes.
func TestReferenceExamples(t *testing.T) {
	var blocks, common strings.Builder
	section := ""
	for line := range strings.Lines(Reference()) {
		if name, ok := strings.CutPrefix(line, "# "); ok {
			section = strings.TrimSpace(name)
		}
		code, ok := strings.CutPrefix(line, "    ")
		switch {
		case !ok || section == "Expressions":
		case section == "Keys of all sources":
			if !strings.HasPrefix(code, "tenant ") { // the other of two keys
				common.WriteString(code)
			}
		default:
			blocks.WriteString(code)
		}
	}
	blocks.WriteString("milter \"common\" {\nlisten = \"off\"\n" + common.String() + "}\n")
	folder := t.TempDir()
	write(t, filepath.Join(folder, "acme.addresses"), "bert@acme.example\n")
	write(t, filepath.Join(folder, "exchange.password"), "not a real password\n")
	write(t, filepath.Join(folder, "daybook.hcl"), blocks.String())
	p, err := Load(folder)
	if err != nil {
		t.Fatalf("%v\n%s", err, blocks.String())
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if len(p.Tenants) != 2 || len(p.Milters) != 2 || len(p.Listeners) != 2 || len(p.Journals) != 3 || len(p.Rules) != 2 || len(p.Tests) != 1 {
		t.Errorf("the examples are not all there: %+v", p)
	}
}

// The reference names every block, key, fact and function.
func TestReferenceComplete(t *testing.T) {
	text := Reference()
	names := func(body any) []string {
		schema, _ := gohcl.ImpliedBodySchema(body)
		var list []string
		for _, a := range schema.Attributes {
			list = append(list, a.Name)
		}
		for _, b := range schema.Blocks {
			list = append(list, b.Type)
		}
		return list
	}
	for block, body := range map[string]any{
		"": rootBody{}, "server": serverBody{}, "tenant": tenantBody{}, "milter": milterBody{}, "lmtp": lmtpBody{},
		"smtp": smtpBody{}, "journal": journalBody{}, "extended_dedup": dedupBody{}, "auth": authBody{}, "rule": ruleBody{},
		"test": testBody{}, "client": clientBody{}, "test's journal": wrapBody{}, "expect": expectBody{},
	} {
		for _, name := range names(body) {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
				t.Errorf("the reference does not have the key %s of %s", name, block)
			}
		}
	}
	for _, e := range Expressions() {
		name := e.Name
		if _, attribute, ok := strings.Cut(name, "[*]."); ok {
			name = attribute
		}
		if !strings.Contains(text, name) {
			t.Errorf("the reference does not have the fact %s", e.Name)
		}
	}
}

// The reference is plain text that fits a terminal.
func TestReferenceForm(t *testing.T) {
	text := Reference()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > 90 || strings.ContainsRune(line, '\t') || strings.HasPrefix(line, "//") {
			t.Errorf("%q", line)
		}
	}
	if !strings.HasPrefix(text, "A configuration is ") || !strings.HasSuffix(text, "kept in the archive.\n") {
		t.Errorf("begins with %.60q and ends with %q", text, text[max(0, len(text)-60):])
	}
}
