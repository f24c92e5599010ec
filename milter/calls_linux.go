package milter

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// calls read and write a connection. Where it is a socket of the kernel, they
// leave out what Go does around a system call that may take long: these never
// wait, for the socket does not block. Otherwise each of the few small reads and
// writes of a message would wake the runtime's monitor thread, which is dearer than
// the read.
type calls struct {
	conn net.Conn
	raw  syscall.RawConn // nil if conn is no socket of the kernel
	tcp  bool

	// reading and writing are what is under way, made once.
	reading, writing func(fd uintptr) bool

	p     []byte
	n     int
	err   error
	acked bool
}

func newCalls(conn net.Conn) calls {
	c := calls{conn: conn}
	switch conn := conn.(type) {
	case *net.UnixConn:
		c.raw, _ = conn.SyscallConn()
	case *net.TCPConn:
		c.raw, _ = conn.SyscallConn()
		c.tcp = true
	}
	return c
}

// read is Read of the connection.
func (c *calls) read(p []byte) (int, error) {
	if c.raw == nil || len(p) == 0 {
		return c.conn.Read(p)
	}
	if c.reading == nil {
		c.reading = c.tryRead
	}
	c.p, c.n, c.err, c.acked = p, 0, nil, false
	err := c.raw.Read(c.reading)
	c.p = nil
	switch {
	case err != nil:
		return 0, err
	case c.err != nil:
		return 0, c.err
	case c.n == 0:
		return 0, io.EOF
	}
	return c.n, nil
}

// tryRead reads what is there. It returns false if there is nothing, to be called
// again when there is.
func (c *calls) tryRead(fd uintptr) bool {
	if c.tcp && !c.acked {
		c.acked = true
		quickAck(fd)
	}
	return c.try(syscall.SYS_READ, "read", fd)
}

// write is Write of the connection.
func (c *calls) write(p []byte) (int, error) {
	if c.raw == nil {
		return c.conn.Write(p)
	}
	if c.writing == nil {
		c.writing = c.tryWrite
	}
	for written := 0; written < len(p); written += c.n {
		c.p, c.n, c.err = p[written:], 0, nil
		err := c.raw.Write(c.writing)
		c.p = nil
		if err == nil {
			err = c.err
		}
		if err != nil {
			return written, err
		}
	}
	return len(p), nil
}

func (c *calls) tryWrite(fd uintptr) bool { return c.try(syscall.SYS_WRITE, "write", fd) }

// try makes a system call on c.p and returns false if it would have to wait.
func (c *calls) try(call uintptr, name string, fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&c.p[0])), uintptr(len(c.p)))
		switch errno {
		case 0:
			c.n = int(n)
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		default:
			c.err = os.NewSyscallError(name, errno)
		}
		return true
	}
}
