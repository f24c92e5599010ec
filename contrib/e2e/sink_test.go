package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// sink is an SMTP and LMTP server that keeps what it is sent, byte for byte, as
// a second opinion on what a mail server delivers. It shares no code with
// Daybook.
type sink struct {
	addr string
	mu   sync.Mutex
	got  []delivery
}

// delivery is one message that a sink was sent.
type delivery struct {
	env  envelope
	data []byte
}

// startSink listens on a free loopback port until the test ends.
func startSink(t testing.TB) *sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{addr: ln.Addr().String()}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go s.serve(conn)
		}
	}()
	return s
}

// deliveries returns what has come in so far.
func (s *sink) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery(nil), s.got...)
}

func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 sink.example.org")
	lmtp := false
	var env envelope
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "LHLO", "EHLO":
			lmtp = strings.EqualFold(verb, "LHLO")
			say("250-sink.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")
		case "MAIL":
			env = envelope{from: pathOf(rest)}
			say("250 2.1.0 ok")
		case "RCPT":
			env.to = append(env.to, pathOf(rest))
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go on")
			data, err := readData(r)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.got = append(s.got, delivery{env, data})
			s.mu.Unlock()
			say("250 2.0.0 kept")
			for range len(env.to) - 1 {
				if lmtp {
					say("250 2.0.0 kept")
				}
			}
		case "QUIT":
			say("221 2.0.0 bye")
			return
		default: // RSET, NOOP
			say("250 2.0.0 ok")
		}
	}
}

// pathOf takes the address out of "FROM:<a@b> SIZE=1".
func pathOf(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

// readData reads up to the line that is a single dot between two CRLF, and takes
// the stuffed dots away. Only CRLF ends a line.
func readData(r *bufio.Reader) ([]byte, error) {
	var data []byte
	for {
		var line []byte
		for !bytes.HasSuffix(line, []byte("\r\n")) {
			part, err := r.ReadBytes('\n')
			line = append(line, part...)
			if err != nil {
				return nil, err
			}
		}
		if string(line) == ".\r\n" {
			return data, nil
		}
		data = append(data, bytes.TrimPrefix(line, []byte("."))...)
	}
}
