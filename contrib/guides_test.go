// Package contrib tests what the guides for mail servers tell administrators to copy.
package contrib

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"daybook/policy"
)

// guides are the folders with a README.md and a daybook.hcl.
func guides() []string {
	return []string{"exchange", "exim", "google-workspace", "microsoft365", "zimbra"}
}

// load reads the policy of a guide from a copy, as an administrator has one, with
// the password that the guide has written.
func load(t *testing.T, folder string) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "daybook.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"daybook.hcl": string(text), "exchange.password": "a password\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := policy.Load(dir)
	if err != nil {
		t.Fatalf("%s/daybook.hcl is no policy: %v", folder, err)
	}
	return p
}

// TestGuides: what a guide has one copy is right, and its own tests pass.
func TestGuides(t *testing.T) {
	for _, folder := range guides() {
		t.Run(folder, func(t *testing.T) {
			p := load(t, folder)
			if err := p.Check(); err != nil {
				t.Error(err)
			}
			if len(p.Journals) == 0 {
				t.Error("it has no journal")
			}
		})
	}
}

// TestGuidesAreClosed: no guide opens a listener to everybody. Each journal names the
// networks of its peers, which is also what makes their reports believed, and takes
// mail without encryption from this machine only.
func TestGuidesAreClosed(t *testing.T) {
	for _, folder := range guides() {
		t.Run(folder, func(t *testing.T) {
			for _, j := range load(t, folder).Journals {
				if isListener(load(t, folder), j.Name) {
					continue
				}
				if len(j.AllowFrom) == 0 {
					t.Errorf("the journal %q takes mail from everywhere", j.Name)
				}
				elsewhere := func(n netip.Prefix) bool { return !n.Addr().IsLoopback() }
				if j.TLS != policy.TLSRequired && slices.ContainsFunc(j.AllowFrom, elsewhere) {
					t.Errorf("the journal %q takes mail from other machines without encryption", j.Name)
				}
				local, _, _ := strings.Cut(j.Address, "@")
				if _, secret, _ := strings.Cut(local, "-"); len(secret) < 20 {
					t.Errorf("the address %q of the journal %q can be guessed", j.Address, j.Name)
				}
			}
		})
	}
}

// isListener tells whether a journal is a listener of its own: it takes mail from
// where it listens.
func isListener(p *policy.Policy, name string) bool {
	return slices.ContainsFunc(p.Listeners, func(l policy.Listener) bool {
		return l.Name == name && strings.HasPrefix(l.Listen.String(), "tcp:127.0.0.1:")
	})
}

// TestGuidesAgree: the README says how to test each journal of its policy, by name.
func TestGuidesAgree(t *testing.T) {
	for _, folder := range guides() {
		t.Run(folder, func(t *testing.T) {
			readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range load(t, folder).Journals {
				if !strings.Contains(string(readme), "daybook journal test "+j.Name) {
					t.Errorf("README.md does not say daybook journal test %s", j.Name)
				}
			}
			for _, word := range []string{"allow_from", "4xx", "5xx", "daybook status"} {
				if !strings.Contains(string(readme), word) {
					t.Errorf("README.md says nothing about %s", word)
				}
			}
		})
	}
}
