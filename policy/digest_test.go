package policy

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The digest is what sha256sum says, whatever the files are called; and one file is
// never taken for two.
func TestDigestIsThatOfSha256sum(t *testing.T) {
	for _, names := range [][]string{{"a.hcl"}, {"a.hcl", "b.hcl"}, {"a b.hcl", "ü.hcl"}, {"a\\b.hcl"}, {"a\nb.hcl"}, {"a\rb.hcl"}} {
		dir := t.TempDir()
		for i, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "tenant \"t%d\" { }\nmilter \"m%d\" {\n listen = \"tcp:127.0.0.1:%d\"\n tenant = \"t0\"\n}\n", i, i, i+1), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sha256sum", names...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := sha256.Sum256(out); p.Digest != want {
			t.Errorf("%q: the digest is %x, and that of %q %x", names, p.Digest, out, want)
		}
	}
}
