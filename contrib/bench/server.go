package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"daybook/milter"
)

// The ways into the archive.
const (
	pathLMTP   = "lmtp"
	pathMilter = "milter"
)

// Names of what is measured.
const (
	nameDaybook = "daybook"
	nameSink    = "smtp-sink"
	nameNothing = "do-nothing"
)

// ceiling names what Daybook is compared with on a path.
func ceiling(path string) string {
	if path == pathMilter {
		return nameNothing
	}
	return nameSink
}

// server takes messages on one path at a TCP address.
type server struct {
	addr    string
	process *process // nil: it runs in this one
	stop    func() error
}

// servers start what is measured.
type servers struct {
	program string // daybook
	sink    string // smtp-sink
	work    string // folder for archives
}

// findSink finds Postfix's smtp-sink, which stands in no user's path as a rule.
func findSink() (string, error) {
	for _, name := range []string{"smtp-sink", "/usr/sbin/smtp-sink", "/usr/local/sbin/smtp-sink"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("smtp-sink is not installed; it comes with Postfix (Debian: apt-get install postfix), " +
		"or leave LMTP out with --paths milter")
}

// build makes the daybook program.
func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "daybook/cmd/daybook")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building daybook: %w: %s", err, out)
	}
	return nil
}

// start starts a server for one path, anew and with nothing in it.
func (s *servers) start(ctx context.Context, name, path string) (*server, error) {
	switch name {
	case nameNothing:
		return startNothing()
	case nameSink:
		return s.startSink(ctx)
	}
	return s.startDaybook(ctx, path)
}

func (s *servers) startSink(ctx context.Context) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	const backlog = "1000"
	args := []string{"-L", addr, backlog}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it does not run as root
	}
	return launch(ctx, addr, s.sink, args...)
}

// startDaybook runs the daemon with one way in and an archive of its own, which
// is removed when it stops.
func (s *servers) startDaybook(ctx context.Context, path string) (*server, error) {
	data, err := os.MkdirTemp(s.work, "archive-*")
	if err != nil {
		return nil, err
	}
	running, err := s.launchDaybook(ctx, filepath.Join(data, "data"), path)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	stop := running.stop
	running.stop = func() error { return errors.Join(stop(), os.RemoveAll(data)) }
	return running, nil
}

// launchDaybook runs the daemon with one way in and a folder for its data, which
// stays.
func (s *servers) launchDaybook(ctx context.Context, data, path string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	listen := map[string]string{pathLMTP: "off", pathMilter: "off"}
	listen[path] = "tcp:" + addr
	running, err := launch(ctx, addr, s.program, "serve", "--data", data,
		"--lmtp", listen[pathLMTP], "--milter", listen[pathMilter])
	if err != nil {
		return nil, err
	}
	running.stop = running.process.stopInOrder
	return running, nil
}

// launch starts a program and waits until it listens.
func launch(ctx context.Context, addr, program string, args ...string) (*server, error) {
	p, err := startProcess(program, args...)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, addr); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &server{addr: addr, process: p, stop: p.stop}, nil
}

// startNothing serves the do-nothing milter from this process.
func startNothing() (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := milter.NewServer(milter.Config{NewSession: func() milter.Session { return nothing{} }})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			return err
		}
		if err := <-ended; !errors.Is(err, milter.ErrServerClosed) {
			return err
		}
		return nil
	}
	return &server{addr: l.Addr().String(), stop: stop}, nil
}
