package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// start starts a program in the manner. A child has the timer slack of the thread that it
// comes from, and its control group.
func (m manner) start(cmd *exec.Cmd) error {
	if m == (manner{}) {
		return cmd.Start()
	}
	return onOwnThread(func() error { return m.startHere(cmd) })
}

// onOwnThread does something on a thread that ends with it: nothing else ever runs on one
// that was made different.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // nothing unlocks it
		done <- do()
	}()
	return <-done
}

// startHere is start on a thread of its own.
func (m manner) startHere(cmd *exec.Cmd) error {
	if m.slack != 0 {
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(m.slack), 0, 0, 0); err != nil {
			return fmt.Errorf("setting the timer slack: %w", err)
		}
	}
	switch {
	case m.group == "":
	case isUnified(m.group):
		group, err := os.Open(m.group)
		if err != nil {
			return err
		}
		defer group.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.Fd())
	default:
		if err := setGroup(m.group, "tasks", strconv.Itoa(unix.Gettid())); err != nil {
			return err
		}
	}
	return cmd.Start()
}
