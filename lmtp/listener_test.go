package lmtp

import (
	"crypto/tls"
	"net"
	"sync"
)

func newTLSListener(l net.Listener, cfg *tls.Config) net.Listener { return tls.NewListener(l, cfg) }

// listenOnce is a listener whose connections the test makes.
type listenOnce struct {
	conns chan net.Conn
	once  sync.Once
}

func (l *listenOnce) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *listenOnce) Close() error {
	l.once.Do(func() { close(l.conns) })
	return nil
}

func (l *listenOnce) Addr() net.Addr { return memoryAddr{} }
