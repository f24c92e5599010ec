package policy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
)

// The readers of values take a key that may be missing, which is the zero value,
// and note what is wrong with it in its place.

func (b *builder) fault(at hcl.Range, summary, format string, args ...any) {
	b.diags = append(b.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(format, args...),
		Subject:  &at,
	})
}

func (b *builder) wrong(a *hcl.Attribute, format string, args ...any) {
	b.fault(a.Expr.Range(), fmt.Sprintf("Wrong value for %q", a.Name), format, args...)
}

// value decodes the key's value into target and tells whether it is there.
func (b *builder) value(a *hcl.Attribute, target any) bool {
	if a == nil {
		return false
	}
	// An expression that cannot be evaluated is also of the wrong type: said once.
	_, diags := a.Expr.Value(nil)
	if !diags.HasErrors() {
		diags = gohcl.DecodeExpression(a.Expr, nil, target)
	}
	b.diags = append(b.diags, diags...)
	return !diags.HasErrors()
}

func (b *builder) text(a *hcl.Attribute) string {
	var s string
	if b.value(a, &s) && s == "" {
		b.wrong(a, "It must not be empty; leave the key out for the default.")
	}
	return s
}

func (b *builder) size(a *hcl.Attribute) int64 {
	var s string
	if !b.value(a, &s) {
		return 0
	}
	n, err := ParseSize(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	} else if n == 0 {
		b.wrong(a, "It must be more than 0; leave the key out for the default.")
	}
	return n
}

func (b *builder) count(a *hcl.Attribute, most int) int {
	var n int
	if b.value(a, &n) && (n < 1 || n > most) {
		b.wrong(a, "It must be a whole number from 1 to %d.", most)
	}
	return n
}

func (b *builder) addr(a *hcl.Attribute) Addr {
	var s string
	if !b.value(a, &s) {
		return Addr{}
	}
	addr, err := ParseAddr(s)
	if err != nil {
		b.wrong(a, "%s.", sentence(err))
	}
	return addr
}

// listen is addr for what must not be claimed twice.
func (b *builder) listen(a *hcl.Attribute) Addr {
	addr := b.addr(a)
	if addr.Address == "" || addr.Network == "tcp" && strings.HasSuffix(addr.Address, ":0") {
		return addr
	}
	if first, ok := b.listens[addr]; ok {
		b.wrong(a, "%s is taken already, at %s.", addr, place(first))
		return addr
	}
	b.listens[addr] = a.Range
	return addr
}

func (b *builder) choice(a *hcl.Attribute, words ...string) string {
	var s string
	if !b.value(a, &s) {
		return ""
	}
	if !slices.Contains(words, s) {
		b.wrong(a, "It must be one of %q.%s", words, didYouMean(s, words))
	}
	return s
}

func (b *builder) path(a *hcl.Attribute) string {
	s := b.text(a)
	if s == "" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(filepath.Dir(a.Range.Filename), s)
}

func (b *builder) domains(a *hcl.Attribute) []string {
	var list []string
	b.value(a, &list)
	for i, d := range list {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		if !isHostname(strings.TrimPrefix(d, "*.")) {
			b.wrong(a, "%q is not a domain.", list[i])
		}
		list[i] = d
	}
	return list
}

// didYouMean is a suggestion for what was given, where one of the names is near.
func didYouMean(given string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(name), nil); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}
