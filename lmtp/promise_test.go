package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

type handlerFunc func(ctx context.Context, e *Envelope, body io.Reader) []Reply

func (f handlerFunc) Deliver(ctx context.Context, e *Envelope, body io.Reader) []Reply {
	return f(ctx, e, body)
}

// TestHasteIsNotBelieved has handlers that answer 250 whatever they read, or before they read.
func TestHasteIsNotBelieved(t *testing.T) {
	ok := []Reply{{250, "2.0.0", "kept"}}
	handlers := map[string]handlerFunc{
		"reads nothing": func(context.Context, *Envelope, io.Reader) []Reply { return ok },
		"ignores errors": func(_ context.Context, _ *Envelope, body io.Reader) []Reply {
			_, _ = io.Copy(io.Discard, body) // the mistake
			return ok
		},
		"spoils its envelope": func(_ context.Context, e *Envelope, _ io.Reader) []Reply {
			*e = Envelope{}
			return ok
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			_, addr := serve(t, Config{Handler: handler, MaxMessage: 10}, nil)
			c := open(t, addr, false, nil)
			c.send(start + "DATA\r\n12345678\r\n.\r\n")
			c.expect("250", "250", "354", "250 2.0.0 kept")
			c.send(start + "DATA\r\n123456789\r\n.\r\n")
			c.expect("250", "250", "354", "552 5.3.4")
			c.send(start + "BDAT 11 LAST\r\n12345678901")
			c.expect("250", "250", "552 5.3.4")
			for _, wire := range []string{"DATA\r\n123\r\n.\r", "BDAT 4 LAST\r\n123"} {
				c := open(t, addr, false, nil)
				c.send(start + wire)
				c.conn.(interface{ CloseWrite() error }).CloseWrite()
				c.expect("250", "250")
				if s := strings.TrimPrefix(c.line(), "354 end data with <CR><LF>.<CR><LF>"); s != "" && s != "[closed]" {
					t.Errorf("%q answered %q", wire, s)
				}
			}
		})
	}
}

// TestBodyEndsWithDeliver keeps body for longer than is allowed.
func TestBodyEndsWithDeliver(t *testing.T) {
	late := make(chan io.Reader, 2)
	_, addr := serve(t, Config{Handler: handlerFunc(func(_ context.Context, _ *Envelope, body io.Reader) []Reply {
		late <- body
		return []Reply{{250, "2.0.0", "kept"}}
	})}, nil)
	c := open(t, addr, false, nil)
	c.send(start + "DATA\r\nx\r\n.\r\n" + start + "BDAT 1 LAST\r\ny")
	c.expect("250", "250", "354", "250", "250", "250", "250")
	for range 2 {
		if n, err := (<-late).Read(make([]byte, 10)); n != 0 || !errors.Is(err, errReturned) {
			t.Errorf("read %d octets, error %v", n, err)
		}
	}
}

// TestContextEndsWithTheConnection waits for the handler's context, which ends with the error of the body.
func TestContextEndsWithTheConnection(t *testing.T) {
	causes := make(chan error, 2)
	_, addr := serve(t, Config{Handler: handlerFunc(func(ctx context.Context, _ *Envelope, body io.Reader) []Reply {
		_, _ = io.Copy(io.Discard, body) // its error is the cause
		select {
		case <-ctx.Done():
			causes <- context.Cause(ctx)
		case <-time.After(patience):
			causes <- nil
		}
		return nil
	})}, nil)
	for _, wire := range []string{"DATA\r\nx", "BDAT 10\r\nx"} {
		c := open(t, addr, false, nil)
		c.send(start + wire)
		c.conn.Close()
		if err := <-causes; !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%q: %v", wire, err)
		}
	}
}

