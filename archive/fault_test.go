package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var faultStep = flag.Int("faultstep", 7, "let every so many disk operations fail")

// The catalog's store ends the process when its own files cannot be written, so
// every fault has a process of its own: this test program, run with these.
const (
	faultDir   = "DAYBOOK_TEST_FAULT_DIR"
	faultAt    = "DAYBOOK_TEST_FAULT_AT"    // number of the operation
	faultErrno = "DAYBOOK_TEST_FAULT_ERRNO" // what it gives
	faultKind  = "DAYBOOK_TEST_FAULT_KIND"  // "once" or "from then on"
)

const fatalExit = 7

func TestMain(m *testing.M) {
	if os.Getenv(faultDir) != "" {
		os.Exit(faultyRun())
	}
	os.Exit(m.Run())
}

// faultyRun opens an archive on a disk with a fault, appends messages, and says
// which of them were acknowledged.
func faultyRun() int {
	at, _ := strconv.ParseInt(os.Getenv(faultAt), 10, 64)
	number, _ := strconv.Atoi(os.Getenv(faultErrno))
	var count atomic.Int64
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		n := count.Add(1)
		if at > 0 && (n == at || n > at && os.Getenv(faultKind) != "once") {
			if n == at {
				fmt.Printf("fault %v %s\n", op.Kind, op.Path)
			}
			return syscall.Errno(number)
		}
		return nil
	}))
	defer func() { fmt.Printf("operations %d\n", count.Load()) }()
	a, err := Open(os.Getenv(faultDir), Options{
		FS: fs, SegmentSize: 40 << 10, Logger: quiet(),
		Fatal: func(err error) { fmt.Printf("fatal %v\n", err); os.Exit(fatalExit) },
	})
	if err != nil {
		fmt.Printf("open %v\n", err)
		return 0
	}
	for n := range 12 {
		size := 5000
		if n == 7 {
			size = 6 * maxPiece
		}
		body := noise(size, uint64(n))
		r := receipt(body, "a@example.com", "b@example.org")
		r.Decision = Decision{Action: ActionQuarantine, Rule: "all"}
		r.Identity = &Identity{MessageID: fmt.Sprint(n % 3), Canonical: Digest{1 + byte(n%2)}}
		r.Join.Window = time.Hour
		e, err := a.Append(context.Background(), r)
		if err != nil {
			fmt.Printf("error %v\n", err)
			continue
		}
		sum := sha256.Sum256(body)
		fmt.Printf("acknowledged %d %s\n", e.ID, hex.EncodeToString(sum[:]))
		if n%4 == 0 {
			faultyDecisions(a, e.ID, uint64(n))
		}
		if n%4 == 2 {
			faultyCompaction(a, uint64(n))
		}
	}
	a.Close()
	return 0
}

// faultyDecisions keeps a policy and releases an entry, and says what was
// acknowledged.
func faultyDecisions(a *Archive, id, n uint64) {
	text := noise(3000, 100+n)
	digest := Digest(sha256.Sum256(text))
	files := []PolicyFile{policyFile("a.hcl", text), policyFile("b.txt", []byte("the same in all"))}
	if _, err := a.KeepPolicy(context.Background(), digest, files, Event{}); err == nil {
		fmt.Printf("policy %v %d\n", digest, 100+n)
	}
	if _, err := a.Release(context.Background(), id, "admin", ""); err == nil {
		fmt.Printf("released %d\n", id)
	}
}

// faultyCompaction leaves a content that nothing refers to, and one that a policy kept
// before is made of, and drops what it can.
func faultyCompaction(a *Archive, n uint64) {
	for tenant, raw := range map[string][]byte{"default": noise(3000, 200+n), policyTenant: []byte("the same in all")} {
		body := a.press.pack(nil, tenant, sha256.Sum256(raw), raw)
		if err := a.write(context.Background(), []ledger.Record{{Type: typeContent, Body: body}}); err != nil {
			fmt.Printf("error %v\n", err)
		}
	}
	r, err := a.Compact(context.Background(), CompactOptions{}, nil)
	if err != nil {
		fmt.Printf("error %v\n", err)
	}
	fmt.Printf("dropped %d\n", r.Records)
}

