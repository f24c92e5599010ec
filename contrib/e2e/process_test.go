package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopTimeout is how long a program may take to end after SIGTERM. Daybook
// promises 30 seconds; the mail servers need less.
const stopTimeout = 35 * time.Second

// process is a running program of a test: the daemon under test or a peer.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string        // the file that takes its output
	done chan struct{} // closed when the program has ended
}

// startProcess runs a program in its own process group. It is stopped when the
// test ends, and dies with the test program if that is killed. Its output goes
// to a file, because children of a mail server may hold it open for longer.
func startProcess(t testing.TB, name string, argv ...string) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(workDir(t), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = groupOfTest()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p := &process{name: name, cmd: cmd, log: log.Name(), done: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("%v", err)
		}
		if t.Failed() {
			out := p.output()
			t.Logf("end of the output of %s:\n%s", name, out[max(0, len(out)-1500):])
		}
	})
	return p
}

// guard ends the program's process group when the test program dies. Postfix
// needs it: it changes its user id now and then, whereupon the kernel forgets
// Pdeathsig. The guard waits for the end of a pipe that the test program holds.
func (p *process) guard(t testing.TB) {
	t.Helper()
	guard := exec.Command("/bin/sh", "-c", `read -r _; kill -TERM "-$0"`, strconv.Itoa(p.cmd.Process.Pid))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := guard.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the program itself is stopped
		guard.Process.Kill()
		guard.Wait()
		pipe.Close()
	})
}

// output is what the program has written so far.
func (p *process) output() string {
	b, _ := os.ReadFile(p.log)
	return string(b)
}

// said tells whether the output holds this line.
func (p *process) said(line string) bool {
	for l := range strings.Lines(p.output()) {
		if strings.TrimRight(l, "\r\n") == line {
			return true
		}
	}
	return false
}

// signal sends a signal to the program itself.
func (p *process) signal(s syscall.Signal) { syscall.Kill(p.cmd.Process.Pid, s) }

// running tells whether the program has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks the program to end, waits for it, and ends what it left behind in
// its process group. It may be called twice.
func (p *process) stop() error {
	if !p.running() {
		return nil
	}
	p.signal(syscall.SIGTERM)
	err := p.wait(stopTimeout)
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
	return err
}

// kill ends the program at once, as a crash would.
func (p *process) kill() {
	if p.running() {
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s did not end within %v of SIGTERM", p.name, limit)
	}
}

// run runs a short program to its end and returns its standard output.
func run(argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// mustRun is run for a step that a test cannot do without.
func mustRun(t testing.TB, argv ...string) []byte {
	t.Helper()
	out, err := run(argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventually waits until check is content, and fails the test if it never is.
func eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %v", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitForPort waits until something listens at a TCP or Unix socket address.
func waitForPort(t testing.TB, p *process, network, addr string) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		if !p.running() {
			t.Fatalf("%s ended at once:\n%s", p.name, p.output())
		}
		c, err := net.DialTimeout(network, addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// freePort returns a loopback port on which nothing listens, on 127.0.0.1 and, if
// the machine has it, on ::1.
func freePort(t testing.TB) string {
	t.Helper()
	for range 50 {
		four, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(four.Addr().String())
		six, err := net.Listen("tcp6", "[::1]:"+port)
		four.Close()
		if err == nil {
			six.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return port
		}
	}
	t.Fatal("no port is free on both 127.0.0.1 and ::1")
	return ""
}

// workDir is a temporary folder that other users can enter, as mail servers
// that give up root must, with a path short enough for Unix sockets.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "daybook-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// writeFile writes one file of a peer's configuration.
func writeFile(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// needPeer skips the test when one of the peer's files is missing.
func needPeer(t testing.TB, peer string, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			without(t, fmt.Sprintf("%s is not installed (%v): run contrib/peers/install.sh as root", peer, err))
		}
	}
}

// needServer is needPeer for a mail server, which only root can start, and which
// listens on both loopback addresses.
func needServer(t testing.TB, peer string, files ...string) {
	t.Helper()
	needPeer(t, peer, files...)
	if os.Getuid() != 0 {
		without(t, peer+" can be started only by root")
	}
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		without(t, "this machine has no IPv6 loopback address: "+err.Error())
		return
	}
	ln.Close()
}

// without skips the test, or fails it when the environment says that all peers
// must be there.
func without(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("DAYBOOK_REQUIRE_PEERS") == "1" {
		t.Fatal(reason)
	}
	t.Skip("SKIPPED: " + reason)
}

// skipIfShort skips a test that takes more than a few seconds.
func skipIfShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("a long test: left out by -short")
	}
}
