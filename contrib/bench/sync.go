package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Files that what is written to is synced for every message: what one connection
// cannot be faster than.
const (
	nameAppend    = "append and sync"
	nameOverwrite = "overwrite and sync"
)

const (
	syncBlock = 4 << 10
	// overwritten is how long the file is that was written before.
	overwritten = 64 << 20
)

// measureSync measures one connection with messages of 4 KB, or a file beside it.
func (b *bench) measureSync(ctx context.Context, s subject) (f figures, err error) {
	size := 0
	switch s.Server {
	case nameDaybook, nameSink, nameDaybookBDAT:
		return b.measureLoad(ctx, s)
	case nameOverwrite:
		size = overwritten
	}
	c, err := newSyncClient(filepath.Join(b.servers.work, "sync"), size)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, c.remove()) }()
	limited, cancel := context.WithTimeout(ctx, b.span())
	defer cancel()
	o := put(limited, []client{c}, b.Messages)
	return newFigures(&o, float64(len(o.waits))*syncBlock, usage{}, usage{}), ctx.Err()
}

// syncClient takes a block for each message and brings it to the disk before it
// says so, as fdatasync(2) does.
type syncClient struct {
	file  *os.File
	block []byte
	size  int64 // of the file that is overwritten; 0: the file grows
}

var _ client = (*syncClient)(nil)

// newSyncClient makes a file that grows, or one that has its length and its blocks
// when that is more than 0.
func newSyncClient(path string, size int) (*syncClient, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	c := &syncClient{file: f, block: make([]byte, syncBlock), size: int64(size)}
	if size == 0 {
		return c, nil
	}
	_, err = f.Write(make([]byte, size))
	if err = errors.Join(err, f.Sync()); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *syncClient) send(n int64) error {
	copy(c.block, token(n)) // or a disk could see that nothing is new
	if c.size > 0 && n > 0 && n*syncBlock%c.size == 0 {
		if _, err := c.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	if _, err := c.file.Write(c.block); err != nil {
		return err
	}
	return syncData(c.file)
}

func (c *syncClient) close() {}

func (c *syncClient) remove() error {
	return errors.Join(c.file.Close(), os.Remove(c.file.Name()))
}
