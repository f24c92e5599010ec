package lmtp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	start   = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
	evil    = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nevil\r\n.\r\n"
	stalled = 200 * time.Millisecond
)

// TestSlowButSteady takes longer than a stall may, by DATA and by BDAT, with pauses far shorter than that.
func TestSlowButSteady(t *testing.T) {
	const stall = 10 * stalled // a busy machine must not take a pause for one
	for _, end := range []string{"DATA\r\n", "BDAT 12 LAST\r\n"} {
		t.Run(end[:4], func(t *testing.T) {
			t.Parallel()
			rec := new(recorder)
			_, addr := serve(t, Config{Handler: rec, DataTimeout: stall}, nil)
			c := open(t, addr, false, nil)
			c.send(start + end)
			for range 12 {
				time.Sleep(stall / 10)
				c.send("x")
			}
			c.expect("250", "250")
			if end == "DATA\r\n" {
				c.send("\r\n.\r\n")
				c.expect("354")
			}
			c.expect("250 2.0.0 kept")
			if d := rec.deliveries()[0]; strings.TrimSpace(d.body) != strings.Repeat("x", 12) || d.err != nil {
				t.Errorf("delivered %v", d)
			}
		})
	}
}

// TestStall closes the connection, and reads nothing of what comes late as a command.
func TestStall(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	tests := []struct {
		name, send string
		replies    []string
		tls        bool
	}{
		{"data", start + "DATA\r\nhello\r\n", []string{"250", "250", "354"}, false},
		{"data over tls", start + "DATA\r\nhello\r\n", []string{"250", "250", "354"}, true},
		{"chunk", start + "BDAT 1000 LAST\r\nhello\r\n", []string{"250", "250"}, false},
		{"unwanted chunk", "BDAT 1000 LAST\r\nhello\r\n", nil, false},
		{"handler is gone", "MAIL FROM:<a@example.org>\r\nRCPT TO:<early@example.net>\r\nDATA\r\nhello\r\n", []string{"250", "250", "354"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := new(recorder)
			_, addr := serve(t, Config{Handler: rec, DataTimeout: stalled, TLS: serverTLS}, nil)
			cfg := clientTLS
			if !test.tls {
				cfg = nil
			}
			c := open(t, addr, false, cfg)
			c.send(test.send)
			c.expect(test.replies...)
			c.expect("421 4.4.2")
			_, _ = io.WriteString(c.conn, "\r\n.\r\n"+evil) // the server may have closed already
			c.expect("[closed]")
			for _, d := range rec.deliveries() {
				if !errors.Is(d.err, os.ErrDeadlineExceeded) || strings.Contains(d.String(), "evil") {
					t.Errorf("delivered %v", d)
				}
			}
		})
	}
}

// TestStallIsFinal sends the rest of a message just when the handler was told that it does not come. DATA and BDAT end the
// session then: they do not wait once more.
func TestStallIsFinal(t *testing.T) {
	for _, send := range []string{"DATA\r\nhello\r\n", "BDAT 1000 LAST\r\nhello", "BDAT 5\r\nhelloBDAT 995 LAST\r\n"} {
		t.Run(send[:9], func(t *testing.T) {
			t.Parallel()
			told := make(chan error, 1)
			handler := handlerFunc(func(_ context.Context, _ *Envelope, body io.Reader) []Reply {
				_, err := io.ReadAll(body)
				told <- err
				return nil
			})
			_, addr := serve(t, Config{Handler: handler, DataTimeout: stalled}, nil)
			c := open(t, addr, false, nil)
			c.send(start + send)
			if err := <-told; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the handler was told %v", err)
			}
			_, _ = io.WriteString(c.conn, strings.Repeat("x", 995)+"\r\n.\r\n") // the server may have closed already
			for {
				switch reply := c.reply(); {
				case strings.HasPrefix(reply, "451"):
					t.Fatalf("the message was waited for: %q", reply)
				case strings.HasPrefix(reply, "421 4.4.2"):
					return
				case reply == "[closed]":
					t.Fatal("closed without a word")
				}
			}
		})
	}
}

