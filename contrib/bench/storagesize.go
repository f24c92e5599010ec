package main

import (
	"context"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// extent is how much room files take.
type extent struct {
	Bytes     int64 `json:"bytes"`     // their lengths
	Allocated int64 `json:"allocated"` // the blocks that the file system gave them, in bytes
}

// extentOf adds up the files of a folder and of those in it. What the folders
// themselves take is not counted, and a file with several names counts once.
func extentOf(dir string) (extent, error) {
	var sum extent
	seen := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && stat.Nlink > 1 {
			if seen[stat.Ino] {
				return nil
			}
			seen[stat.Ino] = true
		}
		sum.Bytes += info.Size()
		if ok {
			const block = 512 // whatever the file system's blocks are, see stat(2)
			sum.Allocated += int64(stat.Blocks) * block
		}
		return nil
	})
	return sum, err
}

const (
	// solidWindow is how far back the solid stream looks: that of zstd --long=27.
	solidWindow = 128 << 20
	// mostSolid is the most that is compressed as one stream: it takes long.
	mostSolid = 1 << 30
)

// zstdAlone is how long the messages are when each is compressed on its own, at
// the default level.
func zstdAlone(ctx context.Context, f *mailFiles) (int64, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	var sum int64
	var room []byte
	err = eachMessage(ctx, f, func(raw []byte) error {
		room = enc.EncodeAll(raw, room[:0])
		sum += int64(len(room))
		return nil
	})
	return sum, err
}

// zstdSolid is how long the messages are when they are compressed best as one
// stream, in the order of their names.
func zstdSolid(ctx context.Context, f *mailFiles) (int64, error) {
	counted := &counter{}
	enc, err := zstd.NewWriter(counted, zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(solidWindow))
	if err != nil {
		return 0, err
	}
	if err := eachMessage(ctx, f, func(raw []byte) error {
		_, err := enc.Write(raw)
		return err
	}); err != nil {
		return 0, err
	}
	err = enc.Close()
	return counted.n, err
}

func eachMessage(ctx context.Context, f *mailFiles, do func(raw []byte) error) error {
	for n := range f.paths {
		raw, err := f.read(int64(n))
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = do(raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// counter counts what is written.
type counter struct{ n int64 }

var _ io.Writer = (*counter)(nil)

// Write counts.
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
