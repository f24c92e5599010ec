package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// with calls start on a thread that has the timer slack, and so has what start starts:
// children have it from the thread that they come from.
func (s timerSlack) with(start func() error) error {
	if s == 0 {
		return start()
	}
	done := make(chan error, 1)
	go func() {
		// Nothing unlocks it: the thread ends with the goroutine, and nothing else runs on it.
		runtime.LockOSThread()
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(s), 0, 0, 0); err != nil {
			done <- fmt.Errorf("setting the timer slack: %w", err)
			return
		}
		done <- start()
	}()
	return <-done
}
