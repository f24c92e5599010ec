package e2e

import "syscall"

// groupOfTest makes a program the first of its own process group, which ends with the
// test program.
func groupOfTest() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
