package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of those whose own parent ends before them, as
// Postfix does: what they used is then known as that of children, and not taken for
// that of other programs.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of orphans: %w", err)
	}
	return nil
}

// writtenAtEnd waits until a child of this process has ended, and asks what it
// wrote as long as the kernel still knows: what it wrote while it stopped counts. It
// is 0 when the kernel does not tell.
func writtenAtEnd(pid int) float64 {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0
		}
		u, err := usageOf(pid)
		if err != nil {
			return 0
		}
		return u.written
	}
}

// syncData brings to the disk what was written to a file.
func syncData(f *os.File) error {
	if err := syscall.Fdatasync(int(f.Fd())); err != nil {
		return fmt.Errorf("fdatasync: %w", err)
	}
	return nil
}

// freeIn is how many bytes are free for this user where a folder is.
func freeIn(dir string) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return disk.Bavail * uint64(disk.Bsize), nil
}
