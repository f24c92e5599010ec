package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asleep starts a program that does nothing until the end of the test.
func asleep(t *testing.T, slack timerSlack) *process {
	t.Helper()
	p, err := startAs(manner{slack: slack}, "/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	awaitReady(t, p)
	return p
}

// slackOf asks for the timer slack of a process in nanoseconds. It is empty when this process
// may not know it.
func slackOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", pid))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// What is started has the timer slack, and what is started next, from this process, has
// it not.
func TestTimerSlack(t *testing.T) {
	other := slackOf(t, asleep(t, 0).cmd.Process.Pid)
	if other == "" {
		t.Skip("SKIPPED: only root reads the timer slack of other programs")
	}
	const times = 4 // a thread that was left behind is met sooner or later
	for range times {
		if got, want := slackOf(t, asleep(t, unitTimerSlack).cmd.Process.Pid), fmt.Sprint(int64(unitTimerSlack)); got != want {
			t.Errorf("the timer slack is %s ns, want %s", got, want)
		}
		if got := slackOf(t, asleep(t, 0).cmd.Process.Pid); got != other {
			t.Errorf("the timer slack of another program is %s ns, want %s", got, other)
		}
	}
}

// The thread on which a program was started ends, and nothing runs on it any more.
func TestOwnThreadEnds(t *testing.T) {
	tid := os.Getpid()
	for range 2 { // the first thread of a process never ends; it is put aside
		if tid != os.Getpid() {
			break
		}
		if err := onOwnThread(func() error { tid = unix.Gettid(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	task := fmt.Sprintf("/proc/self/task/%d", tid)
	const patience = 10 * time.Second
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(task); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("thread %d is still there after %v", tid, patience)
		}
	}
}

// The daemon, and only the daemon, is started as its unit starts it.
func TestDaybookHasTheSlack(t *testing.T) {
	program := filepath.Join(t.TempDir(), "daybook")
	if err := build(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	s := servers{program: program, work: t.TempDir(), peers: findPeers(), slack: unitTimerSlack}
	want := map[string]*process{nameDaybook: asleep(t, unitTimerSlack)}
	if s.peers.sink != "" {
		want[nameSink] = asleep(t, 0)
	}
	for name, like := range want {
		running, err := s.start(t.Context(), name, pathLMTP)
		if err != nil {
			t.Fatal(err)
		}
		pid, like := running.process.cmd.Process.Pid, like.cmd.Process.Pid
		if got, want := slackOf(t, pid), slackOf(t, like); got != want {
			t.Errorf("the timer slack of %s is %s ns, want %s", name, got, want)
		}
		if err := running.close(); err != nil {
			t.Error(err)
		}
	}
}
