package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usage is what a process has used since it started. See proc(5).
type usage struct {
	cpu     float64 // seconds of all its threads, and of children that ended, in user and kernel mode
	written float64 // bytes that it had the kernel bring to the disk
	peak    uint64  // most resident memory, bytes
}

// usageOfTree is what a process and those that it started have used, ended ones
// included. The memory is the sum over those that run: what they share counts in
// each.
func usageOfTree(pid int) (sum usage, err error) {
	sum, err = usageOf(pid)
	if err != nil {
		return sum, err
	}
	// Who ended has left what it used to its parent.
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return sum, err
	}
	for _, name := range lists {
		list, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return sum, fmt.Errorf("%s: %w", name, err)
			}
			u, err := usageOfTree(child)
			if err != nil {
				continue // it has ended in the meantime
			}
			sum.cpu += u.cpu
			sum.written += u.written
			sum.peak += u.peak
		}
	}
	return sum, nil
}

// clockTick is the unit of times in /proc: Linux fixes USER_HZ at 100.
const clockTick = 0.01

// usageOf asks the kernel about a process.
func usageOf(pid int) (u usage, err error) {
	var files [3][]byte
	for i, name := range []string{"stat", "io", "status"} {
		if files[i], err = os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name)); err != nil {
			return u, err
		}
	}
	var errs [4]error
	var dirtied, cancelled uint64
	own, ended, err := parseCPU(files[0])
	u.cpu, errs[0] = own+ended, err
	dirtied, errs[1] = parseField(files[1], "write_bytes")
	// A file that is removed soon enough never gets to the disk.
	cancelled, errs[2] = parseField(files[1], "cancelled_write_bytes")
	u.written = float64(dirtied) - float64(cancelled)
	if u.peak, errs[3] = parseField(files[2], "VmHWM"); bytes.Contains(files[2], []byte("State:\tZ")) {
		errs[3] = nil // one that has ended, and whose parent has not asked yet
	}
	u.peak *= 1024 // it is given in kB
	return u, errors.Join(errs[:]...)
}

// parseCPU reads the times of a process, and of its children that have ended,
// from a stat file. The name of the program, which may hold anything, stands in
// parentheses before them.
func parseCPU(stat []byte) (own, children float64, err error) {
	_, rest, _ := strings.Cut(string(stat[max(bytes.LastIndexByte(stat, ')'), 0):]), " ")
	fields := strings.Fields(rest)
	const utime, times = 11, 4 // counted from the state, field 3 of the file
	if len(fields) < utime+times {
		return 0, 0, fmt.Errorf("%.60q is not a stat file", stat)
	}
	var seconds [times]float64 // user and kernel mode, and the same of children
	for i := range seconds {
		ticks, err := strconv.ParseUint(fields[utime+i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("stat file: %w", err)
		}
		seconds[i] = float64(ticks) * clockTick
	}
	return seconds[0] + seconds[1], seconds[2] + seconds[3], nil
}

// bystanders is the processor time that everything but this process and its
// children has used since the machine started.
func bystanders() (float64, error) {
	all, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	busy, err := parseBusy(all)
	if err != nil {
		return 0, err
	}
	self, children, err := parseCPU(own)
	return busy - self - children, err
}

// parseBusy reads how long all processors together were not idle.
func parseBusy(stat []byte) (float64, error) {
	line, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(line)
	// user nice system idle iowait irq softirq steal; guests are part of user.
	const idle, iowait, last = 4, 5, 8
	if len(fields) <= last || fields[0] != "cpu" {
		return 0, fmt.Errorf("%.60q does not begin a stat file", line)
	}
	busy := 0.0
	for i, text := range fields[:last+1] {
		if i == 0 || i == idle || i == iowait {
			continue
		}
		ticks, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat file: %w", err)
		}
		busy += float64(ticks) * clockTick
	}
	return busy, nil
}

// parseField reads the number of a line "name: number unit".
func parseField(file []byte, name string) (uint64, error) {
	for line := range strings.Lines(string(file)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			if fields := strings.Fields(value); len(fields) > 0 {
				return strconv.ParseUint(fields[0], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("no %s in a file of /proc", name)
}