// TestTotalTimes ends peers that send something now and then for ever.
func TestTotalTimes(t *testing.T) {
	const total = 5 * stalled // a busy machine must come as far as it is meant to in that
	tests := []struct {
		name, first, drip string
		cfg               Config
	}{
		{"message", start + "DATA\r\n", "x", Config{MessageTimeout: total}},
		{"chunks", start + "BDAT 1\r\nx", "BDAT 1\r\nx", Config{MessageTimeout: total}},
		{"command line", "", "N", Config{CommandTimeout: total}},
		{"line without end", strings.Repeat("x", 100_000), "x", Config{CommandTimeout: total}},
		{"envelope", "", "NOOP\r\n", Config{EnvelopeTimeout: total}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := new(recorder)
			test.cfg.Handler = rec
			_, addr := serve(t, test.cfg, nil)
			begin := time.Now()
			c := open(t, addr, false, nil)
			c.send(test.first)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					if _, err := io.WriteString(c.conn, test.drip); err != nil {
						return
					}
					time.Sleep(total / 10)
				}
			}()
			last := ""
			for s := c.line(); s != "[closed]"; s = c.line() {
				if last = s; time.Since(begin) > time.Minute {
					t.Fatalf("it still goes on: %q", s)
				}
			}
			if took := time.Since(begin); !strings.HasPrefix(last, "421 4.4.2") || took < total {
				t.Errorf("after %v: %q", took, last)
			}
			c.conn.Close()
			<-done
			for _, d := range rec.deliveries() {
				if !errors.Is(d.err, os.ErrDeadlineExceeded) {
					t.Errorf("delivered %v", d)
				}
			}
		})
	}
}

// blocker is a handler that waits for the test, or for its context.
type blocker struct {
	entered, release chan struct{}
	ended            chan error
}

func newBlocker() *blocker {
	return &blocker{make(chan struct{}, 10), make(chan struct{}), make(chan error, 10)}
}

func (b *blocker) Deliver(ctx context.Context, _ *Envelope, body io.Reader) []Reply {
	if _, err := io.ReadAll(body); err != nil {
		b.ended <- err
		return nil
	}
	b.entered <- struct{}{}
	select {
	case <-b.release:
	case <-ctx.Done():
		b.ended <- ctx.Err()
		return nil
	}
	return []Reply{{250, "2.0.0", "kept"}}
}

