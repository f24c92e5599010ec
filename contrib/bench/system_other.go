//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
)

// errNotLinux says why there are no figures elsewhere.
var errNotLinux = errors.New("what a process has used is read from the /proc of Linux: run the benchmark there")

// adopt ends the benchmark before it begins.
func adopt() error { return errNotLinux }

func writtenAtEnd(int) float64 { return 0 }

func syncData(f *os.File) error { return f.Sync() }

func freeIn(string) (uint64, error) { return 0, errNotLinux }

func (m manner) start(cmd *exec.Cmd) error { return cmd.Start() }
