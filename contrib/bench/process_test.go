package main

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// A program that fails while it stops is told of, with what it said.
func TestStopInOrder(t *testing.T) {
	for name, c := range map[string]struct{ end, want string }{
		"in order": {"exit 0", ""},
		"failing":  {"echo the disk is full; exit 3", "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := startProcess("/bin/sh", "-c", "trap '"+c.end+"' TERM; echo ready; while :; do sleep 0.1; done")
			if err != nil {
				t.Fatal(err)
			}
			awaitReady(t, p)
			err = p.stopInOrder()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("stopping gives %v, want %q", err, c.want)
			}
		})
	}
}

// awaitReady waits until a script says that it is ready.
func awaitReady(t *testing.T, p *process) {
	t.Helper()
	for !strings.Contains(p.said.String(), "ready") {
		select {
		case <-p.done:
			t.Fatalf("it ended at once: %v: %s", p.err, p.said)
		case <-time.After(time.Millisecond):
		}
	}
}

// Nothing of what a process started is left when it has stopped.
func TestStopEndsTheGroup(t *testing.T) {
	if err := adopt(); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess("/bin/sh", "-c", "trap 'exit 0' TERM; sleep 600 & echo ready; wait")
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, p)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, 0); err != syscall.ESRCH {
		t.Errorf("the group of the process is still there: %v", err)
	}
}
