package archive

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// defaultMinFree is the floor of free space on large disks, in bytes; on
	// smaller ones it is 1/minFreeShare of the disk.
	defaultMinFree = 2 << 30
	minFreeShare   = 20
	// spaceInterval is how long a look at the disk's free space is trusted.
	spaceInterval = 200 * time.Millisecond
)

// Room gives [ErrNoSpace] when Append would for want of free space. It is cheap
// enough to be asked often.
func (a *Archive) Room() error { return a.space.check() }

// space watches the free space of the archive's disk.
type space struct {
	fs      vfs.FS
	dir     string
	minFree uint64

	mu    sync.Mutex
	taken time.Time
	free  uint64
	err   error
}

func newSpace(fs vfs.FS, dir string, minFree uint64) *space {
	return &space{fs: fs, dir: dir, minFree: minFree}
}

// check gives ErrNoSpace when less than the floor is free.
func (s *space) check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.taken.IsZero() || now.Sub(s.taken) > spaceInterval || now.Before(s.taken) {
		s.look(now)
	}
	return s.err
}

// available is the free space when it was last looked at, in bytes.
func (s *space) available() uint64 {
	s.check()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free
}

// room gives ErrNoSpace when fewer bytes are free than are needed for a while. What is
// below the floor may be used for that.
func (s *space) room(bytes int64) error {
	u, err := s.fs.GetDiskUsage(s.dir)
	if err == nil && u.AvailBytes < uint64(bytes) {
		return fmt.Errorf("%w: %d MiB are free in %s, and %d MiB are needed", ErrNoSpace, u.AvailBytes>>20, s.dir, bytes>>20+1)
	}
	return nil // as in look
}

// forget has the next check look at the disk again.
func (s *space) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = time.Time{}
}

func (s *space) look(now time.Time) {
	s.taken, s.err = now, nil
	u, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		return // a disk that does not tell has no floor; its own error still counts
	}
	s.free = u.AvailBytes
	floor := s.minFree
	if floor == 0 {
		floor = min(defaultMinFree, u.TotalBytes/minFreeShare)
	}
	if s.free < floor {
		s.err = fmt.Errorf("%w: %d MiB are free in %s, the floor is %d MiB", ErrNoSpace, s.free>>20, s.dir, floor>>20)
	}
}
