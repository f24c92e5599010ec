package policy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/archive/message"
)

// parsed gives the policy of a text.
func parsed(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := parse([]string{"policy.hcl"}, [][]byte{[]byte(text)})
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return p
}

// withHead adds the header of a message to its facts.
func withHead(f Facts, head string) Facts {
	text := []byte(strings.ReplaceAll(head, "\n", "\r\n"))
	f.Summary = message.Summarize(text)
	f.Head = func() []byte { return text }
	return f
}

// short gives decisions as "tenant: action by rule", sorted, with tags in brackets
// and flags in parentheses; "-" stands for no rule.
func short(list []Decision) string {
	var all []string
	for _, d := range list {
		by := d.Rule
		if by == "" {
			by = "-"
		}
		s := fmt.Sprintf("%s: %s by %s", d.Tenant, d.Action, by)
		if len(d.Tags) > 0 {
			s += fmt.Sprint(" ", d.Tags)
		}
		if len(d.Flags) > 0 {
			s += " (" + strings.Join(d.Flags, " ") + ")"
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// TestTable decides about every combination of source, direction, addresses and
// words. What must come of it is in testdata/decisions/table.txt, whose text follows
// from these definitions and not from the code:
//
//   - An address is internal if its domain is the tenant's. It is known if it is
//     internal and in the tenant's list, or if there is no list; it is an unknown
//     internal one if it is internal and not known.
//   - Inbound is from elsewhere to at least one internal address, outbound from an
//     internal address to at least one elsewhere, internal from an internal address to
//     internal addresses only, external from elsewhere to elsewhere.
//   - non_internal is for mail with no internal address among sender and recipients.
//   - unknown_internal is for mail from or to an unknown internal address, if there
//     is no known address in it.
//   - A word that says archive changes nothing: then nothing has decided. All of it
//     is the same for a milter and a journal.
//
// UPDATE=1 in the environment writes the file anew.
func TestTable(t *testing.T) {
	const file = "testdata/decisions/table.txt"
	want := tableText()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, wanted := strings.Split(string(text), "\n"), strings.Split(want, "\n")
	if len(lines) != len(wanted) {
		t.Fatalf("%s has %d lines, the definitions give %d", file, len(lines), len(wanted))
	}
	policies, rows := make(map[string]*Policy), 0
	for i, line := range lines {
		if line != wanted[i] {
			t.Errorf("%s:%d: got  %s\nby the definitions %s", file, i+1, line, wanted[i])
		}
		if line == "" || line[0] == '#' {
			continue
		}
		rows++
		if got := decideRow(t, policies, line); got != line {
			t.Errorf("%s:%d: want %s\ndecided %s", file, i+1, line, got)
		}
	}
	if rows != 2*13*9 {
		t.Errorf("%s has %d rows, want %d", file, rows, 2*13*9)
	}
}

// class is a kind of message by its addresses: lists are written with blanks.
type class struct {
	direction, addresses string
	sender, recipients   string
}

// classes are all that can occur. With "unlisted" the tenant has no list.
func classes() []class {
	const known, unknown = "anna@acme.example", "nobody@acme.example"
	const out, away = "a@elsewhere.example", "b@elsewhere.example"
	return []class{
		{Inbound, "known", out, known},
		{Inbound, "unknown", out, unknown},
		{Inbound, "both", out, unknown + " " + known},
		{Inbound, "unlisted", out, unknown},
		{Outbound, "known", known, out},
		{Outbound, "unknown", unknown, out},
		{Outbound, "both", known, out + " " + unknown},
		{Outbound, "unlisted", unknown, out},
		{Internal, "known", known, "ben@acme.example"},
		{Internal, "unknown", unknown, "none@acme.example"},
		{Internal, "both", unknown, known},
		{Internal, "unlisted", unknown, "none@acme.example"},
		{External, "none", out, away},
	}
}

const rowFormat = "%-8s %-9s %-9s %-12s %-16s -> %-10s %s"

// tableText gives the table by the definitions alone.
func tableText() string {
	var b strings.Builder
	b.WriteString("# Of a tenant with acme.example, where anna@ and ben@ are known, these messages:\n#\n")
	for _, c := range classes() {
		fmt.Fprintf(&b, "# %-9s %-9s from %-20s to %s\n", c.direction, c.addresses, c.sender, c.recipients)
	}
	b.WriteString("#\n# unlisted: the tenant has no list, and all its addresses are known.\n\n")
	fmt.Fprintf(&b, "# "+rowFormat+"\n", "source", "direction", "addresses", "non_internal", "unknown_internal", "action", "by")
	actions := []Action{Archive, Skip, Quarantine}
	for _, source := range []string{"milter", "journal"} {
		for _, c := range classes() {
			b.WriteString("\n")
			for _, nonInternal := range actions {
				for _, unknownInternal := range actions {
					action, by := Archive, "-"
					switch {
					case c.addresses == "none" && nonInternal != Archive:
						action, by = nonInternal, "non_internal"
					case c.addresses == "unknown" && unknownInternal != Archive:
						action, by = unknownInternal, "unknown_internal"
					}
					fmt.Fprintf(&b, "  "+rowFormat+"\n", source, c.direction, c.addresses, nonInternal, unknownInternal, action, by)
				}
			}
		}
	}
	return b.String()
}

// decideRow gives a row of the table with what is decided in its last columns.
func decideRow(t *testing.T, policies map[string]*Policy, row string) string {
	t.Helper()
	var source, direction, addresses, nonInternal, unknownInternal, arrow, action, by string
	if _, err := fmt.Sscan(row, &source, &direction, &addresses, &nonInternal, &unknownInternal, &arrow, &action, &by); err != nil {
		t.Fatalf("%q: %v", row, err)
	}
	words := fmt.Sprintf("  non_internal = %q\n  unknown_internal = %q\n", nonInternal, unknownInternal)
	list := "  known = [\"anna@acme.example\", \"ben@acme.example\"]\n"
	if addresses == "unlisted" {
		list = ""
	}
	text := "tenant \"acme\" {\n  domains = [\"acme.example\"]\n" + list + "}\n" +
		"milter \"milter\" {\n  listen = \"tcp:127.0.0.1:1\"\n" + words + "}\n" +
		"smtp \"in\" { listen = \"tcp:127.0.0.1:2\" }\n" +
		"journal \"journal\" {\n" + words + "}\n"
	p := policies[text]
	if p == nil {
		p = parsed(t, text)
		policies[text] = p
	}
	i := slices.IndexFunc(classes(), func(c class) bool { return c.direction == direction && c.addresses == addresses })
	if i < 0 {
		t.Fatalf("%q: there is no such message", row)
	}
	c := classes()[i]
	f := &Facts{Source: source, Sender: c.sender, Recipients: strings.Fields(c.recipients)}
	e := p.Explain(f)
	if len(e) != 1 || e[0].Decision.Tenant != "acme" || short(p.Decide(f)) != short([]Decision{e[0].Decision}) {
		t.Fatalf("%q: got %+v, and by Decide %s", row, e, short(p.Decide(f)))
	}
	d := &e[0].Decision
	if by = d.Rule; by == "" {
		by = "-"
	}
	if (by == "-") != (d.At == "") {
		t.Errorf("%q: decided by %q at %q", row, by, d.At)
	}
	return fmt.Sprintf("  "+rowFormat, source, e[0].Direction, addresses, nonInternal, unknownInternal, d.Action, by)
}

// A source of several tenants: what belongs to which, and who decides what.
func TestDecideTenants(t *testing.T) {
	p := parsed(t, `
tenant "acme" {
  domains = ["acme.example", "*.acme.example"]
  known   = ["anna@acme.example", "ben@eu.acme.example"]
}
tenant "globex"  { domains = ["globex.example"] }
tenant "initech" { domains = ["initech.example"] }
tenant "house"   { domains = ["house.example"] }

milter "two" {
  listen           = "tcp:127.0.0.1:1"
  tenants          = ["acme", "globex"]
  unclaimed        = "house"
  non_internal     = "skip"
  unknown_internal = "quarantine"
}
milter "own" {
  listen       = "tcp:127.0.0.1:2"
  tenants      = ["globex", "initech"]
  unclaimed    = "globex"
  non_internal = "quarantine"
}
milter "one" {
  listen       = "tcp:127.0.0.1:3"
  tenant       = "acme"
  non_internal = "skip"
}
rule "globex-in" {
  when   = tenant == "globex" && direction == "inbound" && sender.domain == "acme.example"
  action = "archive"
  tags   = ["partner"]
}
`)
	for _, c := range []struct{ name, source, sender, recipients, want string }{
		{"to one", "two", "a@elsewhere.example", "anna@acme.example", "acme: archive by -"},
		{"to both", "two", "a@elsewhere.example", "x@globex.example anna@acme.example y@globex.example",
			"acme: archive by -; globex: archive by -"},
		{"from one to the other", "two", "anna@acme.example", "x@globex.example",
			"acme: archive by -; globex: archive by globex-in [partner]"},
		{"unknown for one, known for the other", "two", "nobody@acme.example", "x@globex.example",
			"acme: quarantine by unknown_internal; globex: archive by globex-in [partner]"},
		{"below the domain", "two", "a@elsewhere.example", "ben@eu.acme.example none@us.acme.example", "acme: archive by -"},
		{"far below the domain, unknown", "two", "a@elsewhere.example", "ben@a.b.acme.example", "acme: quarantine by unknown_internal"},
		{"nobody's", "two", "a@elsewhere.example", "b@elsewhere.example", "house: skip by non_internal"},
		{"nobody's, recipients not known", "two", "a@elsewhere.example", "", "house: archive by -"},
		{"of the tenant that gets what is unclaimed", "two", "a@elsewhere.example", "x@house.example", "house: archive by -"},
		{"that tenant beside one of the source", "two", "x@house.example", "anna@acme.example", "acme: archive by -"},
		{"of a tenant that is not the source's", "two", "a@elsewhere.example", "x@initech.example", "house: skip by non_internal"},
		{"from a tenant that is not the source's", "two", "x@initech.example", "anna@acme.example", "acme: archive by -"},
		{"unclaimed by one of the source's own", "own", "a@elsewhere.example", "b@elsewhere.example", "globex: quarantine by non_internal"},
		{"the other one of the source's own", "own", "a@elsewhere.example", "x@initech.example", "initech: archive by -"},
		{"one tenant, and its address", "one", "a@elsewhere.example", "anna@acme.example", "acme: archive by -"},
		{"one tenant, and the address of another", "one", "a@elsewhere.example", "x@globex.example", "acme: skip by non_internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &Facts{Source: c.source, Sender: c.sender, Recipients: strings.Fields(c.recipients)}
			if got := short(p.Decide(f)); got != c.want {
				t.Errorf("decided %s\nwant    %s", got, c.want)
			}
		})
	}
}

// Of recipients that are not known nothing is said, and the null reverse-path is
// nobody's address.
func TestDecideWithoutAddresses(t *testing.T) {
	p := parsed(t, `
tenant "acme" {
  domains = ["acme.example"]
  known   = ["anna@acme.example"]
}
milter "m" {
  listen           = "tcp:127.0.0.1:1"
  non_internal     = "skip"
  unknown_internal = "quarantine"
}
`)
	for _, c := range []struct{ name, sender, recipients, direction, want string }{
		{"bounce to a known address", "", "anna@acme.example", Inbound, "archive by -"},
		{"bounce to an unknown address", "<>", "nobody@acme.example", Inbound, "quarantine by unknown_internal"},
		{"bounce to elsewhere", "", "a@elsewhere.example", External, "skip by non_internal"},
		{"nothing is known", "", "", Unknown, "archive by -"},
		{"recipients are not known", "a@elsewhere.example", "", Unknown, "archive by -"},
		{"sender known, recipients not", "anna@acme.example", "", Unknown, "archive by -"},
		{"sender unknown, recipients not known", "nobody@acme.example", "", Unknown, "archive by -"},
		{"a recipient that is no address", "a@elsewhere.example", "undisclosed-recipients:;", Unknown, "archive by -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := p.Explain(&Facts{Source: "m", Sender: c.sender, Recipients: strings.Fields(c.recipients)})
			if got := short([]Decision{e[0].Decision}); got != "acme: "+c.want || e[0].Direction != c.direction {
				t.Errorf("decided %s, %s; want %s, %s", got, e[0].Direction, c.want, c.direction)
			}
		})
	}
}

// One mailbox, however it is written.
func TestDecideSpellings(t *testing.T) {
	p := parsed(t, `
tenant "acme" {
  domains   = ["acme.example", "bücher.example"]
  delimiter = "+"
  known = [
    "anna@acme.example  a.lind@acme.example",
    "kim@bücher.example",
    "desk+night@acme.example",
    "\"front desk\"@acme.example",
  ]
}
milter "m" {
  listen           = "tcp:127.0.0.1:1"
  unknown_internal = "quarantine"
}
`)
	const anna, kim = "anna@acme.example", "kim@xn--bcher-kva.example"
	for _, c := range []struct{ address, primary string }{
		{"anna@acme.example", anna},
		{"Anna@ACME.Example", anna},
		{"<anna@acme.example>", anna},
		{"anna@acme.example.", anna},
		{"anna@acme.example..", anna},
		{`"anna"@acme.example`, anna},
		{`"a\nna"@acme.example`, anna},
		{"@relay.example,@other.example:anna@acme.example", anna},
		{"A.Lind@acme.example", anna},
		{"anna+fair@acme.example", anna},
		{"anna+@acme.example", anna},
		{"a.lind+a+b@acme.example", anna},
		{`"anna+fair"@acme.example`, anna},
		{"kim@bücher.example", kim},
		{"KIM@BÜCHER.EXAMPLE", kim},
		{"kim@xn--bcher-kva.example", kim},
		{"Kim@XN--BCHER-KVA.example", kim},
		{"kim@bu\u0308cher.example", kim}, // u and a combining diaeresis
		{"desk+night@acme.example", "desk+night@acme.example"},
		{`"Front Desk"@acme.example`, `"front desk"@acme.example`},
		{`"front\ desk"@acme.example`, `"front desk"@acme.example`},

		{"desk@acme.example", ""},
		{"desk+day@acme.example", ""},
		{"+fair@acme.example", ""},
		{"anna-fair@acme.example", ""},
		{"anna.@acme.example", ""},
		{"@acme.example", ""},
		{"anna@elsewhere.example@acme.example", ""},
		{"kim@acme.example", ""},
		{"frontdesk@acme.example", ""},
	} {
		t.Run(c.address, func(t *testing.T) {
			e := p.Explain(&Facts{Source: "m", Sender: "a@elsewhere.example", Recipients: []string{c.address}})[0]
			r, want := e.Recipients[0], Archive
			if c.primary == "" {
				want = Quarantine
			}
			if !r.Internal || r.Known != (c.primary != "") || r.Known && r.Primary != c.primary || e.Decision.Action != want {
				t.Errorf("got %+v, %s; want the primary address %q", r, short([]Decision{e.Decision}), c.primary)
			}
		})
	}
	for address, direction := range map[string]string{
		"anna@acme": External, "anna@sub.acme.example": External, "anna@acme.example.elsewhere.example": External,
		"anna@acme.example@elsewhere.example": External, "anna@[192.0.2.1]": External, "": External, "<>": External,
		// Whose these are nobody can tell.
		"anna": Unknown, "anna@": Unknown, "anna@acme.example\x00": Unknown, "anna@\xffacme.example": Unknown,
		"anna@acme.example ": Unknown, "'anna@acme.example'": Unknown,
	} {
		e := p.Explain(&Facts{Source: "m", Sender: address, Recipients: []string{"b@elsewhere.example"}})[0]
		if e.Sender.Internal || e.Direction != direction {
			t.Errorf("%q: %+v, direction %s, want %s", address, e.Sender, e.Direction, direction)
		}
	}
}

// Rules in the order of the file, then the source's words in theirs. That a message
// is old is flagged, whatever decides.
func TestDecideOrder(t *testing.T) {
	p := parsed(t, `
tenant "acme" {
  domains = ["acme.example"]
  known   = ["anna@acme.example"]
}
milter "m" {
  listen           = "tcp:127.0.0.1:1"
  non_internal     = "quarantine"
  unknown_internal = "skip"
  max_age          = "10d"
  on_old           = "quarantine"
}
milter "flagging" {
  listen  = "tcp:127.0.0.1:2"
  max_age = "10d"
}
rule "first" {
  when   = header("X-Rule") == "1" || header("X-Rule") == "both"
  action = "archive"
  tags   = ["one"]
  reason = "the first"
}
rule "second" {
  when   = sender.known && source == "m" && (header("X-Rule") == "2" || header("X-Rule") == "both")
  action = "skip"
}
rule "third" {
  when   = source == "m" && message.age > duration("20d")
  action = "archive"
  tags   = ["three", "old"]
}
`)
	const known, unknown, out = "anna@acme.example", "nobody@acme.example", "a@elsewhere.example"
	const now, aged = "Date: Fri, 20 Nov 2026 12:00:00 +0000\n", "Date: Mon, 9 Nov 2026 12:00:00 +0000\n"
	received := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, source, from, to, head, want string }{
		{"nothing", "m", out, known, now, "archive by -"},
		{"the first of two", "m", known, out, now + "X-Rule: both\n", "archive by first [one]"},
		{"the second alone", "m", known, out, now + "X-Rule: 2\n", "skip by second"},
		{"the second without its other term", "m", out, known, now + "X-Rule: 2\n", "archive by -"},
		{"a rule before non_internal", "m", out, out, now + "X-Rule: 1\n", "archive by first [one]"},
		{"a rule before unknown_internal", "m", out, unknown, now + "X-Rule: 1\n", "archive by first [one]"},
		{"a rule before on_old", "m", out, known, aged + "X-Rule: 1\n", "archive by first [one] (old)"},
		{"a rule that skips what is old", "m", known, out, aged + "X-Rule: 2\n", "skip by second (old)"},
		{"non_internal before on_old", "m", out, out, aged, "quarantine by non_internal (old)"},
		{"unknown_internal before on_old", "m", out, unknown, aged, "skip by unknown_internal (old)"},
		{"on_old", "m", out, known, aged, "quarantine by on_old (old)"},
		{"on_old archives", "flagging", out, known, aged, "archive by - (old)"},
		{"so old that a rule says more", "m", out, known, "Date: Sun, 1 Nov 2026 11:59:59 +0000\n", "quarantine by on_old (old)"},
		{"older than that", "m", out, known, "Date: Sat, 31 Oct 2026 11:59:59 +0000\n", "archive by third [three old] (old)"},
		{"just as old as allowed", "m", out, known, "Date: Tue, 10 Nov 2026 12:00:00 +0000\n", "archive by -"},
		{"a second too old", "m", out, known, "Date: Tue, 10 Nov 2026 11:59:59 +0000\n", "quarantine by on_old (old)"},
		{"from the future", "m", out, known, "Date: Fri, 20 Nov 2099 12:00:00 +0000\n", "archive by -"},
		{"without a date", "m", out, known, "Subject: no date\n", "archive by -"},
		{"a date that is none", "m", out, known, "Date: long ago\n", "archive by -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := withHead(Facts{Source: c.source, Received: received, Sender: c.from, Recipients: []string{c.to}}, c.head)
			if got := short(p.Decide(&f)); got != "acme: "+c.want {
				t.Errorf("decided %s\nwant acme: %s", got, c.want)
			}
		})
	}
	f := withHead(Facts{Source: "m", Received: received, Sender: out, Recipients: []string{known}}, now+"X-Rule: 1\n")
	if d := p.Decide(&f)[0]; d.At != "policy.hcl:17" || d.Reason != "the first" || d.Policy != p.Digest {
		t.Errorf("the decision says %s because %q under %x", d.At, d.Reason, d.Policy)
	}
	f = withHead(Facts{Source: "m", Received: received, Sender: out, Recipients: []string{known}}, aged)
	if d := p.Decide(&f)[0]; d.At != "policy.hcl:11" {
		t.Errorf("on_old decided at %s", d.At)
	}
}

