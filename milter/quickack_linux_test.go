package milter

import (
	"net"
	"syscall"
	"testing"
)

// Each read of a TCP connection has the kernel acknowledge at once again what comes
// next, whatever it has gone over to in the meantime.
func TestEachReadAcknowledgesAtOnce(t *testing.T) {
	conn, peer := connected(t, "tcp", "127.0.0.1:0")
	config := Config{}.withDefaults()
	s := newSocket(conn, &config)
	for range 3 {
		option(t, conn, func(fd int) (int, error) {
			return 0, syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0)
		})
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if on := option(t, conn, func(fd int) (int, error) {
			return syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK)
		}); on != 1 {
			t.Errorf("TCP_QUICKACK is %d after a read", on)
		}
	}
}

// option calls f with the descriptor of a connection.
func option(t *testing.T, conn net.Conn, f func(fd int) (int, error)) (value int) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { value, err = f(int(fd)) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return value
}
