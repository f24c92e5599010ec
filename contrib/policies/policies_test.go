// Package policies tests the policies that administrators copy.
package policies

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"daybook/lmtp"
	"daybook/policy"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// folders gives the policies that are here.
func folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*/README.md")
	if err != nil || len(found) != 3 {
		t.Fatalf("found the policies %q (%v), want three", found, err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// load reads a policy and tells all mistakes as the commands do.
func load(t *testing.T, folder string) *policy.Policy {
	t.Helper()
	p, err := policy.Load(folder)
	if err != nil {
		t.Fatalf("%s is no policy: %v", folder, err)
	}
	return p
}

// TestPolicies: what an administrator copies is right, and its own tests pass.
func TestPolicies(t *testing.T) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) {
			p := load(t, folder)
			if len(p.Tests) < 8 {
				t.Errorf("it has %d tests, want 8 at least", len(p.Tests))
			}
			if err := p.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A copy of a policy in another place is the same policy: what it names relative to
// itself comes with it.
func TestCopies(t *testing.T) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "daybook")
			if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			if here, there := load(t, folder), load(t, to); here.Digest != there.Digest {
				t.Errorf("the digest is %x, that of a copy %x", here.Digest, there.Digest)
			}
		})
	}
}

// These are the parts of test blocks that say by which source a message comes, and
// what decides about it.
type testFile struct {
	Tests  []testBlock `hcl:"test,block"`
	Remain hcl.Body    `hcl:",remain"`
}

type testBlock struct {
	Name   string        `hcl:"name,label"`
	Source *string       `hcl:"source"`
	Expect []expectBlock `hcl:"expect,block"`
	Remain hcl.Body      `hcl:",remain"`
}

type expectBlock struct {
	Rule   *string  `hcl:"rule"`
	Remain hcl.Body `hcl:",remain"`
}

// decided gives what the tests of a policy expect to decide, by source.
func decided(t *testing.T, folder string, sources []string) map[string][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string][]string)
	for _, name := range names {
		f, diags := hclparse.NewParser().ParseHCLFile(name)
		var content testFile
		if !diags.HasErrors() {
			diags = gohcl.DecodeBody(f.Body, nil, &content)
		}
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for i := range content.Tests {
			test := &content.Tests[i]
			source := sources[0] // with one source it need not be named
			if test.Source != nil {
				source = *test.Source
			}
			for _, e := range test.Expect {
				if e.Rule == nil {
					t.Errorf("%s: test %q expects no rule: rule = \"\" says that none decides", name, test.Name)
					continue
				}
				by[source] = append(by[source], *e.Rule)
			}
		}
	}
	return by
}

// TestEverythingIsTested: each rule decides about a message of the tests, and so
// does each word of a source that says something else than archive. That what the
// tests expect is what is decided, TestPolicies shows.
func TestEverythingIsTested(t *testing.T) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) {
			p := load(t, folder)
			sources := sourcesOf(p)
			var names []string
			for _, s := range sources {
				names = append(names, s.Name)
			}
			by := decided(t, folder, names)
			for _, r := range p.Rules {
				if !slices.ContainsFunc(names, func(source string) bool { return slices.Contains(by[source], r.Name) }) {
					t.Errorf("no test is decided by the rule %q", r.Name)
				}
			}
			for _, s := range sources {
				for word, action := range map[string]policy.Action{
					"non_internal": s.NonInternal, "unknown_internal": s.UnknownInternal, "on_old": s.OnOld,
				} {
					if action != policy.Archive && !slices.Contains(by[s.Name], word) {
						t.Errorf("no test of the source %q is decided by %s", s.Name, word)
					}
				}
				if !slices.Contains(by[s.Name], "") {
					t.Errorf("no test of the source %q shows mail that nothing decides about", s.Name)
				}
			}
		})
	}
}

func sourcesOf(p *policy.Policy) []*policy.Source {
	var list []*policy.Source
	for i := range p.Milters {
		list = append(list, &p.Milters[i].Source)
	}
	for i := range p.Journals {
		list = append(list, &p.Journals[i].Source)
	}
	return list
}

// TestReadme: a README names the files of its folder, all of them and no others,
// and says how to check the policy.
func TestReadme(t *testing.T) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, e := range entries {
				have = append(have, e.Name())
				if e.Name() != "README.md" && !bytes.Contains(text, []byte("| `"+e.Name()+"` |")) {
					t.Errorf("the README has no row for %s", e.Name())
				}
			}
			for _, name := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(text, -1) {
				if !slices.Contains(have, string(name[1])) {
					t.Errorf("the README has a row for %s, which is not there", name[1])
				}
			}
			for _, name := range regexp.MustCompile("`([a-z]+\\.(?:hcl|addresses))`").FindAllSubmatch(text, -1) {
				if !slices.Contains(have, string(name[1])) {
					t.Errorf("the README speaks of %s, which is not there", name[1])
				}
			}
			for _, command := range []string{"daybook policy check", "daybook policy test"} {
				if !bytes.Contains(text, []byte(command)) {
					t.Errorf("the README does not say %q", command)
				}
			}
		})
	}
}

// TestExamplePasswords: who copies a policy and forgets to put a password of his own
// in the place of the example has a server that nobody can log in to. The example is
// what is stored of a password that nobody knows.
func TestExamplePasswords(t *testing.T) {
	tried := 0
	for _, folder := range folders(t) {
		p := load(t, folder)
		for i := range p.Journals {
			auth := p.Journals[i].Auth
			if auth == nil {
				continue
			}
			tried++
			if !strings.HasSuffix(auth.PasswordFile, ".example") {
				t.Errorf("%s: the password file %s does not say that it is an example", folder, auth.PasswordFile)
			}
			text, err := os.ReadFile(auth.PasswordFile)
			if err != nil {
				t.Fatal(err)
			}
			line, _, _ := strings.Cut(string(text), "\n")
			if _, err := lmtp.ParseCredential(line); err != nil || !strings.HasPrefix(line, "SCRAM-SHA-256$") {
				t.Errorf("%s: %q is not what a server stores of a password: %v", auth.PasswordFile, line, err)
			}
		}
	}
	if tried == 0 {
		t.Error("no policy has a password file")
	}
}
