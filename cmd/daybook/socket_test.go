package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenUnix(t *testing.T) {
	for name, folder := range map[string]string{"short": "s", "long": strings.Repeat("long/", 30)} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), folder)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "a.sock")
			l, err := listenUnix(path, 0o660)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("the socket is %v, %v", info.Mode(), err)
			}
			conn, err := dialUnix(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if _, err := listenUnix(path, 0o660); !errors.Is(err, errInUse) {
				t.Errorf("a second listener: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if exists(path) {
				t.Error("the socket is still there")
			}
		})
	}
}

// A socket that was left over is replaced; what is not a socket is not touched,
// and neither is a socket that somebody else has put in place of ours.
func TestListenUnixInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	first, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil || !exists(path) {
		t.Errorf("the socket of the second is gone: %v", err)
	}
	if err := second.Close(); err != nil || exists(path) {
		t.Errorf("the socket of the second is still there: %v", err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(path, 0o600); err == nil || !exists(path) {
		t.Errorf("a file was taken for a socket: %v", err)
	}
}

func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := notify("READY=1"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != "READY=1" {
		t.Errorf("got %q, %v", b[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", path+".missing")
	if err := notify("READY=1"); err == nil {
		t.Error("nobody was told, and that is no error")
	}
}
