package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestParseCPU(t *testing.T) {
	const numbers = " S 1 17 17 0 -1 4194560 2047 0 0 0 1234 66 4 3 20 0 9 0 51236 1263"
	for _, name := range []string{"(daybook)", "(a) b) 9 9 (c)", "()"} {
		own, children, err := parseCPU([]byte("17 " + name + numbers))
		if err != nil || math.Abs(own-13.0) > 1e-9 || math.Abs(children-0.07) > 1e-9 {
			t.Errorf("%s: %v and %v seconds, %v", name, own, children, err)
		}
	}
	for _, text := range []string{"", "17 (x) S 1 2", "17 (x) S 1 17 17 0 -1 4194560 2047 0 0 0 a b 0"} {
		if _, _, err := parseCPU([]byte(text)); err == nil {
			t.Errorf("%q was taken for a stat file", text)
		}
	}
}

func TestParseBusy(t *testing.T) {
	// 100 user, 20 nice, 300 system, 7 irq, 8 softirq, 9 steal.
	got, err := parseBusy([]byte("cpu  100 20 300 5000 600 7 8 9 99 99\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if err != nil || math.Abs(got-4.44) > 1e-9 {
		t.Errorf("%v seconds, %v", got, err)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 x 4 5 6 7 8"} {
		if _, err := parseBusy([]byte(text)); err == nil {
			t.Errorf("%q was taken for a stat file", text)
		}
	}
}

func TestParseField(t *testing.T) {
	file := []byte("VmPeak:\t  900 kB\nVmHWM:\t  123 kB\nwrite_bytes: 4096\ncancelled_write_bytes: 7\nempty:\n")
	for name, want := range map[string]uint64{"VmHWM": 123, "write_bytes": 4096, "VmPeak": 900} {
		if got, err := parseField(file, name); err != nil || got != want {
			t.Errorf("%s is %d, %v", name, got, err)
		}
	}
	for _, name := range []string{"VmRSS", "empty", "write"} {
		if n, err := parseField(file, name); err == nil {
			t.Errorf("%s is %d", name, n)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc here")
	}
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.cpu <= before.cpu {
		t.Errorf("100 ms of work cost nothing: %v, then %v", before.cpu, after.cpu)
	}
	if after.peak < 1<<20 || after.peak > 1<<40 {
		t.Errorf("the peak of memory is %d bytes", after.peak)
	}
}

// What a child that has ended used counts, and the memory of one that runs.
func TestUsageOfTree(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc here")
	}
	const script = `i=0; (while [ $i -lt 300000 ]; do i=$((i+1)); done); sleep 60 & echo ready; wait`
	p, err := startProcess("/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	awaitReady(t, p)
	pid := p.cmd.Process.Pid
	alone, err := usageOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := usageOfTree(pid)
	if err != nil {
		t.Fatal(err)
	}
	if alone.cpu == 0 {
		t.Error("what the loop in a child used is lost")
	}
	if tree.peak <= alone.peak {
		t.Errorf("the tree has %d bytes of memory, its root %d", tree.peak, alone.peak)
	}
}

// What a process writes while it stops counts.
func TestWrittenAtEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Skipf("the kernel does not tell what is written: %v", err)
	}
	if err := os.WriteFile(file+".other", make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, err := usageOf(os.Getpid()); err != nil || after.written == before.written {
		t.Skipf("temporary files are on no disk here (%v)", err)
	}
	script := `trap 'dd if=/dev/zero of="$0" bs=65536 count=16 conv=fsync 2>&1; exit 0' TERM; echo ready; while :; do sleep 0.1; done`
	p, err := startProcess("/bin/sh", "-c", script, file)
	if err != nil {
		t.Fatal(err)
	}
	awaitReady(t, p)
	if err := p.stopInOrder(); err != nil {
		t.Fatal(err)
	}
	if p.written < 1<<20 || p.written > 2<<20 {
		t.Errorf("%.0f bytes were written, want a little over %d", p.written, 1<<20)
	}
}