func TestShutdown(t *testing.T) {
	b := newBlocker()
	srv, addr := serve(t, Config{Handler: b, EnvelopeTimeout: time.Minute}, nil)
	idle, within := open(t, addr, false, nil), open(t, addr, false, nil)
	within.send(start)
	within.expect("250", "250")
	data, chunk, waiting := open(t, addr, false, nil), open(t, addr, false, nil), open(t, addr, false, nil)
	data.send(start + "DATA\r\nhello\r\n")
	data.expect("250", "250", "354")
	chunk.send(start + "BDAT 1\r\nx")
	chunk.expect("250", "250", "250")
	waiting.send(start + "BDAT 1 LAST\r\nx")
	waiting.expect("250", "250")
	<-b.entered

	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- srv.Shutdown(ctx)
	}()
	for _, c := range []*client{idle, within} {
		c.expect("421 4.3.2", "[closed]")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("still listening")
	}
	close(b.release)
	data.send(".\r\n" + evil)
	data.expect("250 2.0.0 kept", "421 4.3.2", "[closed]")
	chunk.send("BDAT 1 LAST\r\ny")
	chunk.expect("250 2.0.0 kept", "421 4.3.2", "[closed]")
	waiting.expect("250 2.0.0 kept", "421 4.3.2", "[closed]")
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := srv.Serve(mustListen(t, "tcp", "127.0.0.1:0")); err != ErrServerClosed {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func mustListen(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestForcedShutdown closes connections without a reply to their messages.
func TestForcedShutdown(t *testing.T) {
	b := newBlocker()
	srv, addr := serve(t, Config{Handler: b}, nil)
	data, chunk, waiting := open(t, addr, false, nil), open(t, addr, false, nil), open(t, addr, false, nil)
	data.send(start + "DATA\r\nhello\r\n")
	data.expect("250", "250", "354")
	chunk.send(start + "BDAT 1\r\nx")
	chunk.expect("250", "250", "250")
	waiting.send(start + "BDAT 1 LAST\r\nx")
	waiting.expect("250", "250")
	<-b.entered
	ctx, cancel := context.WithTimeout(context.Background(), stalled)
	defer cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	for _, c := range []*client{data, chunk, waiting} {
		c.expect("[closed]")
		if err := <-b.ended; err == nil {
			t.Error("a delivery was not told")
		}
	}
	waitFor(t, "sessions", func() bool { return srv.Connections() == 0 })
}

func TestTooManyConnections(t *testing.T) {
	srv, addr := serve(t, Config{Handler: new(recorder), MaxConnections: 1}, nil)
	first := open(t, addr, false, nil)
	second := dial(t, addr)
	second.expect("421 4.3.2 too many connections", "[closed]")
	first.send("QUIT\r\n")
	first.expect("221", "[closed]")
	waitFor(t, "the first to leave", func() bool { return srv.Connections() == 0 })
	open(t, addr, false, nil)
}

// TestListeners has one server on a Unix-domain socket and on IPv6, and TLS from the first octet.
func TestListeners(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	rec := new(recorder)
	srv := NewServer(Config{Handler: rec, Hostname: "sink.example", SMTP: true, TLS: serverTLS})
	done := make(chan error)
	socket := filepath.Join(t.TempDir(), "s")
	listeners := []net.Listener{mustListen(t, "unix", socket), mustListen(t, "tcp", "127.0.0.1:0")}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		listeners = append(listeners, l)
	} else {
		t.Logf("NO IPv6 HERE: %v", err)
	}
	for i, l := range listeners {
		if i == 1 {
			l = newTLSListener(l, serverTLS)
		}
		go func() { done <- srv.Serve(l) }()
		c := dial(t, l.Addr().String())
		if i == 1 {
			c.startTLS(clientTLS)
		}
		c.hello(true)
		c.send(start + "DATA\r\n.\r\n")
		c.expect("250", "250", "354", "250")
		e := rec.deliveries()[i].env
		want := c.conn.LocalAddr().String()
		if i == 0 {
			want = "unix"
		}
		if e.Client != want || e.Helo != "client.example" {
			t.Errorf("client %q %q, want %q", e.Client, e.Helo, want)
		}
		if tls := i == 1; tls != (e.Protocol == "ESMTPS") || tls != (e.TLSVersion == "TLS 1.3") || tls != (e.TLSCipher != "") {
			t.Errorf("envelope %+v", e)
		}
		c.send("HELO old.example\r\nSTARTTLS\r\n")
		if i == 1 {
			c.expect("250", "503 5.5.1")
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	for range listeners {
		if err := <-done; err != ErrServerClosed {
			t.Error(err)
		}
	}
}

// TestRepliesAreNotHeldBack talks over a connection without buffers, where a reply that is written too early blocks the server, and one
// that is written too late the client.
func TestRepliesAreNotHeldBack(t *testing.T) {
	rec := new(recorder)
	there, here := net.Pipe()
	l := &listenOnce{conns: make(chan net.Conn, 1)}
	l.conns <- there
	serve(t, Config{Handler: rec}, l)
	c := newClient(t, here)
	c.hello(false)
	for _, pair := range [][2]string{{"MAIL FROM:<a@example.org>\r\n", "250"}, {"RCPT TO:<b@example.net>\r\n", "250"},
		{"DATA\r\n", "354"}, {"x\r\n.\r\n", "250"}, {"MAIL FROM:<>\r\n", "250"}, {"RCPT TO:<b@example.net>\r\n", "250"},
		{"BDAT 1\r\nx", "250"}, {"BDAT 1 LAST\r\nx", "250"}, {"QUIT\r\n", "221"}} {
		c.send(pair[0])
		c.expect(pair[1])
	}
	if n := len(rec.deliveries()); n != 2 {
		t.Errorf("%d deliveries", n)
	}
}
