package condition

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
)

func TestEval(t *testing.T) {
	tests := []struct {
		text string
		want string // true, false, or a part of the error
	}{
		{`true`, "true"},
		{`!true || (1 + 2 * 3 == 7 && 7 % 4 == 3 && -8 / 2 == -4)`, "true"},
		{`"a${1 + 1}b${sender.domain}" == "a2bexample.com"`, "true"},
		{`"${message.size}" == 4096`, "true"},
		{`"%{ if message.signed }yes%{ else }no%{ endif }" == "yes"`, "true"},
		{"<<T\nx\nT\n == \"x\\n\"", "true"},
		{`source.kind == "milter" ? message.size > 4000 : false`, "true"},
		{`(message.signed ? "a" : "b") != "b"`, "true"},
		{`(message.signed ? sender.domain : "X") == "X" || try(sender.domain, "X") == "X"`, "false"},
		{`(message.signed ? time("2026-01-01") : message.date) < message.date`, "true"},
		{`message.date >= time("2026-03-01T13:00:00+01:00") && message.date == time("2026-03-01T12:00:00Z")`, "true"},
		{`message.date <= time("2026-03-01")`, "false"},
		{`message.signed == true && message.signed != false`, "true"},
		{`message.size >= size("1MiB")`, "false"},
		{`0.1 + 0.2 == 0.3`, "false"},

		{`recipients[0].domain == "acme.test"`, "true"},
		{`recipients[length(recipients) - 1].number == 3`, "true"},
		{`(recipients[*].domain)[2] == "other.test"`, "true"},
		{`(recipients[*].number)[2] == 3 && recipients.0.internal`, "true"},
		{`[for r in recipients : r if !r.internal][0].domain == "other.test"`, "true"},
		{`[for r in recipients : r if !r.internal][1].domain == "other.test"`, "has no value: the list is shorter"},
		{`["a", "b"][1] == "b" && tags[1] == "blue" && [true, message.signed][1]`, "true"},
		{`recipients[3].domain == "x"`, "rule.hcl:1:1: recipients[3] has no value"},
		{`recipients[message.size - 5000].domain == "x"`, "whole number"},
		{`tags[message.size / 3] == "x"`, "whole number"},
		{`length([for r in recipients : r if r.internal]) == 2 && length(recipients) == 3 && length("é1") == 2`, "true"},
		{`any(recipients[*].internal) && !all(recipients[*].internal)`, "true"},
		{`any([for x in recipients[*].domain : starts_with(x, "other")])`, "true"},
		{`all([for r in recipients : r.internal if r.kind == "group"])`, "true"},
		{`all([for r in recipients : r.internal if r.number > 9])`, "true"},
		{`any([for r in recipients : true if r.number > 9])`, "false"},
		{`any([for a in recipients : any([for b in recipients : a.number + b.number == 6 && a.kind == "user"])])`, "true"},
		{`any([for a in recipients : contains([for x in tags : a.domain], "other.test")])`, "true"},
		{`any([for a in recipients : contains([for b in recipients : a.domain], "other.test") && a.internal])`, "false"},
		{`any([for recipients in recipients : recipients.internal])`, "true"},

		{`contains(recipients[*].domain, "other.test") && !contains(recipients[*].domain, "x")`, "true"},
		{`contains(recipients[*].domain, header("x-domain"))`, "true"},
		{`contains([for r in recipients : r.domain if r.internal], "other.test")`, "false"},
		{`contains(["x.test", "example.com"], sender.domain) && contains(tags, "red")`, "true"},
		{`contains([sender.domain, "y"], "example.com")`, "true"},
		{`contains(recipients[*].number, 2) && contains([1, 2], length(tags)) && contains([true], message.signed)`, "true"},
		{`contains([time("2026-01-01")], recipients[0].seen)`, "true"},
		{`contains(recipients[*].seen, time("2026-01-01"))`, "true"},
		{`contains(recipients[*].seen, time("2026-01-02"))`, "seen of one of recipients has no value"},
		{`contains([recipients[9].domain, "x"], "x") && !contains([recipients[0].domain, "x"], "y")`, "true"},

		{`matches(header("Subject"), "(?i)lunch$") && !matches(sender.domain, "^x")`, "true"},
		{`matches(recipients[*].address, "^c@") && !matches(tags, "green")`, "true"},
		{`matches(recipients[*].address, header("x-pattern"))`, "true"},
		{`matches(sender.domain, header("x-bad"))`, `"(" is not a pattern: Missing closing ): `},
		{`cidr_contains("10.0.0.0/8", client.address)`, "true"},
		{`cidr_contains(["192.0.2.0/24", "2001:db8::/32"], client.address) || cidr_contains("10.0.0.0/8", "")`, "false"},
		{`cidr_contains("10.0.0.0/8", "::ffff:10.0.0.1") && cidr_contains("fe80::/10", "fe80::1%eth0")`, "true"},
		{`cidr_contains("0.0.0.0/0", "example.com") || cidr_contains("::/0", "10.0.0.1")`, "false"},
		{`starts_with(sender.address, "Anna@") && ends_with(sender.domain, ".com") && !ends_with("", "x")`, "true"},
		{`lower(sender.address) == "anna@example.com" && upper("a") == "A" && macro("j") == "mx1"`, "true"},
		{`header("${lower("X-")}domain") == "acme.test" && header("none") == ""`, "true"},

		{`received < time("2026-01-01")`, "rule.hcl:1:1: received has no value"},
		{`try(received, message.date) > time("2026-01-01")`, "true"},
		{`try(recipients[9].domain, sender.domain) == "example.com" && try(received < message.date, true)`, "true"},
		{`try(recipients[9].number, recipients[8].number) == 1`, "recipients[8] has no value"},
		{`can(received) || can(recipients[5]) || can([for r in recipients : r.seen])`, "false"},
		{`can(recipients[2].number) && can(recipients) && can(1 / message.size) && !can(1 / 0)`, "true"},
		{`1 / (message.size - 4096) > 0`, "division by zero"},
		{`message.size % (message.size - 4096) > 0`, "division by zero"},
		{`received < message.date || true`, "true"},
		{`received < message.date && message.size == 0`, "false"},
		{`received < message.date && message.size > 0`, "received has no value"},
		{`received < message.date ? true : true`, "received has no value"},
		{`!(received < message.date)`, "received has no value"},
		{`any([for r in recipients : r.seen < received || r.number == 2])`, "true"},
		{`all([for r in recipients : r.seen < message.date])`, "seen of one of recipients has no value"},
		{`any([for r in recipients : true if r.seen < message.date && r.number > 1])`, "has no value"},
	}
	for _, test := range tests {
		c := compile(t, test.text)
		for range 2 { // a condition keeps nothing of an evaluation
			holds, err := c.Eval(testMail())
			got := fmt.Sprint(holds)
			if err != nil {
				var typed *Error
				if got = err.Error(); holds || !errors.As(err, &typed) {
					t.Errorf("%s: %v, %v", test.text, holds, err)
				}
			}
			if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
				t.Errorf("%s: got %s, want %s", test.text, got, test.want)
			}
		}
	}
}

