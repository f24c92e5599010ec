//go:build 386 || s390x

package milter

import "syscall"

// quickAck does what it does elsewhere, in the way of the systems on which Go reaches
// the calls of sockets through socketcall(2).
func quickAck(fd uintptr) {
	// It is only about speed: an error changes nothing.
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}
