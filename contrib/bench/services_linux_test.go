package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A server that is started as a service is in a group with its weight, and so is what it
// starts; afterwards this program is where it was, and no group is left.
func TestServices(t *testing.T) {
	if why := servicesMissing(cgroupRoot); why != "" {
		t.Skip("SKIPPED: " + why)
	}
	own := groupsOf(t, os.Getpid())
	s, err := openServices(cgroupRoot)
	if err != nil {
		t.Fatal(err)
	}
	if got := groupsOf(t, os.Getpid()); got == own {
		t.Error("this program stayed where it was")
	}
	for weight, want := range map[int]string{unitWeight: "300 3072", otherWeight: "100 1024"} {
		group, err := s.group(weight)
		if err != nil {
			t.Fatal(err)
		}
		p, err := startAs(manner{slack: unitTimerSlack, group: group}, "/bin/sh", "-c",
			"trap 'exit 0' TERM; sleep 600 & echo child $! ready; wait")
		if err != nil {
			t.Fatal(err)
		}
		awaitReady(t, p)
		var child int
		if _, err := fmt.Sscanf(p.said.String(), "child %d", &child); err != nil {
			t.Fatal(err)
		}
		for _, pid := range []int{p.cmd.Process.Pid, child} {
			if got := groupsOf(t, pid); !strings.Contains(got, filepath.Join(filepath.Base(s.folder), filepath.Base(group))+"\n") {
				t.Errorf("process %d is in\n%s, want it in %s", pid, got, group)
			}
		}
		if got := weightOf(t, group); !strings.Contains(want, got) {
			t.Errorf("a service has the weight %s, want %s", got, want)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if got := groupsOf(t, os.Getpid()); got != own {
		t.Errorf("this program is in\n%s, and was in\n%s", got, own)
	}
	if _, err := os.Stat(s.folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", s.folder, err)
	}
}

// Where a group cannot be given its weight nothing is left of what was made, and what went
// wrong is said.
func TestServicesThatCannotBeMade(t *testing.T) {
	root := t.TempDir()
	hierarchy := filepath.Join(root, "cpu")
	if err := os.Mkdir(hierarchy, 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := openServices(root); err == nil || s != nil {
		t.Errorf("%v, %v", s, err)
	}
	if left, err := os.ReadDir(hierarchy); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// groupsOf are the control groups of a process.
func groupsOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// weightOf is the weight of a control group, or its shares.
func weightOf(t *testing.T, group string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(group, "cpu.weight"))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join(group, "cpu.shares"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// Where control groups are, and what is said where they are not of use.
func TestCPUHierarchy(t *testing.T) {
	one, two, without := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, enabled := range map[string]string{two: "cpuset cpu io memory pids\n", without: "memory pids\n"} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(enabled), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ root, own, hierarchy, group string }{
		{one, "5:memory:/m\n3:cpu,cpuacct:/a/b\n0::/u\n", one + "/cpu,cpuacct", one + "/cpu,cpuacct/a/b"},
		{two, "1:name=systemd:/s\n0::/user.slice/x\n", two, two + "/user.slice/x"},
	} {
		hierarchy, group, err := cpuHierarchy(c.root, c.own)
		if err != nil || hierarchy != c.hierarchy || group != c.group {
			t.Errorf("%q: %s and %s, %v; want %s and %s", c.own, hierarchy, group, err, c.hierarchy, c.group)
		}
	}
	for root, want := range map[string]string{
		one:     "there is no hierarchy of control groups with the controller cpu below " + one,
		without: without + "/cgroup.subtree_control does not name the controller cpu",
	} {
		if _, _, err := cpuHierarchy(root, "5:cpuset:/\n0::/\n"); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if why := servicesMissing(one); !strings.HasPrefix(why, "Postfix at half of a rate with each server a service of its weight: ") {
		t.Errorf("where there are no groups it says %q", why)
	}
}
