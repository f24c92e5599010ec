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
}

// set is the messages of one size, ready to be sent.
type set struct {
	messages []*message
	lmtp     []*lmtpMessage
	bytes    float64 // of a message, on average
}

func prepare(messages []*message) *set {
	s := &set{messages: messages}
	for _, m := range messages {
		s.lmtp = append(s.lmtp, newLMTPMessage(m))
		s.bytes += float64(len(m.raw)) / float64(len(messages))
	}
	return s
}

// run measures all that the settings ask for, in all rounds.
func (b *bench) run(ctx context.Context) (m *measurement, err error) {
	if err := b.setUp(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.servers.work)) }()
	m = &measurement{When: time.Now().UTC().Truncate(time.Second), Settings: b.settings}
	if m.Machine, err = describeMachine(b.servers.work); err != nil {
		return nil, err
	}
	before, err := bystanders()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	measure := b.measureRates
	if b.storage {
		measure = b.measureStorage
	}
	if err := measure(ctx, m); err != nil {
		return nil, err
	}
	after, lost := bystanders()
	m.Machine.Others = max(after-before, 0) / time.Since(began).Seconds() / float64(m.Machine.CPUs)
	return m, lost
}

// measureRates measures how fast mail is taken.
func (b *bench) measureRates(ctx context.Context, m *measurement) error {
	for round := range b.Rounds {
		if err := b.round(ctx, m, round+1); err != nil {
			return err
		}
	}
	if !b.Large {
		return nil
	}
	return b.measureLarge(ctx, m)
}

// round measures everything once.
func (b *bench) round(ctx context.Context, m *measurement, number int) error {
	for _, s := range b.subjects() {
		f, err := b.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s, %d KB, %d connections, %s: %w", s.Path, s.SizeKB, s.Connections, s.Server, err)
		}
		fmt.Fprintf(b.progress, "round %d of %d: %-6s %3d KB %3d connections %-10s %8.0f/s\n",
			number, b.Rounds, s.Path, s.SizeKB, s.Connections, s.Server, f.Rate)
		m.add(s, f)
	}
	return nil
}

// setUp finds or makes what is needed, before anything takes time.
func (b *bench) setUp(ctx context.Context) (err error) {
	if !b.storage && slices.Contains(b.Paths, pathLMTP) {
		if b.servers.sink, err = findSink(); err != nil {
			return err
		}
	}
	if b.servers.work, err = os.MkdirTemp(b.work, "daybook-bench-*"); err != nil {
		return err
	}
	b.servers.program = b.program
	if b.program == "" {
		b.servers.program = filepath.Join(b.servers.work, "daybook")
		if err := build(ctx, b.servers.program); err != nil {
			return errors.Join(err, os.RemoveAll(b.servers.work))
		}
	}
	b.sets = map[int]*set{}
	for _, kb := range b.Sizes {
		b.sets[kb] = prepare(newSet(kb))
	}
	return nil
}

// subjects are those of one round, what is compared side by side.
func (b *bench) subjects() []subject {
	var list []subject
	for _, path := range b.Paths {
		for _, kb := range b.Sizes {
			for _, n := range b.Connections {
				list = append(list, subject{path, kb, n, ceiling(path)}, subject{path, kb, n, nameDaybook})
			}
		}
	}
	return list
}

// measure starts a server, puts a load on it and stops it.
func (b *bench) measure(ctx context.Context, s subject) (figures, error) {
	running, err := b.servers.start(ctx, s.Server, s.Path)
	if err != nil {
		return figures{}, err
	}
	f, err := b.loadOn(ctx, running, s, b.sets[s.SizeKB])
	return f, errors.Join(err, running.stop())
}

func (b *bench) loadOn(ctx context.Context, running *server, s subject, messages *set) (figures, error) {
	dial := func() (client, error) { return dialLMTP(running.addr, messages.lmtp) }
	if s.Path == pathMilter {
		dial = func() (client, error) { return dialMilter(running.addr, messages.messages, allProtocol()) }
	}
	clients, err := connect(dial, s.Connections)
	defer func() { closeAll(clients) }()
	if err != nil {
		return figures{}, err
	}
	before, err := running.usage()
	if err != nil {
		return figures{}, err
	}
	limited, cancel := context.WithTimeout(ctx, b.span())
	defer cancel()
	o := put(limited, clients, b.Messages)
	after, err := running.usage()
	if err == nil {
		err = ctx.Err()
	}
	return newFigures(&o, float64(len(o.waits))*messages.bytes, before, after), err
}

// usage is what the server's process has used, nothing when it has none.
func (s *server) usage() (usage, error) {
	if s.process == nil {
		return usage{}, nil
	}
	return usageOf(s.process.cmd.Process.Pid)
}
