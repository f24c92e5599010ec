package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// maxSocketPath is the longest path that fits a Unix socket's address.
const maxSocketPath = 107

// errInUse is the reason why a socket cannot be bound: something answers on it.
var errInUse = errors.New("another process is listening there")

// withShortPath calls use with a path of the socket that fits into its address:
// the path itself, or one through the open folder that it is in.
func withShortPath(path string, use func(short string) error) error {
	if len(path) <= maxSocketPath {
		return use(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	short := filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(path))
	if len(short) > maxSocketPath {
		return fmt.Errorf("%s: the name of a socket may have at most %d bytes", path, maxSocketPath-30)
	}
	return use(short)
}

// dialUnix connects to a Unix socket, however long its path.
func dialUnix(ctx context.Context, path string) (conn net.Conn, err error) {
	err = withShortPath(path, func(short string) error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", short)
		return err
	})
	return conn, err
}

// listenUnix makes a Unix socket with the given permissions. A socket that is left
// over from a process that is gone is replaced; anything else in its place is an
// error. Closing the listener removes the socket.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// The socket file is made with the mode of the descriptor, so that it is
		// never open to more than these, not even for a moment.
		if e := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), uint32(mode)) }); e != nil {
			return e
		}
		return err
	}}
	var l net.Listener
	err := withShortPath(path, func(short string) (err error) {
		l, err = config.Listen(context.Background(), "unix", short)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	u := &unixListener{Listener: l, path: path}
	// Here the umask may have taken something away.
	if err = os.Chmod(path, mode); err == nil {
		u.made, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(path))
	}
	return u, nil
}

// removeStale removes a socket on which nobody answers.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is not a socket")
	}
	conn, err := dialUnix(context.Background(), path)
	if err == nil {
		conn.Close()
		return errInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// unixListener removes its socket when it is closed, and only its own: another
// process may have put one there since.
type unixListener struct {
	net.Listener
	path string
	made fs.FileInfo
	once sync.Once
}

func (u *unixListener) Close() error {
	err := u.Listener.Close()
	u.once.Do(func() {
		if info, e := os.Lstat(u.path); e == nil && os.SameFile(info, u.made) {
			err = errors.Join(err, os.Remove(u.path))
		}
	})
	return err
}