// Every operation on the disk fails once, and from then on: whatever was
// acknowledged is there, and the archive opens again.
func TestEveryDiskOperationFails(t *testing.T) {
	operations := 0
	sound := faulty(t, t.TempDir(), 0, 0, "once")
	fmt.Sscanf(line(sound, "operations"), "%d", &operations)
	if strings.Count(sound, "dropped 2") < 2 {
		t.Fatalf("a run without faults does not drop what it could:\n%s", sound)
	}
	if operations < 50 {
		t.Fatalf("a run without faults counts %d operations: the faults are not reached", operations)
	}
	step := *faultStep
	if testing.Short() {
		step = 25
	}
	tried, injected, acknowledged, refused := 0, 0, 0, 0
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, kind := range []string{"once", "from then on"} {
			for at := 1; at <= operations; at += step {
				dir := scratch(t)
				out := faulty(t, dir, at, errno, kind)
				tried++
				injected += strings.Count(out, "fault ")
				refused += strings.Count(out, "error ")
				name := fmt.Sprintf("%v %s at operation %d (%s)", errno, kind, at, line(out, "fault"))
				acknowledged += checkAfterFault(t, name, dir, out)
				os.RemoveAll(dir)
			}
		}
	}
	t.Logf("%d runs of %d operations, %d faults, %d messages acknowledged, %d refused", tried, operations, injected, acknowledged, refused)
	if injected < tried*9/10 || acknowledged == 0 || refused == 0 {
		t.Error("the faults did not reach the archive")
	}
}

// scratch is a folder in memory where there is one, as each of the many runs syncs
// often; the faults are the same.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "daybook-fault-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// faulty runs this program with a fault and gives what it printed.
func faulty(t *testing.T, dir string, at int, errno syscall.Errno, kind string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append(os.Environ(), faultDir+"="+dir, faultAt+"="+strconv.Itoa(at),
		faultErrno+"="+strconv.Itoa(int(errno)), faultKind+"="+kind)
	var out, trouble bytes.Buffer
	c.Stdout, c.Stderr = &out, &trouble
	if err := c.Run(); err != nil && c.ProcessState.ExitCode() != fatalExit {
		t.Errorf("operation %d, %v %s: %v\n%s%s", at, errno, kind, err, out.String(), trouble.String())
	}
	return out.String()
}

// line is what follows a word at the beginning of a line.
func line(out, word string) string {
	s := bufio.NewScanner(strings.NewReader(out))
	for s.Scan() {
		if rest, ok := strings.CutPrefix(s.Text(), word+" "); ok {
			return rest
		}
	}
	return ""
}

// checkAfterFault opens the archive on a sound disk and looks for everything that
// was acknowledged.
func checkAfterFault(t *testing.T, name, dir, out string) int {
	t.Helper()
	a, err := Open(dir, Options{Logger: quiet()})
	if err != nil {
		t.Errorf("%s: open afterwards: %v\n%s", name, err, out)
		return 0
	}
	defer a.Close()
	checkDecisions(t, name, a, out)
	count := 0
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		var id uint64
		var digest string
		if n, _ := fmt.Sscanf(s.Text(), "acknowledged %d %s", &id, &digest); n != 2 {
			continue
		}
		count++
		var b bytes.Buffer
		if err := a.WriteTo(context.Background(), id, &b); err != nil {
			t.Errorf("%s: entry %d was acknowledged: %v\n%s", name, id, err, out)
		} else if got := sha256.Sum256(b.Bytes()); hex.EncodeToString(got[:]) != digest {
			t.Errorf("%s: entry %d has other bytes\n%s", name, id, out)
		}
	}
	_, err = a.Verify(context.Background(), nil, func(d Damage) { t.Errorf("%s: %v\n%s", name, d.Error(), out) })
	if err != nil {
		t.Errorf("%s: verify: %v", name, err)
	}
	appendOne(t, a, receipt([]byte("after"), "a@b", "c@d"))
	return count
}

// checkDecisions looks for the policies and releases that were acknowledged.
func checkDecisions(t *testing.T, name string, a *Archive, out string) {
	t.Helper()
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		var id, seed uint64
		var digest string
		if n, _ := fmt.Sscanf(s.Text(), "released %d", &id); n == 1 {
			if e, err := a.Entry(id); err != nil || e.Quarantine != QuarantineNone {
				t.Errorf("%s: entry %d was released, and is %v (%v)\n%s", name, id, e.Quarantine, err, out)
			}
		}
		if n, _ := fmt.Sscanf(s.Text(), "policy %s %d", &digest, &seed); n == 2 {
			text := noise(3000, seed)
			checkPolicyText(t, name, a, sha256.Sum256(text), "a.hcl", text)
			checkPolicyText(t, name, a, sha256.Sum256(text), "b.txt", []byte("the same in all"))
		}
	}
}
