//go:build !linux

package milter

import "net"

// calls read and write a connection.
type calls struct{ conn net.Conn }

func newCalls(conn net.Conn) calls { return calls{conn} }

func (c *calls) read(p []byte) (int, error) { return c.conn.Read(p) }

func (c *calls) write(p []byte) (int, error) { return c.conn.Write(p) }
