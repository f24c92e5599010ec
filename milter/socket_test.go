package milter

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// lateConn fails as long as the deadline that is set is earlier than one, and takes
// and gives a byte each time.
type lateConn struct {
	net.Conn
	until    time.Time
	deadline time.Time
	said     bytes.Buffer
	set      int
}

func (c *lateConn) SetDeadline(t time.Time) error {
	c.deadline = t
	c.set++
	return nil
}

func (c *lateConn) early() error {
	if c.deadline.Before(c.until) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (c *lateConn) Read(p []byte) (int, error) {
	if err := c.early(); err != nil {
		return 0, err
	}
	return copy(p, "x"), nil
}

func (c *lateConn) Write(p []byte) (int, error) {
	c.said.WriteByte(p[0])
	if len(p) > 1 {
		return 1, os.ErrDeadlineExceeded
	}
	return 1, nil
}

// A deadline from before that passes ends nothing before its time, and one that is
// later than what counts is not left in force.
func TestDeadlineThatCounts(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name  string
		armed time.Duration // of the deadline from before; 0: none
		set   int           // how often one is set
	}{
		{"none from before", 0, 1},
		{"an earlier one that passes", -time.Minute, 1},
		{"a later one", 1000 * time.Hour, 1},
		{"one that is long enough", time.Hour, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := Config{}.withDefaults()
			conn := &lateConn{until: now.Add(30 * time.Minute)}
			s := newSocket(conn, &config)
			if test.armed != 0 {
				s.armed = now.Add(test.armed)
				conn.deadline = s.armed
			}
			if n, err := s.Read(make([]byte, 9)); n != 1 || err != nil {
				t.Errorf("read %d bytes, %v", n, err)
			}
			if conn.set != test.set {
				t.Errorf("a deadline was set %d times, want %d", conn.set, test.set)
			}
			if limit, _ := s.limit(time.Now()); conn.deadline.After(limit) {
				t.Errorf("a read may wait until %v, its limit is %v", conn.deadline, limit)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	config := Config{IdleTimeout: time.Hour}.withDefaults()
	s := newSocket(&lateConn{}, &config)
	now := time.Now()
	expect := func(after time.Duration, what string) {
		t.Helper()
		end, why := s.limit(now)
		if end.Sub(now) != after || why != what {
			t.Errorf("a read may take %v, %s; want %v, %s", end.Sub(now), why, after, what)
		}
	}
	expect(time.Hour, "idle")
	s.limitFrame(time.Minute)
	expect(time.Minute, "incomplete command")
	now = now.Add(10 * time.Second) // the next piece of the same frame
	expect(50*time.Second, "incomplete command")
	s.transactionEnds = now.Add(time.Second)
	expect(time.Second, "unfinished transaction")
	s.limitFrame(0)
	s.transactionEnds = time.Time{}
	expect(time.Hour, "idle")
}

// A deadline from before that passes in the middle of a reply loses none of it.
func TestWriteGoesOn(t *testing.T) {
	config := Config{}.withDefaults()
	conn := new(lateConn)
	s := newSocket(conn, &config)
	if n, err := s.Write([]byte("reply")); n != 5 || err != nil || conn.said.String() != "reply" {
		t.Errorf("wrote %d bytes, %q, %v", n, &conn.said, err)
	}
}

// TestCalls reads and writes real sockets: everything arrives, and each end is told
// as a connection of package net tells it.
func TestCalls(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "socket")
			}
			testCalls(t, network, address)
		})
	}
}

// connected gives both ends of a connection, which are closed with the test.
func connected(t *testing.T, network, address string) (conn, peer net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	if conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, peer
}

func testCalls(t *testing.T, network, address string) {
	conn, peer := connected(t, network, address)
	c := newCalls(conn)

	// More than a socket holds goes through in both directions.
	data := randomBytes(1, 8<<20)
	go func() {
		_, _ = io.Copy(peer, io.LimitReader(peer, int64(len(data))))
		_ = peer.Close()
	}()
	wrote := make(chan error, 1)
	writer := newCalls(conn)
	go func() {
		_, err := writer.write(data)
		wrote <- err
	}()
	var back []byte
	for buf := make([]byte, 64<<10); ; {
		n, err := c.read(buf)
		back = append(back, buf[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back, data) {
		t.Errorf("%d of %d bytes came back, or others", len(back), len(data))
	}

	// The peer is gone.
	var err error
	for err == nil {
		_, err = c.write(data)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		t.Errorf("writing to a peer that is gone: %v", err)
	}
	if err := conn.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading after the deadline: %v", err)
	}
	if _, err := c.write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing after the deadline: %v", err)
	}
	_ = conn.Close()
	if _, err := c.read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading from what is closed: %v", err)
	}
}