// Where a rule cannot be evaluated nothing behind it may skip the message.
func TestDecideRuleError(t *testing.T) {
	p := parsed(t, `
tenant "acme" { domains = ["acme.example"] }
milter "m" {
  listen       = "tcp:127.0.0.1:1"
  non_internal = "skip"
}
rule "guarded" {
  when   = can(message.date) && message.date < time("2001-01-01") && message.subject == "guarded"
  action = "quarantine"
}
rule "dated" {
  when          = direction == "external" && message.date < time("2001-01-01")
  action        = "skip"
  trust_headers = true
}
rule "late" {
  when   = client.address == "192.0.2.1"
  action = "skip"
}
`)
	const old, now = "Date: Mon, 1 Jan 2000 00:00:00 +0000\n", "Date: Fri, 20 Nov 2026 12:00:00 +0000\n"
	for _, c := range []struct{ name, to, client, head, want string }{
		{"without a date", "b@elsewhere.example", "", "Subject: x\n", "archive by dated (rule-error)"},
		{"without a date, and a later rule matches", "b@elsewhere.example", "192.0.2.1", "", "archive by dated (rule-error)"},
		{"the date is not asked for", "x@acme.example", "", "", "archive by -"},
		{"the date is not asked for, a later rule matches", "x@acme.example", "192.0.2.1", "", "skip by late"},
		{"an early date", "b@elsewhere.example", "", old, "skip by dated"},
		{"an early date, guarded", "b@elsewhere.example", "", old + "Subject: guarded\n", "quarantine by guarded"},
		{"a date of today", "b@elsewhere.example", "", now, "skip by non_internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := withHead(Facts{Source: "m", Sender: "a@elsewhere.example", Recipients: []string{c.to}, Client: message.Client{Address: c.client}}, c.head)
			d := p.Decide(&f)[0]
			if got := short([]Decision{d}); got != "acme: "+c.want {
				t.Errorf("decided %s\nwant acme: %s", got, c.want)
			}
			if says := strings.Contains(d.Reason, "message.date"); says != strings.Contains(c.want, FlagRuleError) {
				t.Errorf("the reason is %q", d.Reason)
			}
		})
	}
}

