package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The weights by which the kernel shares the processors among services (CPUWeight=): what
// contrib/systemd/daybook.service sets, and what a service has for which nothing is set.
const (
	unitWeight  = 300
	otherWeight = 100
)

// cgroupRoot is where control groups are mounted.
const cgroupRoot = "/sys/fs/cgroup"

// services start servers as systemd does: each in a control group of its own.
type services struct {
	folder string // of the groups
	before string // the group that this program was in
	made   int
}

// openServices makes a folder for control groups below root, and one among them for this
// program, which is the client, and moves it there. close ends all that.
func openServices(root string) (*services, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	hierarchy, before, err := cpuHierarchy(root, string(own))
	if err != nil {
		return nil, err
	}
	s := &services{folder: filepath.Join(hierarchy, fmt.Sprint("daybook-bench-", os.Getpid())), before: before}
	if err := os.Mkdir(s.folder, 0o755); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// enter makes a group for this program and moves it there.
func (s *services) enter() error {
	if isUnified(s.folder) {
		if err := setGroup(s.folder, "cgroup.subtree_control", "+cpu"); err != nil {
			return err
		}
	}
	client, err := s.group(otherWeight)
	if err != nil {
		return err
	}
	return moveTo(client)
}

// cpuHierarchy finds the control groups that share the processors: those of version 2 at
// root, else those of version 1 below it, and the one that a process is in, by what
// /proc/PID/cgroup says of it.
func cpuHierarchy(root, own string) (hierarchy, group string, err error) {
	if isUnified(root) {
		enabled, err := os.ReadFile(filepath.Join(root, "cgroup.subtree_control"))
		if err != nil {
			return "", "", err
		}
		if !slices.Contains(strings.Fields(string(enabled)), "cpu") {
			return "", "", fmt.Errorf("%s/cgroup.subtree_control does not name the controller cpu", root)
		}
		hierarchy = root
	}
	for line := range strings.Lines(own) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		if hierarchy == "" && slices.Contains(strings.Split(controllers, ","), "cpu") {
			hierarchy = filepath.Join(root, controllers)
			return hierarchy, filepath.Join(hierarchy, path), nil
		}
		if hierarchy != "" && id == "0" {
			return hierarchy, filepath.Join(hierarchy, path), nil
		}
	}
	return "", "", fmt.Errorf("there is no hierarchy of control groups with the controller cpu below %s", root)
}

// isUnified tells whether control groups are of version 2.
func isUnified(hierarchy string) bool {
	_, err := os.Stat(filepath.Join(hierarchy, "cgroup.subtree_control"))
	return err == nil
}

// group makes one more control group, and gives its folder.
func (s *services) group(weight int) (string, error) {
	s.made++
	dir := filepath.Join(s.folder, strconv.Itoa(s.made))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	if isUnified(s.folder) {
		return dir, setGroup(dir, "cpu.weight", strconv.Itoa(weight))
	}
	const usual = 1024 // version 1 calls it so many shares, where version 2 has a weight of 100
	return dir, setGroup(dir, "cpu.shares", strconv.Itoa(weight*usual/otherWeight))
}

// close moves this program back to where it was, and removes the groups. Whoever was
// started in them has ended.
func (s *services) close() error {
	err := moveTo(s.before)
	for n := s.made; n > 0; n-- {
		err = errors.Join(err, removeGroup(filepath.Join(s.folder, strconv.Itoa(n))))
	}
	return errors.Join(err, removeGroup(s.folder))
}

// removeGroup removes a control group, which is busy until the kernel has done with those
// that were in it.
func removeGroup(dir string) error {
	const patience = 5 * time.Second
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if time.Since(began) > patience {
			return err
		}
	}
}

// moveTo moves this program to a control group.
func moveTo(group string) error { return setGroup(group, "cgroup.procs", strconv.Itoa(os.Getpid())) }

// setGroup writes to a file of a control group, which the kernel has made.
func setGroup(group, name, value string) error {
	f, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// servicesMissing says why no services can be made; empty when they can.
func servicesMissing(root string) string {
	s, err := openServices(root)
	if err == nil {
		err = s.close()
	}
	if err == nil {
		return ""
	}
	return fmt.Sprintf("Postfix at half of a rate with each server a service of its weight: %v", err)
}
