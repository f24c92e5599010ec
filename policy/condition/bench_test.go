package condition

import (
	"fmt"
	"testing"
)

// policyOf gives n conditions of three terms, none of which decides before the
// last: the worst that rules can do.
func policyOf(b *testing.B, n int) []*Condition[mail] {
	terms := []string{
		`!contains(recipients[*].domain, "none%d.test")`,
		`!any([for r in recipients : r.domain == "none%d.test" && r.internal])`,
		`!matches(header("subject"), "(?i)viagra%d")`,
		`!cidr_contains("192.0.%d.0/24", client.address)`,
		`header("x-class%d") == ""`,
		`message.size > %d`,
		`sender.domain != "none%d.test"`,
	}
	var cs []*Condition[mail]
	for i := range n {
		text := ""
		for j := range 3 {
			text += fmt.Sprintf(" && "+terms[(i+2*j)%len(terms)], i)
		}
		cs = append(cs, compile(b, text[len(" && "):]))
	}
	return cs
}

func benchmarkPolicy(b *testing.B, cs []*Condition[mail], recipients int) {
	f := testMail()
	f.recipients = nil
	for i := range recipients {
		f.recipients = append(f.recipients, recipient{domain: fmt.Sprintf("host%d.test", i), internal: true})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range cs {
			if holds, err := c.Eval(f); !holds || err != nil {
				b.Fatal(holds, err)
			}
		}
	}
}

func Benchmark50Rules(b *testing.B) {
	cs := policyOf(b, 50)
	for _, n := range []int{1, 20, 1000} {
		b.Run(fmt.Sprintf("recipients=%d", n), func(b *testing.B) { benchmarkPolicy(b, cs, n) })
	}
}

// All rules ask all recipients, in each way there is.
func Benchmark50Searches(b *testing.B) {
	for _, text := range []string{
		`!contains(recipients[*].domain, "none.test")`,
		`!any([for r in recipients : r.domain == "none.test"])`,
		`!any([for r in recipients : !r.internal])`,
		`!contains([for r in recipients : r.domain if r.internal], "none.test")`,
	} {
		var cs []*Condition[mail]
		for range 50 {
			cs = append(cs, compile(b, text))
		}
		b.Run(text, func(b *testing.B) { benchmarkPolicy(b, cs, 1000) })
	}
}

func BenchmarkCompile(b *testing.B) {
	schema := testSchema()
	text := `contains(recipients[*].domain, "x") && any([for r in recipients : r.internal]) && header("X") == ""`
	expr := parse(b, text)
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := schema.Compile(expr, []byte(text)); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
