package milter

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// Connections one after another are served by one lane, with nothing of one left
// for the next; those at the same time have a lane each, of which not too many stay.
func TestLanes(t *testing.T) {
	r := newRecorder()
	server, address := startServer(t, Config{NewSession: r.session})
	waiting := func(n int32) func() bool {
		return func() bool { return server.waiting.Load() == n && server.Connections() == 0 }
	}
	for range 20 {
		m := negotiated(t, address)
		m.sendAll(t, "helo client", "macro mail i 4XYZ", "mail <a@example.com>", "rcpt <b@example.org>", "eoh", `body "text"`, "eom")
		m.expect(t, "continue")
		m.sendAll(t, "quit")
		m.expect(t, "closed")
		r.expect(t, "helo client", "mail 1 <a@example.com>", "rcpt <b@example.org>", "eoh", `body "text"`,
			"eom 1  helo=client from=<a@example.com> to=<b@example.org>", "close")
		waitFor(t, "one lane waits", waiting(1))
	}
	// An MTA that does not take the no-reply bits comes next on the same lane.
	m := dial(t, address)
	m.sendAll(t, "optneg 2 0x3f 0x7f", "mail <c@example.com>")
	m.expect(t, "optneg 2 0x0 0x0")
	m.expect(t, "continue")
	r.expect(t, "mail 1 <c@example.com>")
	m.sendAll(t, "quit")
	m.expect(t, "closed")
	r.expect(t, "abort", "close")
	waitFor(t, "one lane waits", waiting(1))

	var many []mta
	for range 2 * maxWaiting {
		many = append(many, negotiated(t, address))
	}
	for _, m := range many {
		m.sendAll(t, "quit")
		m.expect(t, "closed")
	}
	waitFor(t, "the lanes wait that may", waiting(maxWaiting))
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	waitFor(t, "no lane is left", waiting(0))
}

// A panic of the package itself ends its connection: the library closes the lane.
func TestLanePanics(t *testing.T) {
	server := NewServer(Config{NewSession: newRecorder().session})
	conn, peer := net.Pipe()
	g := &gate{conn: conn}
	if !server.addConnection(g) {
		t.Fatal("no connection")
	}
	l := newLane(server)
	l.begin(g)
	l.now.frames = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it did not panic")
			}
			_ = l.Close()
		}()
		_, _ = l.Read(make([]byte, 1))
	}()
	if n := server.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %v", err)
	}
}
