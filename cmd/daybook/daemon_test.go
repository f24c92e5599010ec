package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"daybook/archive"
	"daybook/archive/message"
	"daybook/policy"
)

// testPolicy has one way in, a Unix socket, and an archive in a new folder.
func testPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	t.Setenv("NOTIFY_SOCKET", "")
	dir := t.TempDir()
	pol := policy.Default()
	pol.Server.Data = filepath.Join(dir, "data")
	pol.Server.Control = policy.Addr{Network: "unix", Address: filepath.Join(pol.Server.Data, "control.sock")}
	pol.Server.MinFree = 1
	off, socket := policy.Addr{Network: "off"}, policy.Addr{Network: "unix", Address: filepath.Join(dir, "lmtp.sock")}
	if err := errors.Join(pol.SetMilter(off), pol.SetLMTP(socket)); err != nil {
		t.Fatal(err)
	}
	return pol
}

// fill appends more than the buffers of a socket hold: of entries, and in the
// message of the first.
func fill(t *testing.T, a *archive.Archive) {
	t.Helper()
	recipients := make([]message.Path, 400)
	for i := range recipients {
		recipients[i].Address = fmt.Sprintf("%s%d@example.org", strings.Repeat("r", 50), i)
	}
	var source [32]byte
	body := make([]byte, 4<<20)
	if _, err := rand.NewChaCha8(source).Read(body); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		_, err := a.Append(t.Context(), &archive.Receipt{
			Tenant: "default", Source: "test", Received: time.Now(),
			Envelope: message.Envelope{Recipients: recipients},
			Body:     bytes.NewReader(body), Size: int64(len(body)), SHA256: sha256.Sum256(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		body = body[:10]
	}
}

// A command that does not read its answer does not hold up the end of the daemon.
func TestStopWithReaderThatStopped(t *testing.T) {
	for _, path := range []string{"/v1/entries", "/v1/entries/2/raw"} {
		t.Run(path, func(t *testing.T) {
			pol := testPolicy(t)
			d, err := startDaemon(t.Context(), pol, slog.New(slog.DiscardHandler), nil)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, d.archive)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- d.run(ctx, nil) }()
			conn, err := dialUnix(t.Context(), pol.Server.Control.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: daybook\r\n\r\n", path)
			if _, err := io.ReadFull(conn, make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // until the answer is stuck
			stop()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("run: %v", err)
				}
			case <-time.After(time.Minute): // a busy machine may take longer than the daemon allows
				t.Fatal("it is still held up after a minute")
			}
			if _, err := d.archive.AppendEvent(t.Context(), archive.Event{Kind: archive.EventGap}); !errors.Is(err, archive.ErrClosed) {
				t.Errorf("the archive is not closed: %v", err)
			}
		})
	}
}

// syncBuffer is a log that a test reads while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const waitingText = "waiting for a command"

// heldPolicy has an archive that a command is reading until it is closed.
func heldPolicy(t *testing.T) (*policy.Policy, *archive.Archive) {
	t.Helper()
	pol := testPolicy(t)
	a, err := archive.Open(pol.Server.Data, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := archive.Open(pol.Server.Data, archive.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return pol, reader
}

// whenWaiting calls f when the log of a daemon says that it waits.
func whenWaiting(t *testing.T, log *syncBuffer, f func()) {
	go func() {
		for !strings.Contains(log.String(), waitingText) {
			if t.Context().Err() != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
		f()
	}()
}

// A daemon that starts while a command reads the archive waits for it.
func TestStartWaitsForCommand(t *testing.T) {
	pol, reader := heldPolicy(t)
	var log syncBuffer
	whenWaiting(t, &log, func() {
		time.Sleep(3 * lockInterval)
		reader.Close()
	})
	d, err := startDaemon(t.Context(), pol, slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	d.abandon()
	if n := strings.Count(log.String(), waitingText); n != 1 {
		t.Errorf("it says %d times that it waits:\n%s", n, log.String())
	}
}

// A daemon that waits for a command can be stopped.
func TestStopWhileWaitingForCommand(t *testing.T) {
	pol, _ := heldPolicy(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log syncBuffer
	whenWaiting(t, &log, stop)
	if _, err := startDaemon(ctx, pol, slog.New(slog.NewTextHandler(&log, nil)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