func TestEvalBounds(t *testing.T) {
	f := testMail()
	f.recipients = make([]recipient, 3000)
	f.headers["long"] = strings.Repeat("(", maxPattern+1)
	f.headers["huge"] = strings.Repeat("x", maxString/2)
	tests := []struct{ text, want string }{
		{`any([for a in recipients : any([for b in recipients : a.number > b.number])])`, "too many elements"},
		{`any([for a in recipients : contains(recipients[*].domain, "x")])`, "too many elements"},
		{`any([for a in recipients : length([for b in recipients : b if b.internal]) > 0])`, "too many elements"},
		{`matches("x", header("long"))`, "longer than 4096 bytes"},
		{`"${header("huge")}${header("huge")}-" == ""`, "the string is longer than"},
	}
	for _, test := range tests {
		if _, err := compile(t, test.text).Eval(f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
	c := &patterns{compiled: map[string]*regexp.Regexp{}}
	for i := range 3 * maxPatterns {
		if _, err := c.get(fmt.Sprint("^", i)); err != nil || len(c.compiled) > maxPatterns {
			t.Fatalf("%d patterns kept, %v", len(c.compiled), err)
		}
	}
}

func TestConstant(t *testing.T) {
	tests := []struct {
		text      string
		value, ok bool
	}{
		{`true`, true, true},
		{`any([for x in ["a", "b"] : x == "a" if can(x)])`, true, true},
		{`lower("A") == "b"`, false, true},
		{`time("2026-01-01") > time("2025-01-01") && size("1MiB") > 2`, true, true},
		{`message.size == 1`, false, false},
		{`true || message.signed`, false, false},
		{`length(recipients) > 0`, false, false},
		{`header("x") == ""`, false, false},
	}
	for _, test := range tests {
		if value, ok := compile(t, test.text).Constant(); value != test.value || ok != test.ok {
			t.Errorf("%s: got %v, %v", test.text, value, ok)
		}
	}
}

func TestUses(t *testing.T) {
	c := compile(t, `any([for r in recipients : r.internal]) || (false && header("X") == "") || matches(sender.domain, "x")`)
	want := map[string]bool{"any": true, "recipients": true, "recipients.internal": true, "header": true, "matches": true, "sender.domain": true}
	if !reflect.DeepEqual(c.used, want) || !c.Uses("header") || c.Uses("message.size") {
		t.Errorf("used %v", c.used)
	}
}

func TestTrace(t *testing.T) {
	tests := []struct{ text, want string }{
		{`message.size > 1 &&  (sender.domain == "x" || !(message.signed && recipients[0].internal)) && true`, `
0 false message.size > 1 && (sender.domain == "x" || !(message.signed && recipients[0].internal)) && true
1 true message.size > 1
1 false (sender.domain == "x" || !(message.signed && recipients[0].internal))
2 false sender.domain == "x"
2 false !(message.signed && recipients[0].internal)
3 true (message.signed && recipients[0].internal)
4 true message.signed
4 true recipients[0].internal
`},
		{`recipients[7].internal || message.signed || true`, `
0 true recipients[7].internal || message.signed || true
1 false recipients[7].internal: rule.hcl:1:1: recipients[7] has no value: the list is shorter
1 true message.signed
`},
		{`any(recipients[*].internal)`, "\n0 true any(recipients[*].internal)\n"},
	}
	for _, test := range tests {
		got := "\n"
		for _, s := range compile(t, test.text).Trace(testMail()) {
			got += fmt.Sprintf("%d %v %s", s.Depth, s.Value, s.Text)
			if s.Err != nil {
				got += ": " + s.Err.Error()
			}
			got += "\n"
		}
		if got != test.want {
			t.Errorf("%s: got %s\nwant %s", test.text, got, test.want)
		}
	}
}

// Evaluations of one condition share nothing.
func TestConcurrent(t *testing.T) {
	c := compile(t, `any([for r in recipients : r.number == message.size]) && matches(sender.domain, "^${sender.domain}$")`)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			f := testMail()
			f.size, f.domain = float64(i), strings.Repeat("d", i+1)
			for range 500 {
				if holds, err := c.Eval(f); holds != (i >= 1 && i <= 3) || err != nil {
					t.Errorf("%d: %v, %v", i, holds, err)
					return
				}
				c.Trace(f)
			}
		})
	}
	group.Wait()
}

