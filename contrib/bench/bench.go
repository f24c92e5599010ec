package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// bench carries out a run.
type bench struct {
	settings
	servers  servers
	progress io.Writer
	sets     map[int]*set // by size in KB
	notes    []string     // what is not measured, and why
}

// run measures all that the settings ask for, in all rounds.
func (b *bench) run(ctx context.Context) (m *measurement, err error) {
	if err := b.setUp(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.servers.work)) }()
	m = &measurement{When: time.Now().UTC().Truncate(time.Second), Settings: b.settings, Slack: b.servers.slack}
	if m.Machine, err = describeMachine(b.servers.work); err != nil {
		return nil, err
	}
	if !b.grow {
		m.Machine.Versions = b.servers.peers.versions(ctx, b.servers.program)
	}
	before, err := bystanders()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	measure := b.measureRates
	switch {
	case b.storage:
		measure = b.measureStorage
	case b.grow:
		measure = b.measureGrowth
	}
	if err := measure(ctx, m); err != nil {
		return nil, err
	}
	after, lost := bystanders()
	m.Machine.Others = max(after-before, 0) / time.Since(began).Seconds() / float64(m.Machine.CPUs)
	m.Notes = b.notes
	return m, lost
}

// setUp finds or makes what is needed, before anything takes time.
func (b *bench) setUp(ctx context.Context) (err error) {
	if err := adopt(); err != nil {
		return err
	}
	if !b.plain {
		b.servers.slack = unitTimerSlack
	}
	b.servers.peers = findPeers()
	b.sets = map[int]*set{}
	if b.servers.work, err = os.MkdirTemp(b.work, "daybook-bench-*"); err != nil {
		return err
	}
	if err := b.prepareDaybook(ctx); err != nil {
		return errors.Join(err, os.RemoveAll(b.servers.work))
	}
	return nil
}

func (b *bench) prepareDaybook(ctx context.Context) error {
	// Postfix and Dovecot have users of their own, who go through it.
	if err := os.Chmod(b.servers.work, 0o711); err != nil {
		return err
	}
	b.servers.program = b.program
	if b.program == "" {
		b.servers.program = filepath.Join(b.servers.work, "daybook")
		if err := build(ctx, b.servers.program); err != nil {
			return err
		}
	}
	if b.storage {
		return nil // it is measured as it comes
	}
	b.servers.policy = filepath.Join(b.servers.work, "policy.hcl")
	return os.WriteFile(b.servers.policy, []byte(policyText()), 0o600)
}

// set gives the messages of a size in KB, or the mix.
func (b *bench) set(kb int) (*set, error) {
	if s := b.sets[kb]; s != nil {
		return s, nil
	}
	if kb != mixSize {
		b.sets[kb] = prepare(newSet(kb, setLength(kb)))
		return b.sets[kb], nil
	}
	fmt.Fprintln(b.progress, "the mix: making it")
	mix, err := newMix(b.mail)
	if err != nil {
		return nil, fmt.Errorf("--mail: %w", err)
	}
	b.sets[kb] = mix
	return mix, nil
}

// measureRates measures how fast mail is taken.
func (b *bench) measureRates(ctx context.Context, m *measurement) error {
	groups := b.groups()
	if slices.Contains(b.Sizes, mixSize) && slices.Contains(b.Paths, pathLMTP) {
		mix, err := b.set(mixSize)
		if err != nil {
			return err
		}
		m.Mix = mix.describe()
	}
	for round := range b.Rounds {
		for _, g := range groups {
			if err := b.measureGroup(ctx, m, g, round); err != nil {
				return err
			}
		}
	}
	if b.Large {
		if err := b.measureLarge(ctx, m); err != nil {
			return err
		}
	}
	if b.flood {
		return b.measureFlood(ctx, m)
	}
	return nil
}

// inRound is a group in the order of a round. Each round begins with another one, so
// that the same is not always the first on a cold machine.
func inRound(group []subject, round int) []subject {
	first := round % len(group)
	return slices.Concat(group[first:], group[:first])
}

