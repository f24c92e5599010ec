package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// What is measured: the ways into the archive, and what stands beside them.
const (
	pathLMTP     = "lmtp"
	pathMilter   = "milter"
	pathSync     = "sync"
	pathPostfix  = "postfix"
	pathSendmail = "sendmail"
)

// Names of what is measured.
const (
	nameDaybook    = "daybook"
	nameSink       = "smtp-sink"
	nameNothing    = "do-nothing"
	nameDovecot    = "dovecot"
	nameDovecotSIS = "dovecot-sis" // with zstd and single instance storage
	// nameDovecotEach is the same, but it keeps a copy for each recipient.
	nameDovecotEach = "dovecot-sis per recipient"
	nameNoMilter    = "no milter"
	nameDaybookTCP  = "daybook over TCP"
	nameDaybookBDAT = "daybook, BDAT" // fed by a chunkClient
)

// ceiling names what Daybook is compared with on a path.
func ceiling(path string) string {
	switch path {
	case pathLMTP:
		return nameSink
	case pathMilter:
		return nameNothing
	case pathSync:
		return nameAppend
	}
	return nameNoMilter
}

// server takes messages on one path.
type server struct {
	addr    string // of TCP, or the path of a Unix socket
	process *process
	end     func() error
	home    string // of all its files, removed by close; may be empty
	data    string // the folder that mail is kept in; empty when it keeps none
	// message makes of a message what is sent to this server, nil: as it is.
	message readdress
}

// stop ends the server. It may be called again.
func (s *server) stop() error {
	end := s.end
	s.end = nil
	if end == nil {
		return nil
	}
	return end()
}

// close ends the server and removes its files.
func (s *server) close() error {
	err := s.stop()
	if s.home == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.home))
}

// usage is what the server has used.
func (s *server) usage() (usage, error) {
	return usageOfTree(s.process.cmd.Process.Pid)
}

// servers start what is measured.
type servers struct {
	program string     // daybook
	slack   timerSlack // of the daemon
	policy  string     // Daybook's configuration; empty: none
	work    string     // folder for archives
	peers   peers
	// services, if not nil, make of each a service of its own.
	services *services
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
		return s.startNothing(ctx)
	case nameSink:
		return s.startSink(ctx, "-L")
	case nameDovecot:
		return s.startDovecot(ctx, false, oneCopy)
	case nameDovecotSIS:
		return s.startDovecot(ctx, true, oneCopy)
	case nameDovecotEach:
		return s.startDovecot(ctx, true, copyForEach)
	case nameEveryStep, nameNoReply:
		return s.startBystander(ctx, name)
	}
	return s.startDaybook(ctx, path)
}

// startSink runs smtp-sink, which throws away what it is sent.
func (s *servers) startSink(ctx context.Context, flags ...string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	const backlog = "1000"
	args := append(flags, addr, backlog)
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it does not run as root
	}
	return s.launch(ctx, addr, s.peers.sink, args...)
}

// startDaybook runs the daemon with one way in and an archive of its own. Beside
// Postfix it is a milter at a Unix socket.
func (s *servers) startDaybook(ctx context.Context, path string) (*server, error) {
	home, err := s.sharedFolder("archive-*")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, "data")
	var running *server
	if path == pathPostfix {
		running, err = s.launchMilter(ctx, data, filepath.Join(home, "milter.sock"))
	} else {
		running, err = s.launchDaybook(ctx, data, path)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home, running.data = home, data
	return running, nil
}

// launchDaybook runs the daemon with one way in over TCP and a folder for its data,
// which stays.
func (s *servers) launchDaybook(ctx context.Context, data, path string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if path == pathMilter {
		return s.serve(ctx, addr, data, "--lmtp", "off", "--milter", "tcp:"+addr)
	}
	return s.serve(ctx, addr, data, "--lmtp", "tcp:"+addr, "--milter", "off")
}

// launchMilter is launchDaybook for a milter at a Unix socket that all may use.
func (s *servers) launchMilter(ctx context.Context, data, socket string) (*server, error) {
	running, err := s.serve(ctx, socket, data, "--lmtp", "off", "--milter", "unix:"+socket)
	if err != nil {
		return nil, err
	}
	if err := running.admitAll(); err != nil {
		return nil, err
	}
	return running, nil
}

// admitAll lets programs of all users connect to the Unix socket of a server, which is
// stopped where that fails.
func (s *server) admitAll() error {
	if err := os.Chmod(s.addr, 0o666); err != nil {
		return errors.Join(err, s.stop())
	}
	return nil
}

// serve runs the daemon, which is to listen at an address.
func (s *servers) serve(ctx context.Context, addr, data string, flags ...string) (*server, error) {
	args := append([]string{"serve", "--data", data}, flags...)
	if s.policy != "" {
		args = append(args, "--config", s.policy)
	}
	running, err := s.launchAs(ctx, s.slack, unitWeight, addr, s.program, args...)
	if err != nil {
		return nil, err
	}
	running.end = running.process.stopInOrder
	return running, nil
}

// sharedFolder makes a folder that programs of other users can get into.
func (s *servers) sharedFolder(pattern string) (string, error) {
	dir, err := os.MkdirTemp(s.work, pattern)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// launch starts a program and waits until it listens.
func (s *servers) launch(ctx context.Context, addr, program string, args ...string) (*server, error) {
	return s.launchAs(ctx, 0, otherWeight, addr, program, args...)
}

// launchAs is launch for a program with a timer slack of its own, and with a weight where
// servers are services.
func (s *servers) launchAs(ctx context.Context, slack timerSlack, weight int, addr, program string, args ...string) (*server, error) {
	m := manner{slack: slack}
	if s.services != nil {
		var err error
		if m.group, err = s.services.group(weight); err != nil {
			return nil, err
		}
	}
	p, err := startAs(m, program, args...)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, addr); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &server{addr: addr, process: p, end: p.stop}, nil
}
