package archive

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// shareLock takes a lock that readers share and a writer does not. It is refused
// with EAGAIN while a writer has the archive. Lock belongs to the open file, not
// to the process, so that it counts within one process too (fcntl(2), "Open file
// description locks").
func shareLock(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