// maxUnmeasured is how many figures may fail before a run is given up. A peer that fails
// once costs its figure, and not those of the hour before.
const maxUnmeasured = 3

// measureGroup measures once what is compared side by side.
func (b *bench) measureGroup(ctx context.Context, m *measurement, group []subject, round int) error {
	for _, s := range inRound(group, round) {
		f, err := b.measure(ctx, m, s)
		if err != nil {
			if ctx.Err() != nil || m.unmeasured() == maxUnmeasured {
				return fmt.Errorf("%v: %w", s, err)
			}
			fmt.Fprintf(b.progress, "%v: not measured: %v\n", s, err)
			m.add(s, figures{Problem: err.Error()})
			continue
		}
		fmt.Fprintf(b.progress, "round %d of %d: %-8s %6s %3d connections %-25s %8.0f/s\n",
			round+1, b.Rounds, s.Path, sizeName(s.SizeKB), s.Connections, s.Server, f.Rate)
		m.add(s, f)
	}
	return nil
}

// measure measures one subject once.
func (b *bench) measure(ctx context.Context, m *measurement, s subject) (figures, error) {
	switch s.Path {
	case pathSync:
		return b.measureSync(ctx, s)
	case pathPostfix:
		return b.measurePostfix(ctx, s)
	case pathSendmail:
		return b.measureSendmail(ctx, s)
	}
	for _, h := range halfLoads() {
		if h.path == s.Path {
			return b.measureHalfLoad(ctx, m, h, s)
		}
	}
	return b.measureLoad(ctx, s)
}

// measureLoad starts a server, puts a load on it and stops it.
func (b *bench) measureLoad(ctx context.Context, s subject) (f figures, err error) {
	messages, err := b.set(s.SizeKB)
	if err != nil {
		return f, err
	}
	server, path := s.Server, s.Path
	if server == nameDaybookBDAT {
		server = nameDaybook
	}
	if path == pathSync {
		path = pathLMTP
	}
	running, err := b.servers.start(ctx, server, path)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, running.close()) }()
	clients, err := connect(func() (client, error) { return dialFor(running, s, messages) }, s.Connections)
	defer func() { closeAll(clients) }()
	if err != nil {
		return f, err
	}
	return b.loadOn(ctx, running, clients, messages)
}

// dialFor connects to a server in the way of a subject.
func dialFor(running *server, s subject, messages *set) (client, error) {
	switch {
	case s.Server == nameDaybookBDAT:
		return dialChunks(running.addr, messages.messages)
	case s.Path == pathMilter:
		return dialMilter(running.addr, messages.messages, allProtocol())
	case running.message == nil:
		return dialLMTP(running.addr, messages.lmtp)
	}
	next := inTurn(messages.lmtp)
	c := &lmtpClient{turn: int64(len(messages.lmtp)), message: func(n int64) (*lmtpMessage, error) {
		m, err := next(n)
		return running.message(m, n), err
	}}
	return c, c.dial(running.addr)
}

// loadOn puts the load on a server, and stops it to see what it wrote.
func (b *bench) loadOn(ctx context.Context, running *server, clients []client, messages *set) (f figures, err error) {
	// What is done once, as making a mailbox or a first segment, is not measured.
	warm := dovecotBoxes + len(clients)
	first := putFrom(ctx, clients[:1], 0, dovecotBoxes)
	if first.failed == 0 {
		all := putFrom(ctx, clients, dovecotBoxes, warm)
		first.failed, first.problem, first.sent = all.failed, all.problem, append(first.sent, all.sent...)
	}
	if first.failed > 0 {
		return newFigures(&first, 0, usage{}, usage{}), nil
	}
	before, err := running.usage()
	if err != nil {
		return f, err
	}
	limited, cancel := context.WithTimeout(ctx, b.span())
	defer cancel()
	o := putFrom(limited, clients, warm, warm+b.Messages)
	after, err := running.usage()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return f, err
	}
	bytes := messages.bytes(o.sent)
	f = newFigures(&o, bytes, before, after)
	closeAll(clients)
	return f, f.settle(running, bytes+messages.bytes(first.sent), after)
}