// The beginning of a message is read once for all rules and tenants, and not at all
// when no rule looks at it.
func TestDecideReadsHeaderOnce(t *testing.T) {
	const sources = `
tenant "acme"   { domains = ["acme.example"] }
tenant "globex" { domains = ["globex.example"] }
milter "m" {
  listen    = "tcp:127.0.0.1:1"
  tenants   = ["acme", "globex"]
  unclaimed = "acme"
}
rule "size" {
  when   = message.size > 5000 && message.subject == "x"
  action = "quarantine"
}
`
	const header = `
rule "fields" {
  when   = header("X-A") == "1" || contains(message.to, "z@z.example") || message.has_attachment
  action = "quarantine"
}
rule "more" {
  when   = header("X-B") == "1"
  action = "archive"
}
`
	for text, want := range map[string]int{sources: 0, sources + header: 1} {
		p, calls := parsed(t, text), 0
		f := Facts{Source: "m", Sender: "x@acme.example", Recipients: []string{"y@globex.example"}, Head: func() []byte {
			calls++
			return []byte("X-B: 1\r\n\r\n")
		}}
		if got := p.Decide(&f); len(got) != 2 || calls != want {
			t.Errorf("decided %s, and read the header %d times, want %d", short(got), calls, want)
		}
	}
}

// Many messages at once, under one policy, are decided about as one after the other.
func TestDecideAtOnce(t *testing.T) {
	p := parsed(t, fuzzPolicy)
	want := make(map[string]string)
	facts := func(n int) *Facts {
		f := withHead(Facts{Source: "m", Sender: fmt.Sprintf("s%d@acme.example", n), Recipients: []string{"a@globex.example", "anna@acme.example"}},
			fmt.Sprintf("Subject: number %d\nX-Spam: %d\n", n, n%2))
		return &f
	}
	for n := range 20 {
		want[facts(n).Sender] = short(p.Decide(facts(n)))
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for n := range 20 {
				f := facts(n)
				if got := short(p.Decide(f)); got != want[f.Sender] {
					t.Errorf("%s: decided %s, want %s", f.Sender, got, want[f.Sender])
				}
			}
		})
	}
	wait.Wait()
}
