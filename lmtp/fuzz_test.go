package lmtp

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// FuzzCommands sends octets to a whole server in pieces, and ends the connection. The server must not panic, must come to an end, and
// must take no message that the octets do not complete.
func FuzzCommands(f *testing.F) {
	hello := "LHLO x\r\n"
	for _, s := range []string{
		hello + start + "DATA\r\nx\r\n.\r\nQUIT\r\n",
		hello + start + "BDAT 3\r\nabcBDAT 0 LAST\r\nRSET\r\n",
		hello + start + "BDAT 3\r\nabcMAIL FROM:<>\r\nDATA\r\nBDAT 2 LAST\r\n",
		hello + "MAIL FROM:<\"a b\"@x> SIZE=1 BODY=BINARYMIME SMTPUTF8 RET=FULL\r\nRCPT TO:<postmaster> NOTIFY=NEVER\r\nBDAT 1 LAST\r\n.",
		"EHLO x\r\nHELO x\r\n\r\nNOOP\r\nVRFY\r\nHELP\r\nAUTH PLAIN\r\nSTARTTLS\r\nQUIT\r\nNOOP\r\n",
		hello + "BDAT 99999999999999999999\r\nx",
		hello + start + "RCPT TO:<panic@x>\r\nDATA\r\n..\r\n.\r\n" + evil,
		hello + start + "RCPT TO:<early@x>\r\nBDAT 9\r\nabc",
		strings.Repeat("x", 5000) + "\n" + hello,
		"GET / HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(s), []byte{255}, false)
		f.Add([]byte(s), []byte{0, 3}, true)
	}
	f.Fuzz(func(t *testing.T, input, sizes []byte, smtp bool) {
		rec := new(recorder)
		var log syncBuffer
		srv := NewServer(Config{Handler: rec, Logger: slog.New(slog.NewTextHandler(&log, nil)), SMTP: smtp, Hostname: "sink.example", MaxMessage: 1000, MaxRecipients: 3})
		l := &listenOnce{conns: make(chan net.Conn, 1)}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		there, here := net.Pipe()
		l.conns <- there
		replies := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(here)
			replies <- string(all)
		}()
		here.SetWriteDeadline(time.Now().Add(patience))
		// The server may close before it read all.
		_, _ = io.Copy(here, &splitReader{data: input, sizes: append(sizes, 9)})
		// There is no way to end one direction of a pipe, so a session that still reads is ended by the shutdown.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Shutdown(ctx) }()
		time.Sleep(time.Millisecond)
		here.Close()
		if err := <-stopped; err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
		if s := log.String(); strings.Contains(s, "session panicked") {
			t.Errorf("log: %s", s)
		}
		checkReplies(t, <-replies)
		checkTaken(t, rec.deliveries(), string(input))
	})
}

// A syncBuffer is a log that sessions write at the same time.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func checkReplies(t *testing.T, all string) {
	for _, line := range strings.SplitAfter(all, "\n") {
		if line == "" {
			continue
		}
		if len(line) < 6 || len(line) > 4200 || !strings.HasSuffix(line, "\r\n") || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") {
			t.Errorf("reply line %q", line)
		}
	}
	if strings.Contains(all, "421 4.0.0 Internal server error") {
		t.Errorf("the library panicked: %q", all)
	}
}

func checkTaken(t *testing.T, got []delivery, input string) {
	for _, d := range got {
		if len(d.env.Recipients) == 0 || len(d.env.Recipients) > 3 || len(d.body) > 1000 {
			t.Errorf("delivered %v", d)
		}
		upper := strings.ToUpper(input)
		if d.err == nil && !strings.Contains(input, ".\r\n") && !strings.Contains(upper, "LAST") {
			t.Errorf("incomplete, but delivered %v", d)
		}
	}
}
