package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// stored is what came of one set of mail.
type stored struct {
	Set      string `json:"set"`
	Messages int    `json:"messages"`
	Raw      int64  `json:"raw_bytes"` // as they were sent, without dot-stuffing
	Ledger   extent `json:"ledger"`
	Catalog  extent `json:"catalog"`
	Total    extent `json:"total"` // of the data folder
	// Alone and Solid are the same messages under zstd: each for itself at the
	// default level, and all as one stream at the best one. Solid is 0 when there
	// was too much.
	Alone   int64   `json:"zstd_alone_bytes"`
	Solid   int64   `json:"zstd_solid_bytes,omitempty"`
	Rate    float64 `json:"messages_per_second"`
	PeakMiB float64 `json:"peak_mib"`
	difference
}

// measureStorage measures how much room mail takes: that of the folders, or that
// of the generated kinds when there are none.
func (b *bench) measureStorage(ctx context.Context, m *measurement) error {
	add := func(name, dir string) error {
		s, err := b.store(ctx, name, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.Storage = append(m.Storage, s)
		return nil
	}
	for _, dir := range b.folders {
		if err := add(filepath.Base(filepath.Clean(dir)), dir); err != nil {
			return err
		}
	}
	if len(b.folders) > 0 {
		return nil
	}
	for _, k := range generatedKinds() {
		dir, err := os.MkdirTemp(b.servers.work, "mail-*")
		if err != nil {
			return err
		}
		fmt.Fprintf(b.progress, "%s: making it\n", k.name)
		err = newMixer(k).writeTo(dir)
		if err == nil {
			err = add(k.name, dir)
		}
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	return nil
}

// store sends the mail of a folder to a new archive, looks at what that takes on
// the disk, and has everything given back.
func (b *bench) store(ctx context.Context, name, dir string) (s stored, err error) {
	s.Set = name
	files, err := findMail(dir)
	if err != nil {
		return s, err
	}
	home, err := os.MkdirTemp(b.servers.work, "archive-*")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	data := filepath.Join(home, "data")
	say := func(what string) { fmt.Fprintf(b.progress, "%s: %s\n", name, what) }
	say(fmt.Sprintf("sending %d messages", len(files.paths)))
	if err := b.fill(ctx, data, files, &s); err != nil {
		return s, err
	}
	if err := s.measureFolder(data); err != nil {
		return s, err
	}
	say("reading them back")
	if s.difference, err = b.readBack(ctx, data, filepath.Join(home, "export"), files); err != nil {
		return s, err
	}
	say(fmt.Sprintf("%s of the raw bytes, read back: %s; now zstd", share(s.Total.Bytes, s.Raw), s.difference))
	if s.Alone, err = zstdAlone(ctx, files); err != nil || !b.solid || s.Raw > mostSolid {
		return s, err
	}
	s.Solid, err = zstdSolid(ctx, files)
	return s, err
}

// fill sends all messages to a daybook of their own and stops it in order.
func (b *bench) fill(ctx context.Context, data string, files *mailFiles, s *stored) error {
	running, err := b.servers.launchDaybook(ctx, data, pathLMTP)
	if err != nil {
		return err
	}
	err = b.send(ctx, running, files, s)
	return errors.Join(err, running.stop())
}

func (b *bench) send(ctx context.Context, running *server, files *mailFiles, s *stored) error {
	message := files.lmtp
	if b.PerSecond > 0 {
		message = paced(ctx, message, b.PerSecond)
	}
	clients, err := connect(func() (client, error) { return dialLMTPFrom(running.addr, message) }, b.Senders)
	defer func() { closeAll(clients) }()
	if err != nil {
		return err
	}
	o := put(ctx, clients, len(files.paths))
	used, err := running.usage()
	if err := errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	if o.failed > 0 {
		return fmt.Errorf("%d of %d messages were taken: %s", len(o.waits), len(files.paths), o.problem)
	}
	s.Messages, s.Raw = len(o.waits), files.raw()
	s.Rate, s.PeakMiB = ratio(float64(len(o.waits)), o.seconds), float64(used.peak)/(1<<20)
	return nil
}

// measureFolder looks at the data folder of a daybook that has stopped.
func (s *stored) measureFolder(data string) (err error) {
	for _, part := range []struct {
		name string
		sum  *extent
	}{{"ledger", &s.Ledger}, {"catalog", &s.Catalog}, {".", &s.Total}} {
		if *part.sum, err = extentOf(filepath.Join(data, part.name)); err != nil {
			return err
		}
	}
	return nil
}
