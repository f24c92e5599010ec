// Package systemd tests the unit file and the configuration beside it.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"daybook/policy"
)

// TestUnit has systemd check the unit, with programs that are there in place of
// those that an administrator installs.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED: systemd-analyze is not installed, so nobody checks daybook.service")
	}
	text, err := os.ReadFile("daybook.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(string(text), "/usr/local/bin/daybook", "/bin/true")
	path := filepath.Join(t.TempDir(), "daybook.service")
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "daybook.service") {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}

// Capture comes back from everything: systemd gives up on no failure.
func TestUnitNeverGivesUp(t *testing.T) {
	text, err := os.ReadFile("daybook.service")
	if err != nil {
		t.Fatal(err)
	}
	head, service, ok := strings.Cut(string(text), "\n[Service]\n")
	if !ok || !strings.Contains(head, "\nStartLimitIntervalSec=0\n") || !strings.Contains(service, "\nRestart=always\n") {
		t.Error("a daemon that keeps failing is not started again for good")
	}
	if strings.Contains(string(text), "RestartPreventExitStatus") {
		t.Error("there is an exit status after which the daemon stays down")
	}
}

// TestConfiguration: what the unit starts with is right, and within the folders
// that the unit gives.
func TestConfiguration(t *testing.T) {
	p, err := policy.Load("daybook.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if p.Server.Data != "/var/lib/daybook" || !strings.HasPrefix(p.Milters[0].Listen.Address, "/run/daybook/") {
		t.Errorf("got %+v", p)
	}
}
