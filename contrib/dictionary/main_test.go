package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTrainingIsRepeatable(t *testing.T) {
	for _, kind := range []string{"facts", "text"} {
		one, err := train(kind, 1)
		if err != nil {
			t.Fatal(err)
		}
		two, err := train(kind, 1)
		if err != nil || !bytes.Equal(one, two) || len(one) > 32<<10 {
			t.Errorf("%s: %d bytes and then %d, %v", kind, len(one), len(two), err)
		}
	}
}

func TestNamesAndFilesThatAreThere(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "facts.1")
	if err := os.WriteFile(there, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, want string }{
		{there, "make the next version"},
		{filepath.Join(dir, "facts"), "must be facts.N or text.N"},
		{filepath.Join(dir, "facts.0"), "must be facts.N or text.N"},
		{filepath.Join(dir, "mail.1"), "must be facts.N or text.N"},
		{"", "must be facts.N or text.N"},
	} {
		var out, problems bytes.Buffer
		if status := run([]string{"-o", c.name}, &out, &problems); status != 1 || !strings.Contains(problems.String(), c.want) {
			t.Errorf("-o %q: status %d, %q", c.name, status, problems.String())
		}
	}
	if b, err := os.ReadFile(there); err != nil || string(b) != "kept" {
		t.Errorf("the file that was there has %q now, %v", b, err)
	}
	var out, problems bytes.Buffer
	if status := run([]string{"-o", filepath.Join(dir, "facts.2")}, &out, &problems); status != 0 || !strings.Contains(out.String(), "number 3,") {
		t.Errorf("status %d, %q, %q", status, out.String(), problems.String())
	}
}
