package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	// growKB and growConnections are the mail that the daemon is sent.
	growKB          = 4
	growConnections = 32
)

// growSubject is what the daemon is measured with.
func growSubject() subject { return subject{pathLMTP, growKB, growConnections, nameDaybook} }

// serveBoth has the daemon take mail by LMTP with the archive as it stands, and in turn
// with one of few entries: what a machine does not do alike at all times is in both. The
// archive must be closed.
func (g *grower) serveBoth(ctx context.Context, one *grown) error {
	small, err := g.smallest(ctx)
	if err != nil {
		return err
	}
	one.Served, one.Beside = &cell{subject: growSubject()}, &cell{subject: growSubject()}
	type side struct {
		dir string
		*cell
	}
	for round := range g.bench.Rounds {
		sides := []side{{g.dir, one.Served}, {small, one.Beside}}
		if round%2 == 1 {
			slices.Reverse(sides)
		}
		for _, s := range sides {
			f, err := g.bench.serveCopy(ctx, s.dir)
			if err != nil {
				return err
			}
			s.Rounds = append(s.Rounds, f)
		}
		fmt.Fprintf(g.progress, "round %d of %d: by LMTP %.0f/s, and %.0f/s with few entries\n",
			round+1, g.bench.Rounds, one.Served.Rounds[round].Rate, one.Beside.Rounds[round].Rate)
	}
	return nil
}

// smallest gives the folder of an archive with the first number of entries at which is
// measured. It is filled once.
func (g *grower) smallest(ctx context.Context) (dir string, err error) {
	s := &grower{mailer: g.mailer, dir: filepath.Join(g.bench.servers.work, "smallest")}
	if _, err := s.open(); err != nil {
		return "", err
	}
	if err := s.fill(ctx, growSteps(g.bench.Entries)[0]); err != nil {
		return "", errors.Join(err, s.archive.Close())
	}
	return s.dir, s.archive.Close()
}

// serveCopy has the daemon take mail with a copy of an archive that is closed.
func (b *bench) serveCopy(ctx context.Context, dir string) (f figures, err error) {
	messages := prepare(newSet(growKB, minSet)) // few: the memory of this process is a figure too
	data := dir + ".served"                     // on the disk of the archive, where its files can be linked
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	if err := copyGrown(dir, data); err != nil {
		return f, err
	}
	running, err := b.servers.launchDaybook(ctx, data, pathLMTP)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, running.close()) }()
	clients, err := connect(func() (client, error) { return dialFor(running, growSubject(), messages) }, growConnections)
	defer func() { closeAll(clients) }()
	if err != nil {
		return f, err
	}
	if f, err = b.loadOn(ctx, running, clients, messages); err == nil && f.Failed > 0 {
		err = fmt.Errorf("%d connections broke off: %s", f.Failed, f.Problem)
	}
	return f, err
}
