package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asleep starts a program that does nothing until the end of the test.
func asleep(t *testing.T, how *scheduling) *process {
	t.Helper()
	p, err := startScheduled(how, "/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")
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

func priorityOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	priority, err := statPriority(string(stat))
	if err != nil {
		t.Fatal(err)
	}
	return priority
}

// statPriority reads the priority from a stat file: field 19, of which the state is the
// third.
func statPriority(stat string) (int, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const nice = 19 - 3
	if len(fields) <= nice {
		return 0, fmt.Errorf("%.60q is not a stat file", stat)
	}
	return strconv.Atoi(fields[nice])
}

// What is started has the priority and the timer slack, and what is started next, from this
// process, has them not.
func TestScheduling(t *testing.T) {
	before := asleep(t, nil).cmd.Process.Pid
	priority, slack := priorityOf(t, before), slackOf(t, before)
	how, raised, err := attainable(scheduling{unitPriority, unitTimerSlack})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(unitTimerSlack.Nanoseconds())
	const times = 4 // a thread that was left behind is met sooner or later
	for range times {
		pid := asleep(t, &how).cmd.Process.Pid
		if got := priorityOf(t, pid); got != how.Priority {
			t.Errorf("the priority is %d, want %d", got, how.Priority)
		}
		if got := slackOf(t, pid); got != "" && got != want {
			t.Errorf("the timer slack is %s ns, want %s", got, want)
		}
		pid = asleep(t, nil).cmd.Process.Pid
		if got := priorityOf(t, pid); got != priority {
			t.Errorf("the priority of another program is %d, want %d", got, priority)
		}
		if got := slackOf(t, pid); got != slack {
			t.Errorf("the timer slack of another program is %s ns, want %s", got, slack)
		}
	}
	if !raised {
		t.Logf("SKIPPED: the priority %d takes root or RLIMIT_NICE", unitPriority)
	}
	if slack == "" {
		t.Log("SKIPPED: only root reads the timer slack of other programs")
	}
}

// The thread that was scheduled otherwise ends, and nothing runs on it any more.
func TestScheduledThreadEnds(t *testing.T) {
	how, _, err := attainable(scheduling{unitPriority, unitTimerSlack})
	if err != nil {
		t.Fatal(err)
	}
	tid := os.Getpid()
	for range 2 { // the first thread of a process never ends; it is put aside
		if tid != os.Getpid() {
			break
		}
		if err := how.scheduled(func() error { tid = unix.Gettid(); return nil }); err != nil {
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

// withoutRight is set in the environment of a test that has no right to raise priorities, and
// that runs at lowPriority.
const (
	withoutRight = "DAYBOOK_BENCH_WITHOUT_RIGHT"
	lowPriority  = 3
)

// A priority that there is no right to stays as it is, and the notes tell.
func TestPriorityWithoutTheRight(t *testing.T) {
	if os.Getenv(withoutRight) == "" {
		runWithoutRight(t)
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NICE, &unix.Rlimit{}); err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	if err := b.scheduleDaybook(); err != nil {
		t.Fatal(err)
	}
	if s := b.servers.daybook; s.Priority != lowPriority || s.TimerSlack != unitTimerSlack {
		t.Errorf("daybook is started %v", s)
	}
	if len(b.notes) != 1 || !strings.Contains(b.notes[0], "RLIMIT_NICE of 25") {
		t.Errorf("the notes are %q", b.notes)
	}
	if got := priorityOf(t, asleep(t, b.servers.daybook).cmd.Process.Pid); got != lowPriority {
		t.Errorf("the priority is %d, want %d", got, lowPriority)
	}
}

// runWithoutRight runs this test once more in a user namespace of its own: who is root there
// is not root where priorities are raised.
func runWithoutRight(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), withoutRight+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := (&scheduling{Priority: lowPriority, TimerSlack: unitTimerSlack}).scheduled(cmd.Start)
	if err != nil {
		t.Skipf("SKIPPED: a user namespace of its own cannot be had: %v", err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Errorf("%v: %s", err, out.String())
	}
}

// The daemon, and only the daemon, is started as its unit starts it.
func TestDaybookIsScheduled(t *testing.T) {
	program := filepath.Join(t.TempDir(), "daybook")
	if err := build(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	b := &bench{servers: servers{program: program, work: t.TempDir(), peers: findPeers()}}
	if err := b.scheduleDaybook(); err != nil {
		t.Fatal(err)
	}
	want := map[string]*process{nameDaybook: asleep(t, b.servers.daybook)}
	if b.servers.peers.sink != "" {
		want[nameSink] = asleep(t, nil)
	}
	for name, like := range want {
		running, err := b.servers.start(t.Context(), name, pathLMTP)
		if err != nil {
			t.Fatal(err)
		}
		pid, like := running.process.cmd.Process.Pid, like.cmd.Process.Pid
		if got, want := priorityOf(t, pid), priorityOf(t, like); got != want {
			t.Errorf("the priority of %s is %d, want %d", name, got, want)
		}
		if got, want := slackOf(t, pid), slackOf(t, like); got != want {
			t.Errorf("the timer slack of %s is %s ns, want %s", name, got, want)
		}
		if err := running.close(); err != nil {
			t.Error(err)
		}
	}
}
