package lmtp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestClientOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::",
	} {
		if got := clientOf(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if clientOf(netip.Addr{}).IsValid() {
		t.Error("no address became one")
	}
}

func TestMessagesPerMinute(t *testing.T) {
	l, now := newLimits(0, 6), time.Unix(1_000_000, 0)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	taken := func(client netip.Addr, at time.Duration, n int) (count int) {
		for range n {
			if l.message(client, now.Add(at)) {
				count++
			}
		}
		return count
	}
	for _, step := range []struct {
		client  netip.Addr
		at      time.Duration
		n, want int
	}{
		{one, 0, 10, 6},
		{other, 0, 10, 6},
		{one, 9 * time.Second, 10, 0},
		{one, 10 * time.Second, 10, 1},
		{one, 5 * time.Second, 10, 0}, // a clock that goes back takes nothing and gives nothing
		{one, 61 * time.Second, 10, 5},
		{one, 62 * time.Second, 10, 0},
		{one, 125 * time.Second, 10, 6},
		{other, time.Hour, 10, 6},
		{netip.Addr{}, 0, 1000, 1000},
	} {
		if got := taken(step.client, step.at, step.n); got != step.want {
			t.Errorf("%v after %v: %d, want %d", step.client, step.at, got, step.want)
		}
	}
}

// TestLimitsAreBounded has more clients than are remembered.
func TestLimitsAreBounded(t *testing.T) {
	l, now := newLimits(3, 1), time.Unix(1_000_000, 0)
	for i := range 5 * maxClients {
		client := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if !l.message(client, now) || l.message(client, now) {
			t.Fatalf("client %d", i)
		}
		if !l.enter(client) {
			t.Fatalf("session of client %d", i)
		}
		l.leave(client)
		if n := len(l.recent) + len(l.older); n > maxClients {
			t.Fatalf("%d clients are remembered", n)
		}
	}
	if len(l.open) != 0 {
		t.Errorf("%d clients with sessions are left", len(l.open))
	}
}

func TestTooManyConnectionsOfOneClient(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	for _, implicit := range []bool{false, true} {
		srv, addr := serve(t, Config{Handler: new(recorder), MaxConnectionsPerIP: 2, TLS: serverTLS, ImplicitTLS: implicit}, nil)
		connect := func() *client {
			c := dial(t, addr)
			if implicit {
				c.startTLS(clientTLS)
			}
			c.hello(false)
			return c
		}
		first, second := connect(), connect()
		third := dial(t, addr)
		if !implicit {
			third.expect("421 4.7.0 too many connections from your address")
		}
		third.expect("[closed]")
		waitFor(t, "the third to be gone", func() bool { return srv.Connections() == 2 })
		first.send("QUIT\r\n")
		first.expect("221", "[closed]")
		waitFor(t, "the first to leave", func() bool { return srv.Connections() == 1 })
		connect()
		second.send("NOOP\r\n")
		second.expect("250")
	}
}

// TestLimitsBehindABalancer counts the clients, not the balancer.
func TestLimitsBehindABalancer(t *testing.T) {
	g := newDoorman("")
	_, addr := serve(t, Config{Handler: new(recorder), Gate: g, MaxConnectionsPerIP: 1, MessagesPerMinutePerIP: 2,
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, nil)
	connect := func(client string) *client {
		c := dial(t, addr)
		c.send("PROXY TCP6 " + client + " 2001:db8::1 1234 24\r\n")
		return c
	}
	one := connect("2001:db8:0:1::1")
	one.hello(false)
	if p := g.peers[0]; p.Addr != netip.MustParseAddrPort("[2001:db8:0:1::1]:1234") || p.Local.String() != addr {
		t.Errorf("the gate saw %v at %v", p.Addr, p.Local)
	}
	connect("2001:db8:0:1::2").expect("421 4.7.0 too many connections", "[closed]")
	for n := 2; n < 10; n++ {
		connect(fmt.Sprintf("2001:db8:0:%d::1", n)).hello(false)
	}
	one.send(strings.Repeat("MAIL FROM:<a@example.org>\r\nRSET\r\n", 3) + "NOOP\r\n")
	one.expect("250", "250", "250", "250", "451 4.7.1 too many messages", "250", "250")
}
