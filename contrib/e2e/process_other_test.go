//go:build !linux

package e2e

import "syscall"

// groupOfTest makes a program the first of its own process group. Where the test
// program is killed, it stays behind.
func groupOfTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
