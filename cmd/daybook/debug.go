package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

type debugCmd struct {
	Kind    string `arg:"" enum:"profile,heap,allocs,goroutine,mutex,block,trace" help:"profile, heap, allocs, goroutine, mutex, block or trace."`
	Seconds int    `default:"10" placeholder:"N" help:"How long profile, mutex, block and trace watch the daemon, 1 to 300 seconds; ${default} unless given."`
	place   `embed:""`
}

// Help is the long help of the command.
func (*debugCmd) Help() string {
	return `Shows what a running daemon spends its time and memory on, for those who look for what makes it slow or large. What is written to standard output is for go tool pprof, and a trace for go tool trace:

  daybook debug profile --seconds 30 > cpu.pb.gz
  go tool pprof -top cpu.pb.gz

profile is the processor's time, heap the memory in use, allocs all memory since the start, goroutine what everything is doing now; mutex and block are what waits for whom, and trace is every step of the scheduler, a few megabytes a second. The daemon goes on meanwhile, a little slower; one is taken at a time. No mail and no addresses are in it.

It goes over the control socket, which only the daemon's user can open.

Exit status: 0 when it was written, 1 when the work failed, 2 when no daemon runs, while another one is taken, and for wrong flags.`
}

// Run writes a profile.
func (c *debugCmd) Run(env *environment) error {
	if c.Seconds < 1 || c.Seconds > maxProfileSeconds {
		return refuse("--seconds", fmt.Errorf("%d is not from 1 to %d", c.Seconds, maxProfileSeconds), "take more than one profile for a longer time")
	}
	if f, ok := env.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return refuse("standard output", errors.New("a profile is not for a terminal"), "add > "+c.Kind+".pb.gz")
	}
	pol, err := c.server()
	if err != nil {
		return err
	}
	socket := pol.Server.Control.Address
	r, err := dialControl(env.ctx, socket)
	if errors.Is(err, errNoDaemon) {
		return refuse(socket, err, "start one, or name its data folder with --data or --config")
	}
	if err != nil {
		return err
	}
	path := fmt.Sprintf("debug/%s?seconds=%d", c.Kind, c.Seconds)
	return errors.Join(r.writeRaw(env.ctx, c.Kind, path, env.stdout), r.Close())
}

// maxProfileSeconds bounds how long a daemon is watched.
const maxProfileSeconds = 300

// blockEvery is how long something waits, on average, for one sample of a block
// profile, and mutexEvery how many waits there are for one of a mutex profile.
const (
	blockEvery = 10 * time.Microsecond
	mutexEvery = 10
)