// TestBeyondAllMeasure sends for ever, and is stopped.
func TestBeyondAllMeasure(t *testing.T) {
	rec := new(recorder)
	_, addr := serve(t, Config{Handler: rec, MaxMessage: 10}, nil)
	c := open(t, addr, false, nil)
	c.send(start + "RCPT TO:<c@example.net>\r\nDATA\r\n")
	c.expect("250", "250", "250", "354")
	sent := make(chan int)
	go func() {
		block, n := strings.Repeat("x", 1<<20), 0
		for ; n < 2*minDrain; n += len(block) {
			if _, err := io.WriteString(c.conn, block); err != nil {
				break
			}
		}
		sent <- n
	}()
	c.expect("552 5.3.4", "552 5.3.4", "[closed]")
	c.conn.Close()
	// What the kernel holds on both sides counts as sent, and is more on a busy machine.
	if n := <-sent; n < minDrain-1<<20 || n > minDrain*3/2 {
		t.Errorf("closed after about %d octets", n)
	}
	if got := rec.deliveries(); len(got) != 1 || got[0].err != ErrTooLarge || got[0].body != "xxxxxxxxxx" {
		t.Errorf("delivered %v", got)
	}
}

func TestEnvelopeIsBounded(t *testing.T) {
	_, addr := serve(t, Config{Handler: new(recorder)}, nil)
	c := open(t, addr, false, nil)
	c.send("MAIL FROM:<a@example.org>\r\n")
	c.expect("250")
	rcpt := "RCPT TO:<b@example.net> ORCPT=rfc822;" + strings.Repeat("x", 4000) + "\r\n"
	taken := 0
	for range 3000 {
		c.send(rcpt)
		s := c.reply()
		if strings.HasPrefix(s, "452 4.5.3 envelope too large") {
			break
		}
		taken++
	}
	if want := maxEnvelopeBytes / (4027 + 64); taken < want-10 || taken > want+10 {
		t.Errorf("%d recipients were taken", taken)
	}
}

// TestDeafPeer sends commands and never reads a reply.
func TestDeafPeer(t *testing.T) {
	srv, addr := serve(t, Config{Handler: new(recorder), WriteTimeout: stalled}, nil)
	c := dial(t, addr)
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	noops := strings.Repeat("NOOP\r\n", 10_000)
	for {
		if _, err := io.WriteString(c.conn, noops); err != nil {
			break
		}
	}
	waitFor(t, "the session to end", func() bool { return srv.Connections() == 0 })
}

// TestNothingIsLeft looks for goroutines of sessions that are over.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	serverTLS, clientTLS := testTLS(t)
	srv := NewServer(Config{Handler: new(recorder), Hostname: "sink.example", TLS: serverTLS})
	l := mustListen(t, "tcp", "127.0.0.1:0")
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	for i := range 60 {
		cfg := clientTLS
		if i%2 == 0 {
			cfg = nil
		}
		c := open(t, l.Addr().String(), false, cfg)
		c.send([]string{"QUIT\r\n", "NOOP\r\n", start + "BDAT 1\r\nx", start + "DATA\r\nx", "STARTTLS\r\n", "BDAT x\r\n"}[i/10])
		c.line()
		c.conn.Close()
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != ErrServerClosed {
		t.Error(err)
	}
	waitFor(t, "goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// TestShutdownUnderLoad counts what was acknowledged against what was kept.
func TestShutdownUnderLoad(t *testing.T) {
	rec := new(recorder)
	srv, addr := serve(t, Config{Handler: rec}, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := make(map[string]bool)
	for i := range 8 {
		c := dial(t, addr)
		c.hello(false)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d", i, n)
				wire := start + "DATA\r\n" + id + "\r\n.\r\n"
				if n%2 == 1 {
					wire = start + fmt.Sprintf("BDAT %d LAST\r\n", len(id)) + id
				}
				if _, err := io.WriteString(c.conn, wire); err != nil {
					return
				}
				for kept := false; !kept; {
					s := c.line()
					if s == "[closed]" {
						return
					}
					kept = strings.HasPrefix(s, "250 2.0.0 kept")
				}
				mu.Lock()
				acknowledged[id] = true
				mu.Unlock()
			}
		}()
	}
	waitFor(t, "messages", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) >= 200
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	wg.Wait()
	kept := make(map[string]bool)
	for _, d := range rec.deliveries() {
		kept[strings.TrimSpace(d.body)] = d.err == nil
	}
	for id := range acknowledged {
		if !kept[id] {
			t.Errorf("%s was acknowledged and not kept", id)
		}
	}
	t.Logf("%d acknowledged, %d kept", len(acknowledged), len(kept))
}
