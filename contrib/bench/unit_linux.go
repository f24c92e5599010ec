package main

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// ownThread is the calling thread for setpriority(2), which on Linux is about one
// thread and not about the whole process.
const ownThread = 0

// scheduled calls start on a thread that is scheduled like that, and so is what start
// starts: children have it from the thread that they come from.
func (s *scheduling) scheduled(start func() error) error {
	if s == nil {
		return start()
	}
	done := make(chan error, 1)
	go func() {
		// Nothing unlocks it: the thread ends with the goroutine, and nothing else runs on it.
		runtime.LockOSThread()
		err := s.apply()
		if err == nil {
			err = start()
		}
		done <- err
	}()
	return <-done
}

// apply schedules the calling thread.
func (s *scheduling) apply() error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, ownThread, s.Priority); err != nil {
		return fmt.Errorf("setting the priority %d: %w", s.Priority, err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(s.TimerSlack.Nanoseconds()), 0, 0, 0); err != nil {
		return fmt.Errorf("setting the timer slack %v: %w", s.TimerSlack, err)
	}
	return nil
}

// attainable gives s with the priority that this process has when it has no right to
// that of s, and tells whether it has.
func attainable(s scheduling) (_ scheduling, raised bool, err error) {
	err = s.scheduled(func() error { return nil })
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return s, true, err
	}
	// The system call gives 20 less the priority, which is never negative.
	own, err := unix.Getpriority(unix.PRIO_PROCESS, ownThread)
	if err != nil {
		return s, false, fmt.Errorf("asking for the priority: %w", err)
	}
	s.Priority = 20 - own
	return s, false, nil
}
