package condition

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// mail is the facts of the tests.
type mail struct {
	kind, sender, domain, client string
	size                         float64
	signed                       bool
	date, expires                time.Time
	tags, names                  []string
	recipients                   []recipient
	headers                      map[string]string
}

type recipient struct {
	address, domain, kind string
	internal              bool
	number                float64
	seen                  time.Time
}

func testSchema() *Schema[mail] {
	s := NewSchema[mail]()
	s.Word("source.kind", []string{"milter", "lmtp"}, func(f *mail) string { return f.kind }, Doc("which mouth took it"))
	s.String("sender.address", func(f *mail) string { return f.sender })
	s.String("sender.domain", func(f *mail) string { return f.domain }, Lower)
	s.String("client.address", func(f *mail) string { return f.client })
	s.Number("message.size", func(f *mail) float64 { return f.size })
	s.Bool("message.signed", func(f *mail) bool { return f.signed }, Content)
	s.Time("message.date", func(f *mail) (time.Time, bool) { return f.date, !f.date.IsZero() }, Content)
	s.Time("received", func(f *mail) (time.Time, bool) { return f.expires, !f.expires.IsZero() })
	s.Strings("tags", func(f *mail) []string { return f.tags }, Lower)
	s.Strings("message.attachments", func(f *mail) []string { return f.names }, Content)
	rs := s.Objects("recipients", func(f *mail) int { return len(f.recipients) }, Doc("the envelope's recipients"))
	rs.String("address", func(f *mail, i int) string { return f.recipients[i].address })
	rs.String("domain", func(f *mail, i int) string { return f.recipients[i].domain }, Lower)
	rs.Word("kind", []string{"user", "group"}, func(f *mail, i int) string { return f.recipients[i].kind })
	rs.Bool("internal", func(f *mail, i int) bool { return f.recipients[i].internal })
	rs.Number("number", func(f *mail, i int) float64 { return f.recipients[i].number })
	rs.Time("seen", func(f *mail, i int) (time.Time, bool) {
		return f.recipients[i].seen, !f.recipients[i].seen.IsZero()
	})
	s.Lookup("header", func(f *mail, name string) string { return f.headers[strings.ToLower(name)] }, Content, Doc("a header field"))
	s.Lookup("macro", func(f *mail, name string) string { return f.headers["macro:"+name] })
	s.Constant("size", func(text string) (float64, error) {
		n, ok := strings.CutSuffix(text, "MiB")
		v, err := strconv.ParseFloat(n, 64)
		if !ok || err != nil {
			return 0, errors.New(`a size is written "10MiB"`)
		}
		return v * (1 << 20), nil
	})
	return s
}

func testMail() *mail {
	return &mail{
		kind: "milter", sender: "Anna@Example.com", domain: "example.com", client: "10.1.2.3",
		size: 4096, signed: true,
		date:  time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		tags:  []string{"red", "blue"},
		names: []string{"offer.pdf"},
		recipients: []recipient{
			{"a@acme.test", "acme.test", "user", true, 1, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
			{"b@acme.test", "acme.test", "group", true, 2, time.Time{}},
			{"c@other.test", "other.test", "user", false, 3, time.Time{}},
		},
		headers: map[string]string{"subject": "Lunch", "x-domain": "acme.test", "x-pattern": "^a", "x-bad": "(", "macro:j": "mx1"},
	}
}

func parse(t testing.TB, text string) hclsyntax.Expression {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "rule.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return expr
}

func compile(t testing.TB, text string) *Condition[mail] {
	t.Helper()
	c, diags := testSchema().Compile(parse(t, text), []byte(text))
	if diags.HasErrors() {
		t.Fatalf("%s: %v", text, diags)
	}
	return c
}

// report writes diagnostics as the golden files have them.
func report(diags hcl.Diagnostics, src []byte) string {
	var b strings.Builder
	for _, d := range diags {
		at := *d.Subject
		fmt.Fprintf(&b, "%d:%d %s: %s\n\t[%s]\n", at.Start.Line, at.Start.Column, d.Summary, d.Detail, at.SliceBytes(src))
	}
	return b.String()
}

// sequence repeats the format with 1, 2, 3 ... n.
func sequence(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}
