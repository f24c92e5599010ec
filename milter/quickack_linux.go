//go:build !386 && !s390x

package milter

import (
	"syscall"
	"unsafe"
)

// quickAck makes the kernel acknowledge at once what has come on a TCP connection.
// Sendmail writes a macro frame and then its command in two small segments and, by
// Nagle's algorithm, holds the second back until the first is acknowledged: about
// 40 ms each, 0.2 s a message. The option does not stay set, so it is wanted before
// each read.
func quickAck(fd uintptr) {
	on := int32(1)
	// It is only about speed: an error changes nothing.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK,
		uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}
