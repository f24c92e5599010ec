package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 40 * time.Second
)

// process is a server in a process of its own.
type process struct {
	cmd  *exec.Cmd
	said *tail
	done chan struct{} // closed when it has ended
	err  error         // how; when done is closed
	// written is how many bytes it and those that it waited for had the kernel
	// bring to the disk; when done is closed.
	written float64
}

// startProcess runs a program until stop.
func startProcess(program string, args ...string) (*process, error) {
	return startAs(manner{}, program, args...)
}

// startAs is startProcess for a program that is started in a manner of its own.
func startAs(m manner, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), said: &tail{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	// It ends when it is told to, with all that it started, and not by the Ctrl-C
	// that ends this program.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = time.Second // what it started may hold its output open
	if err := m.start(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		p.written = writtenAtEnd(p.cmd.Process.Pid)
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// await waits until the server answers at an address.
func (p *process) await(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := net.DialTimeout(network(addr), addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at once: %v: %s", p.cmd.Path, p.err, p.said)
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen at %s: %s", p.cmd.Path, addr, p.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop asks the process to end, and ends it when it does not, and what it left
// behind.
func (p *process) stop() error {
	defer endGroup(p.cmd.Process.Pid)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
	}
	err := p.cmd.Process.Kill()
	<-p.done
	return errors.Join(fmt.Errorf("%s did not stop within %v", p.cmd.Path, stopTimeout), err)
}

// endGroup ends what is left of a process group, nobody as a rule, and waits for
// those that were adopted.
func endGroup(group int) {
	_ = syscall.Kill(-group, syscall.SIGKILL) // without a group there is nothing to do
	for {
		if _, err := syscall.Wait4(-group, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// stopInOrder stops a process for which it is an error not to exit with 0.
func (p *process) stopInOrder() error {
	if err := p.stop(); err != nil {
		return err
	}
	if p.err != nil {
		return fmt.Errorf("%s did not stop in order: %w: %s", p.cmd.Path, p.err, p.said)
	}
	return nil
}

// tail keeps the last of what a process says. That is read from a pipe as a
// service manager would, so that logging costs the process what it does there.
type tail struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*tail)(nil)

// Write keeps the end of what was written so far.
func (t *tail) Write(p []byte) (int, error) {
	const keep = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(len(p)-keep, 0):]...)
	t.text = append(t.text[:0], t.text[max(len(t.text)-keep, 0):]...)
	return len(p), nil
}

// String gives it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// network tells a TCP address from the path of a Unix socket.
func network(addr string) string {
	if filepath.IsAbs(addr) {
		return "unix"
	}
	return "tcp"
}

// freeAddress is a TCP address on the loopback interface that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
