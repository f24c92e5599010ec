package lmtp

import (
	"bytes"
	"context"
	"encoding/base64"
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
		replies := feed(t, Config{Handler: rec, SMTP: smtp, MaxMessage: 1000, MaxRecipients: 3}, nil, input, sizes)
		checkReplies(t, replies, 4200)
		checkTaken(t, rec.deliveries(), string(input))
	})
}

// FuzzAuth sends octets to a server that takes mail after a login only.
func FuzzAuth(f *testing.F) {
	b := base64.StdEncoding.EncodeToString
	mail := start + "BDAT 1 LAST\r\nx"
	for _, s := range []string{
		"AUTH PLAIN " + b([]byte("\x00alice\x00wonderland")) + "\r\n",
		"AUTH PLAIN\r\n" + b([]byte("\x00alice\x00wonderland")) + "\r\n",
		"AUTH PLAIN " + b([]byte("bob\x00alice\x00wonderland\x00")) + "\r\n",
		"AUTH LOGIN\r\n" + b([]byte("alice")) + "\r\n" + b([]byte("wonderland")) + "\r\n",
		"AUTH LOGIN =\r\n=\r\n",
		"AUTH LOGIN\r\n*\r\n",
		"AUTH SCRAM-SHA-256 " + b([]byte("n,,n=alice,r=nonce")) + "\r\n" + b([]byte("c=biws,r=nonce,p=AAAA")) + "\r\n",
		"AUTH SCRAM-SHA-256 " + b([]byte("y,a=alice,n=a=2Cb=3D,r=")) + "\r\n\r\n",
		"AUTH SCRAM-SHA-256\r\n" + b([]byte("p=tls-exporter,,n=\u00aa\u202e,r=x")) + "\r\n",
		"AUTH PLAIN " + strings.Repeat("A", 13000) + "\r\n",
		"AUTH CRASH\r\nauth\r\nAUTH PLAIN " + b([]byte("\x00crash\x00x")) + "\r\n",
	} {
		f.Add([]byte("EHLO x\r\n"+s+mail), []byte{255})
		f.Add([]byte("EHLO x\r\n"+s+mail), []byte{6, 1, 7})
	}
	users := testUsers(f)
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		rec := new(recorder)
		replies := feed(t, Config{Handler: rec, SMTP: true, MaxMessage: 1000, MaxRecipients: 3, Gate: newDoorman("auth"),
			Credentials: users, AuthInsecure: true, authPause: time.Microsecond}, nil, input, sizes)
		checkReplies(t, replies, maxAuthLine)
		checkTaken(t, rec.deliveries(), string(input))
		for _, d := range rec.deliveries() {
			if d.env.AuthUser == "" || !strings.Contains(replies, "235 2.7.0 ") {
				t.Errorf("taken without a login: %v", d)
			}
		}
		if strings.Count(replies, "\r\n535 ")+strings.Count(replies, "\r\n454 ") > maxDenied {
			t.Errorf("failed logins without end: %q", replies)
		}
	})
}

// FuzzAuthResponses sends up to three responses that are well encoded, each when it is asked for.
func FuzzAuthResponses(f *testing.F) {
	for i, first := range []string{"n,,n=alice,r=nonce", "\x00alice\x00wonderland", "alice"} {
		f.Add(uint8(i), []byte(first), []byte("wonderland"), []byte{})
	}
	f.Add(uint8(0), []byte("y,a=bob,n=bob,r="), []byte("c=eSxhPWJvYiw=,r=,p="), []byte("x"))
	f.Add(uint8(0), []byte("p=tls-unique,,n=alice,r=x"), []byte(""), []byte(""))
	f.Add(uint8(0), []byte("n,,m=x,n=\xff,r=x"), []byte("c=biws,r=x,p=AAAA"), []byte(""))
	users := testUsers(f)
	f.Fuzz(func(t *testing.T, mechanism uint8, first, second, third []byte) {
		a := &attempt{authenticator: newAuthenticator(&Config{Credentials: users, Logger: slog.New(slog.DiscardHandler)}), ctx: t.Context()}
		name := mechanisms()[int(mechanism)%len(mechanisms())]
		m := a.mechanism(name)
		for _, response := range [][]byte{first, second, third} {
			challenge, done, err := m.Next(append([]byte{}, response...))
			if len(challenge) > maxAuthLine/4*3-3 {
				t.Errorf("a challenge of %d octets", len(challenge))
			}
			if err != nil {
				return
			}
			if done {
				// Only who knows a password gets here, and nobody can guess a proof.
				if _, known, _ := users(a.user); !known || name == "SCRAM-SHA-256" ||
					!bytes.Contains(first, []byte("wonderland")) && !bytes.Contains(second, []byte("wonderland")) &&
						!bytes.Contains(first, []byte("builder")) && !bytes.Contains(second, []byte("builder")) {
					t.Errorf("%s: %q, %q, %q proved to be %q", name, first, second, third, a.user)
				}
				return
			}
		}
	})
}

// feed sends input to a whole server, in pieces, from this address if there is one, and returns what was answered. The server must
// come to an end, and its sessions must not panic.
func feed(t *testing.T, cfg Config, from net.Addr, input, sizes []byte) string {
	var log syncBuffer
	cfg.Hostname, cfg.Logger = "sink.example", slog.New(slog.NewTextHandler(&log, nil))
	srv := NewServer(cfg)
	l := &listenOnce{conns: make(chan net.Conn, 1)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	there, here := net.Pipe()
	if from != nil {
		there = connFrom{there, from}
	}
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	return <-replies
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

func checkReplies(t *testing.T, all string, longest int) {
	for _, line := range strings.SplitAfter(all, "\n") {
		if line == "" {
			continue
		}
		if len(line) < 6 || len(line) > longest || !strings.HasSuffix(line, "\r\n") || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") {
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
