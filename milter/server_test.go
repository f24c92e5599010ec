package milter

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"
)

const allBits = 0x1fffff

// negotiated dials and negotiates with all bits on offer.
func negotiated(t testing.TB, address string) mta {
	t.Helper()
	m := dial(t, address)
	if err := m.send('O', optneg(6, 0x1ff, allBits)); err != nil {
		t.Fatal(err)
	}
	if got := m.receive(patience); got != "optneg 2 0x0 0x1cf380" {
		t.Fatalf("negotiation: %s", got)
	}
	return m
}

// sendAll sends commands as the dialogues spell them.
func (m mta) sendAll(t testing.TB, commands ...string) {
	t.Helper()
	for _, command := range commands {
		words, err := splitWords(command)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.command(words); err != nil {
			t.Fatal(err)
		}
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestShutdownLetsTransactionsFinish(t *testing.T) {
	r, log := newRecorder(), newLogLines()
	server, address := startServer(t, Config{NewSession: r.session, Logger: slog.New(log)})
	idle := negotiated(t, address)
	idle.sendAll(t, "helo idle")
	r.expect(t, "helo idle")
	busy := negotiated(t, address)
	busy.sendAll(t, "helo busy", "mail <a@example.com>")
	r.expect(t, "helo busy", "mail 1 <a@example.com>")
	silent := dial(t, address)
	waitFor(t, "three connections", func() bool { return server.Connections() == 3 })

	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.Background()) }()
	idle.expect(t, "closed")
	silent.expect(t, "closed")
	r.expect(t, "close")
	if conn, err := net.Dial("unix", address); err == nil {
		_ = conn.Close()
		t.Error("a connection was accepted after Shutdown")
	}
	select {
	case err := <-stopped:
		t.Fatalf("Shutdown returned %v inside a transaction", err)
	case <-time.After(50 * time.Millisecond):
	}

	busy.sendAll(t, "rcpt <b@example.org>", "eoh", `body "whole"`, "eom")
	busy.expect(t, "continue")
	busy.expect(t, "closed")
	r.expect(t, "rcpt <b@example.org>", "eoh", `body "whole"`,
		"eom 1  helo=busy from=<a@example.com> to=<b@example.org>", "close")
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown returned %v", err)
	}
	if n := server.Connections(); n != 0 {
		t.Errorf("%d connections left", n)
	}
	log.expectNone(t)
}

// TestShutdownAfterRefusal has a transaction that the MTA was told to give up:
// nobody waits for its end.
func TestShutdownAfterRefusal(t *testing.T) {
	r := newRecorder()
	r.answer("mail", Verdict{Action: TempFail}, false)
	server, address := startServer(t, Config{NewSession: r.session})
	m := dial(t, address)
	m.sendAll(t, "optneg 6 0x1ff 0x10037f", "mail <a@example.com>")
	m.expect(t, "optneg 2 0x0 0x100300")
	m.expect(t, `reply "`+DefaultReply+`"`)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	m.expect(t, "closed")
}

func TestGate(t *testing.T) {
	conn, peer := net.Pipe()
	defer func() { _ = peer.Close() }()
	g := &gate{conn: conn}
	if !g.enter() || !g.leave() || !g.enter() {
		t.Error("a gate that nobody drains does not let pass")
	}
	g.drain()
	if g.leave() || g.enter() || g.leave() {
		t.Error("a drained gate lets pass")
	}
}

func TestShutdownByForce(t *testing.T) {
	r, log := newRecorder(), newLogLines()
	server, address := startServer(t, Config{NewSession: r.session, Logger: slog.New(log)})
	busy := negotiated(t, address)
	busy.sendAll(t, "mail <a@example.com>")
	r.expect(t, "mail 1 <a@example.com>")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v", err)
	}
	busy.expect(t, "closed")
	r.expect(t, "abort", "close")
	log.expect(t, "in_transaction=true")
}

// contextSession waits in EndOfMessage for the end of its context.
type contextSession struct{ recordedSession }

func (s *contextSession) EndOfMessage(ctx context.Context, _ *Transaction) Verdict {
	s.r.tell("eom", "")
	<-ctx.Done()
	return Verdict{Action: TempFail}
}

