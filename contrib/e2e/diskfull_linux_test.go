package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk is a disk of its own for an archive, of some megabytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	if os.Getuid() != 0 {
		without(t, "a small disk can be mounted only by root")
	}
	dir := filepath.Join(workDir(t), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		without(t, "a small disk cannot be mounted: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// onDisk prepares a daemon whose archive is on that disk, and which keeps so much
// of it free.
func onDisk(t *testing.T, disk, minFree string) *daybook {
	t.Helper()
	d := newDaybook(t, "off", "tcp")
	d.data = filepath.Join(disk, "data")
	d.config = filepath.Join(workDir(t), "daybook.hcl")
	writeFile(t, d.config, fmt.Sprintf("server {\n  min_free = %q\n}\n", minFree), 0o644)
	return d
}

// fill sends messages until the daemon refuses them for a while, or goes away.
// It gives the replies that are neither 250 nor a 4xx.
func (a *ledgerOfAcks) fill(d *daybook) (refused int, odd []string) {
	network, address := socketOf(d.lmtp)
	for range 5000 {
		c, err := openDialogue(network, address, true)
		if err != nil {
			return refused, odd
		}
		for range 50 {
			env, msg := a.message()
			r, err := c.deliver(env, msg)
			if err != nil {
				break
			}
			var id uint64
			if n, _ := fmt.Sscanf(r.text, "2.0.0 archived as %d", &id); r.code == 250 && n == 1 {
				a.list = append(a.list, acknowledged{id, hexSHA256(msg), env})
			} else if refused++; r.code/100 != 4 {
				odd = append(odd, r.String())
			}
		}
		c.close()
		if refused > 100 {
			return refused, odd
		}
	}
	return refused, odd
}

// TestDiskRunsFull fills the archive's disk up to the floor: mail is put off with
// a 4xx, what is archived can be read, and when there is room again capture goes
// on by itself.
func TestDiskRunsFull(t *testing.T) {
	disk := smallDisk(t, 64)
	ballast := filepath.Join(disk, "ballast")
	writeFile(t, ballast, strings.Repeat("x", 24<<20), 0o644)
	d := onDisk(t, disk, "16MiB")
	d.start(t)
	acks := &ledgerOfAcks{}
	refused, odd := acks.fill(d)
	if refused == 0 || len(odd) > 0 || !d.proc.running() {
		t.Fatalf("%d messages put off, other replies %v, running %v", refused, odd, d.proc.running())
	}
	// The catalog gives room back when it tidies up: what that freed is filled again.
	eventually(t, 30*time.Second, func() error {
		if _, err := run(d.bin, "status", "--data", d.data); err == nil {
			acks.fill(d)
			return fmt.Errorf("daybook status says that all is well on a full disk")
		}
		return nil
	})
	full := acks.check(t, d, 0)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func() error {
		if acks.fill(d); len(acks.list) == full {
			return fmt.Errorf("no message was archived after there was room again")
		}
		return nil
	})
	acks.check(t, d, 0)
	d.verify(t)
	t.Logf("%d messages archived up to the floor, %d put off, %d more when there was room", full, refused, len(acks.list)-full)
}

// TestDiskRunsFullWithoutFloor lets the disk run full to the last byte. The daemon
// may stop then, but what it acknowledged is there when there is room again.
func TestDiskRunsFullWithoutFloor(t *testing.T) {
	disk := smallDisk(t, 24)
	d := onDisk(t, disk, "1")
	d.start(t)
	acks := &ledgerOfAcks{}
	refused, odd := acks.fill(d)
	if len(odd) > 0 {
		t.Errorf("messages were answered %v", odd)
	}
	stopped := !d.proc.running()
	d.proc.kill()
	if out, err := exec.Command("mount", "-o", "remount,size=64m", disk).CombinedOutput(); err != nil {
		t.Fatalf("give the disk more room: %v: %s", err, out)
	}
	d.start(t)
	acks.check(t, d, 0)
	d.verify(t)
	if len(acks.list) == 0 || refused == 0 && !stopped {
		t.Errorf("%d archived, %d put off: the disk was never full", len(acks.list), refused)
	}
	t.Logf("%d messages archived, %d put off, the daemon stopped itself: %v", len(acks.list), refused, stopped)
}
