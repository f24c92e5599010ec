package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"daybook/archive/message"
)

// TestFailing compares what is said about tests that fail with the file of the same
// name that ends in .want; UPDATE=1 in the environment writes those anew.
func TestFailing(t *testing.T) {
	files, err := filepath.Glob("testdata/failing/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		p, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		var failed *TestError
		if err := p.Check(); !errors.As(err, &failed) {
			t.Fatalf("%s: Check gave %v, want a *TestError", file, err)
		}
		var got strings.Builder
		for _, f := range failed.Failures {
			got.WriteString(f.String() + "\n")
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
		if n := len(p.Tests); len(failed.Failures) != n {
			t.Errorf("%s: %d of %d tests fail", file, len(failed.Failures), n)
		}
	}
}

// A test's message can be a file: what stands in it counts as in an archived one.
func TestMessageFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.eml": "Subject: report\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n" + strings.Repeat("x", 5000),
		"a.hcl": `rule "files" {
			when   = message.has_attachment && message.subject == "report" && message.size > 5000
			action = "archive"
		}
		test "a file" {
			source  = "milter"
			message = "a.eml"
			expect { rule = "files" }
		}
		test "none" {
			source = "milter"
			header = { Subject = "report" }
			size   = "6kB"
			expect { rule = "" }
		}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Load(filepath.Join(dir, "a.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}

// What Explain says is what Decide decides, with every rule up to the deciding one.
func TestExplain(t *testing.T) {
	p, err := Load("testdata/failing/all.hcl")
	if err != nil {
		t.Fatal(err)
	}
	list := p.Explain(&Facts{Source: "edge", Sender: "X@elsewhere.example", Recipients: []string{"Nobody@ACME.example", "bob@globex.example"}})
	if len(list) != 2 {
		t.Fatalf("%d explanations, want one for each tenant", len(list))
	}
	acme := list[0]
	if d := acme.Decision; d.Tenant != "acme" || d.Action != Quarantine || d.Rule != "unknown_internal" || d.At != "all.hcl:13" {
		t.Errorf("the decision is %+v", d)
	}
	if acme.Direction != Inbound || acme.Sender.Internal || !acme.Recipients[0].Internal || acme.Recipients[0].Known || acme.Recipients[1].Internal {
		t.Errorf("the addresses are %+v and %+v, the direction %s", acme.Sender, acme.Recipients, acme.Direction)
	}
	if n := len(acme.Tried); n != 2 || acme.Tried[0].Name != "tax" || acme.Tried[0].Matches || len(acme.Tried[0].Steps) == 0 || !acme.Tried[1].Matches {
		t.Errorf("tried: %+v", acme.Tried)
	}
	if d := list[1].Decision; d.Tenant != "globex" || d.Action != Archive || d.Rule != "" {
		t.Errorf("globex decides %+v", d)
	}
}

// A rule that skips must not do so for what is not known: all of no recipients are
// anything. Rules that keep may.
func TestSkipOfWhatIsNotKnown(t *testing.T) {
	for _, c := range []struct {
		when string
		want Action // with action skip, of a message without known recipients
	}{
		{`all([for r in recipients : r.domain == "elsewhere.example"])`, Archive},
		{`length(recipients) == 0`, Archive},
		{`direction != "internal"`, Archive},
		{`sender.address == ""`, Archive},
		{`!sender.internal`, Archive},
		{`length(recipients[*].primary) == 0 && source == "milter"`, Archive},
		{`client.address == "192.0.2.1"`, Skip},
	} {
		for action, want := range map[Action]Action{Skip: c.want, Quarantine: Quarantine} {
			p := parsed(t, `rule "r" {
				when          = `+c.when+`
				action        = "`+string(action)+`"
				trust_headers = true
			}`)
			client := message.Client{Address: "192.0.2.1"}
			for _, f := range []*Facts{
				{Source: "milter", Client: client},
				{Source: "milter", Client: client, Recipients: []string{"a@elsewhere.example"}, Unsure: true},
				{Source: "milter", Client: client, Recipients: []string{"a@elsewhere.example", "postmaster"}},
			} {
				e := p.Explain(f)[0]
				if skips := e.Decision.Action == Skip; action == Skip && skips != (want == Skip) {
					t.Errorf("%s, %s, %q: decided %s, want %s", c.when, action, f.Recipients, e.Decision.Action, want)
				}
				if held := e.Tried[0].Held != ""; held != (action == Skip && want != Skip) {
					t.Errorf("%s, %s: held back %v", c.when, action, held)
				}
			}
			// An author's word for the sender is enough to set mail apart, not to skip it.
			f := &Facts{Source: "milter", Client: client, Recipients: []string{"a@elsewhere.example"}, Claimed: true}
			if got := p.Decide(f)[0].Action; action == Skip && want != Skip && got == Skip {
				t.Errorf("%s: skipped by what the author says", c.when)
			}
		}
	}
}

// What a rule can look at of sender and recipients must all be seen by the guard of
// rules that skip.
func TestAddressedIsComplete(t *testing.T) {
	for _, n := range Expressions() {
		whole, _, _ := strings.Cut(strings.ReplaceAll(n.Name, "[*]", ""), ".")
		if whole != "sender" && whole != "recipients" && whole != "direction" {
			continue
		}
		when := n.Name + ` == "x"`
		switch {
		case strings.HasSuffix(n.Type, "objects"):
			when = `length(` + n.Name + `) == 0`
		case strings.HasPrefix(n.Name, "recipients"):
			when = `can([for r in recipients : r` + strings.TrimPrefix(n.Name, "recipients[*]") + `])`
		case n.Type == "bool":
			when = n.Name
		case n.Name == "direction":
			when = n.Name + ` == "inbound"`
		}
		p := parsed(t, `rule "r" {
			when          = `+when+`
			action        = "skip"
			trust_headers = true
		}`)
		if !p.Rules[0].addressed {
			t.Errorf("%s is not seen in %s", n.Name, when)
		}
	}
}