func TestShutdownEndsContexts(t *testing.T) {
	r := newRecorder()
	server, address := startServer(t, Config{NewSession: func() Session {
		return &contextSession{recordedSession{r}}
	}})
	busy := negotiated(t, address)
	busy.sendAll(t, "mail <a@example.com>", "eom")
	r.expect(t, "mail 1 <a@example.com>", "eoh", "eom")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); err == nil {
		t.Error("Shutdown did not say that a connection was closed by force")
	}
	busy.expect(t, "closed")
	r.expect(t, "close")
	waitFor(t, "connections end", func() bool { return server.Connections() == 0 })
}

func TestMaxConnections(t *testing.T) {
	r, log := newRecorder(), newLogLines()
	server, address := startServer(t, Config{NewSession: r.session, Logger: slog.New(log), MaxConnections: 2})
	first, second := negotiated(t, address), negotiated(t, address)
	for range 3 {
		dial(t, address).expect(t, "closed")
	}
	log.expect(t, "too many milter connections")
	log.expectNone(t)
	first.sendAll(t, "quit")
	waitFor(t, "first connection ends", func() bool { return server.Connections() == 1 })
	third := negotiated(t, address)
	for _, m := range []mta{second, third} {
		m.sendAll(t, "mail <a@example.com>", "rcpt <b@example.org>", "eoh", "eom")
		m.expect(t, "continue")
	}
}

// TestSeveralListeners serves TCP and a Unix socket with one server.
func TestSeveralListeners(t *testing.T) {
	r := newRecorder()
	server, address := startServer(t, Config{NewSession: r.session})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	tcp := mta{conn}
	tcp.sendAll(t, "optneg 6 0x1ff 0x1fffff")
	tcp.expect(t, "optneg 2 0x0 0x1cf380")
	for _, m := range []mta{tcp, negotiated(t, address)} {
		m.sendAll(t, "mail <a@example.com>", "rcpt <b@example.org>", "eoh", "eom")
		m.expect(t, "continue")
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if err := server.Serve(l); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown returned %v", err)
	}
}

// TestServeReturnsListenerError closes a listener behind the server's back.
func TestServeReturnsListenerError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(Config{NewSession: newRecorder().session})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	_ = l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
}

// TestNewSessionPanics closes the connection and says so once.
func TestNewSessionPanics(t *testing.T) {
	log := newLogLines()
	_, address := startServer(t, Config{NewSession: func() Session { panic("no memory") }, Logger: slog.New(log)})
	m := negotiated(t, address)
	m.sendAll(t, "connect localhost unknown")
	m.expect(t, "closed")
	log.expect(t, "method=NewSession panic=no memory")
	log.expectNone(t)
}

// TestKillersLeaveOthersAlone sends broken frames on many connections while
// one goes on with its message, and looks at the memory.
func TestKillersLeaveOthersAlone(t *testing.T) {
	r := newRecorder()
	server, address := startServer(t, Config{NewSession: r.session})
	good := negotiated(t, address)
	good.sendAll(t, "helo good", "mail <a@example.com>")
	before := heapInUse()
	killers := [][]byte{
		{0, 0, 0, 0},
		{0x20, 0, 0, 0, 'B'},
		rawFrame('C', []byte("host")),
		rawFrame('M', []byte("<a@example.com>")),
		{0, 15, 0, 0, 'D', 'C'}, // only pieces of a message may be that large
	}
	const stalled = 100
	for range stalled { // 1 MiB claimed, three bytes sent
		if _, err := negotiated(t, address).Write([]byte{0, 16, 0, 0, 'B', 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		m := negotiated(t, address)
		if _, err := m.Write(killers[i%len(killers)]); err != nil {
			t.Fatal(err)
		}
		m.expect(t, "closed")
	}
	waitFor(t, "broken connections are closed", func() bool { return server.Connections() == stalled+1 })
	if grown := heapInUse() - before; grown > 20<<20 {
		t.Errorf("killers grew the heap by %d bytes", grown)
	}
	good.sendAll(t, "rcpt <b@example.org>", "eoh", "eom")
	good.expect(t, "continue")
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
