package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// difference is how what came back differs from what was sent, in messages. Which
// file became which entry does not matter: they are compared by their digests.
type difference struct {
	Missing int `json:"missing"` // sent, and not the same bytes in any that came back
	Foreign int `json:"foreign"` // came back, and not the bytes of any that was sent
}

// readBack has a stopped daybook's folder verified, and every message written out,
// and compares those with what was sent.
func (b *bench) readBack(ctx context.Context, data, export string, files *mailFiles) (difference, error) {
	for _, args := range [][]string{
		{"verify", "--data", data},
		{"export", "--data", data, "--all", "--output", export},
	} {
		cmd := exec.CommandContext(ctx, b.servers.program, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			said := &tail{}
			_, _ = said.Write(out) // it takes everything
			return difference{}, fmt.Errorf("daybook %s: %w: %s", args[0], err, said)
		}
	}
	d, err := compareFolder(export, files.digests)
	return d, errors.Join(err, os.RemoveAll(export))
}

// compareFolder compares the files of a folder with the digests of what was sent.
func compareFolder(dir string, sent []digest) (d difference, err error) {
	awaited := map[digest]int{}
	for _, sum := range sent {
		awaited[sum]++
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return d, err
	}
	for _, entry := range entries {
		sum, err := digestOf(filepath.Join(dir, entry.Name()))
		if err != nil {
			return d, err
		}
		if awaited[sum] == 0 {
			d.Foreign++
			continue
		}
		awaited[sum]--
	}
	for _, n := range awaited {
		d.Missing += n
	}
	return d, nil
}

// digestOf reads a file.
func digestOf(path string) (sum digest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return digest(h.Sum(nil)), nil
}
