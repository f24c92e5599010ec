package lmtp

import (
	"net/netip"
	"sync"
	"time"
)

// maxClients bounds the clients whose rate is remembered. If more of them send mail in a minute, those that were silent for longest
// are forgotten, and may send as if they were new.
const maxClients = 1 << 16

// limits count what each client does.
type limits struct {
	connections int // of a client at a time; 0 is any number
	messages    int // of a client in a minute; 0 is any number

	mu   sync.Mutex
	open map[netip.Addr]int // sessions; no larger than their number

	// When each client will have its whole minute again: each message moves that by the time it is worth, and it may be a minute
	// ahead. Clients that sent since the last turn are in recent, those of the turn before in older. A turn takes at least a minute,
	// after which there is nothing left to remember of a silent client, or is forced by the number of clients.
	recent, older map[netip.Addr]time.Time
	turned        time.Time
}

func newLimits(connections, messages int) *limits {
	return &limits{
		connections: connections, messages: messages,
		open: make(map[netip.Addr]int), recent: make(map[netip.Addr]time.Time),
	}
}

// clientOf is what limits count by: an address, or the network that an IPv6 host usually has to itself. It is not valid where
// there is nothing to count by.
func clientOf(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	network, _ := a.Prefix(64) // never fails for IPv6
	return network.Addr()
}

// enter counts a session in, unless it is one too many.
func (l *limits) enter(client netip.Addr) bool {
	if l.connections <= 0 || !client.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client] >= l.connections {
		return false
	}
	l.open[client]++
	return true
}

// leave counts out a session for which enter was true.
func (l *limits) leave(client netip.Addr) {
	if l.connections <= 0 || !client.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client]--; l.open[client] <= 0 {
		delete(l.open, client)
	}
}

// message counts a message, unless it is one too many.
func (l *limits) message(client netip.Addr, now time.Time) bool {
	if l.messages <= 0 || !client.IsValid() {
		return true
	}
	worth := time.Minute / time.Duration(l.messages)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.turned) >= time.Minute || len(l.recent) >= maxClients/2 {
		l.older, l.recent, l.turned = l.recent, make(map[netip.Addr]time.Time), now
	}
	at, known := l.recent[client]
	if !known {
		at = l.older[client]
	}
	if at.Before(now) {
		at = now
	}
	ok := !at.Add(worth).After(now.Add(time.Minute))
	if ok {
		at = at.Add(worth)
	}
	l.recent[client] = at
	return ok
}
