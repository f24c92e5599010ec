package milter

import (
	"net"
	"syscall"
)

// quickAck returns a function that makes the kernel acknowledge at once what
// has come on a TCP connection. Sendmail writes a macro frame and then its
// command in two small segments and, by Nagle's algorithm, holds the second
// back until the first is acknowledged: about 40 ms each, 0.2 s a message. The
// option does not stay set, so it is wanted before each read.
func quickAck(conn net.Conn) func() {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) {
		// It is only about speed: an error changes nothing.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}
	return func() { _ = raw.Control(set) }
}
