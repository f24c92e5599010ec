package milter

import (
	"net"
	"sync"
)

// gate closes a connection between transactions, never inside one, unless by
// force. The connection's goroutine enters and leaves; Shutdown drains.
type gate struct {
	conn net.Conn

	mu       sync.Mutex
	busy     bool // a transaction is open
	draining bool
}

// enter begins a transaction. It returns false if there may be none any more.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = !g.draining
	return g.busy
}

// leave ends a transaction. It returns false if the connection is to be closed.
func (g *gate) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy = false
	return !g.draining
}

// drain closes the connection now if it is between transactions. Otherwise,
// leave will tell its goroutine to.
func (g *gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
	if !g.busy {
		_ = g.conn.Close()
	}
}

// force closes the connection now.
func (g *gate) force() { _ = g.conn.Close() }