func TestContentAlone(t *testing.T) {
	alone := []string{
		`header("X-Spam") == "yes"`,
		`header("X") == "a" || sender.domain == "b"`,
		`!(header("X") == "a" && sender.domain == "b")`,
		`message.signed`,
		`message.date < time("2026-01-01")`,
		`sender.address == header("From")`,
		`contains(recipients[*].domain, header("X"))`,
		`any([for r in recipients : header("X") == "y"])`,
		`any([for r in recipients : r.address == header("X")])`,
		`all([for r in recipients : r.internal if header("X") == "y"])`,
		`all([for a in message.attachments : source.kind == "lmtp"])`,
		`!any([for a in message.attachments : ends_with(a, ".exe") && source.kind == "lmtp"])`,
		`message.signed ? true : source.kind == "lmtp"`,
		`source.kind == "lmtp" ? header("a") == "b" : message.signed`,
		`true && header("X") == "y" && !false`,
		`any([sender.domain == "x", message.signed])`,
		`(header("X") == "y") == true`,
		`try(header("X") == "y", sender.domain == "x")`,
		`recipients[length(header("X"))].internal`,
		`[for r in recipients : r if header("X") == "y"][0].internal`,
		`matches(sender.address, header("X"))`,
	}
	not := []string{
		`true`,
		`source.kind == "lmtp"`,
		`header("X") == "a" && sender.domain == "b"`,
		`!(header("X") == "a" || sender.domain == "b")`,
		`(header("X") == "a" || message.signed) && sender.domain == "b"`,
		`any([for r in recipients : header("X") == "y" && r.internal])`,
		`any([for r in recipients : header("X") == "y" if r.internal])`,
		`all([for r in recipients : r.internal && message.signed])`,
		`!any([for r in recipients : r.internal || header("X") == "y"])`,
		`any([for a in message.attachments : ends_with(a, ".exe") && source.kind == "lmtp"])`,
		`message.signed ? source.kind == "lmtp" : sender.domain == "x"`,
		`source.kind == "lmtp" ? header("a") == "b" : false`,
		`any([sender.domain == "x" && message.signed, source.kind == "lmtp"])`,
		`header("X") == "a" && false`,
		`macro("j") == "x" && message.signed`,
		`contains(["x"], sender.domain) && message.signed && cidr_contains("10.0.0.0/8", client.address)`,
	}
	check := func(texts []string, want bool) {
		for _, text := range texts {
			if got := compile(t, text).ContentAlone(); got != want {
				t.Errorf("%s: got %v", text, got)
			}
		}
	}
	check(alone, true)
	check(not, false)
}

func TestNames(t *testing.T) {
	var got []string
	for _, n := range testSchema().Names() {
		got = append(got, n.Name+" "+n.Type)
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{
		"any (list of bools) bool", `source.kind one of "milter", "lmtp"`, "message.date time", "tags list of strings",
		"recipients list of objects", "recipients[*].domain string", "header (string) string", "size (string) number",
	} {
		if !strings.Contains("\n"+text+"\n", "\n"+want+"\n") {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// What is declared wrongly is found when the program starts.
func TestDeclareWrong(t *testing.T) {
	get := func(*mail) float64 { return 0 }
	for _, names := range [][]string{{"a", "a"}, {"a.b", "a"}, {"a", "a.b"}, {"A"}, {"a..b"}, {""}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q were declared", names)
				}
			}()
			s := NewSchema[mail]()
			for _, name := range names {
				s.Number(name, get)
			}
		}()
	}
}
