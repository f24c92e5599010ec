package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The name of a policy's file stays within the folder that it is written below.
func TestLocalName(t *testing.T) {
	for in, want := range map[string]string{
		"a.hcl":          "a.hcl",
		"staff/list.txt": "staff/list.txt",
		"/etc/list.txt":  "outside/etc/list.txt",
		"../list.txt":    "outside/list.txt",
		"../../../x":     "outside/x",
		"/":              "outside",
		"":               "outside",
	} {
		if got := localName(in); got != want {
			t.Errorf("localName(%q) = %q, want %q", in, got, want)
		}
	}
}

// Where tests stood there is nothing, and all else keeps its line and its bytes. A
// password file that is not kept has a stand-in, which overwrites nothing.
func TestPrepareText(t *testing.T) {
	const text = `rule "a" { when = true }
test "été" {
  message = "x.eml" # }
  expect { action = "skip" }
}
server {
  hostname = "test"
}
journal "a" {
  auth { password_file = "secret/a.password" }
}
journal "b" {
  auth { password_file = "policy.hcl" }
}
journal "c" {
  auth { password_file = "../c.password" }
}
`
	const want = `rule "a" { when = true }
.
.
.
.
server {
  hostname = "test"
}
journal "a" {
  auth { password_file = "secret/a.password" }
}
journal "b" {
  auth { password_file = "policy.hcl" }
}
journal "c" {
  auth { password_file = "../c.password" }
}
`
	path := filepath.Join(t.TempDir(), "policy.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareText(path); err != nil {
		t.Fatal(err)
	}
	if made, err := os.ReadFile(filepath.Join(filepath.Dir(path), "secret", "a.password")); err != nil || len(made) < 2 {
		t.Errorf("the stand-in is %q, %v", made, err)
	}
	if outside := filepath.Join(filepath.Dir(path), "..", "c.password"); exists(outside) {
		t.Errorf("%s was made", outside)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(got), "\n") {
		if line = strings.TrimSpace(line); line == "" && i > 0 && i < 5 {
			line = "."
		}
		if w := strings.TrimSpace(strings.Split(want, "\n")[i]); line != w {
			t.Errorf("line %d: got %q, want %q", i+1, line, w)
		}
	}
}
