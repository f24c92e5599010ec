package milter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzFrames reads any bytes as frames and every frame as every command, and
// compares with what the formats promise.
func FuzzFrames(f *testing.F) {
	f.Add(rawFrame('O', optneg(6, 0x1ff, allBits)))
	f.Add(rawFrame('D', []byte("M"), cstrings("i", "4XYZ", "{auth_authen}", "anna")))
	f.Add(rawFrame('C', cstrings("localhost"), []byte("6\x00\x19"), cstrings("IPv6:::1")))
	f.Add(rawFrame('C', cstrings("localhost"), []byte("L\x00\x00"), cstrings("/run/client")))
	f.Add(rawFrame('M', cstrings("<a@example.com>", "SIZE=200", "RET=HDRS")))
	f.Add(rawFrame('L', cstrings("Subject", " folded\n\tonce")))
	f.Add(rawFrame('B', []byte("text\r\n")))
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0x20, 0, 0, 0, 'B'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := framesOf(bytes.NewReader(stream))
		consumed := 0
		for {
			frame, err := in.read()
			if err != nil {
				if errors.Is(err, io.EOF) && consumed != len(stream) {
					t.Fatalf("%d of %d bytes read, then a clean end", consumed, len(stream))
				}
				return
			}
			consumed += 5 + len(frame.payload)
			checkParsers(t, frame.payload)
		}
	})
}

func checkParsers(t *testing.T, payload []byte) {
	if path, err := parsePath(payload); err == nil {
		// The address may have lost its brackets, nothing else is lost.
		again := cstrings(append([]string{path.Address}, path.Args...)...)
		if lost := len(payload) - len(again); lost != 0 && lost != 2 {
			t.Fatalf("%q became %q", payload, path)
		}
	}
	if field, err := appendHeaderField(nil, payload, true); err == nil {
		name, value, _ := bytes.Cut(payload[:len(payload)-1], []byte{0})
		if !bytes.HasPrefix(field, append(bytes.Clone(name), ':')) || !bytes.HasSuffix(field, []byte("\r\n")) {
			t.Fatalf("%q became %q", payload, field)
		}
		unfolded := bytes.ReplaceAll(field[len(name)+1:len(field)-2], []byte("\r\n"), []byte("\n"))
		if !bytes.Equal(unfolded, bytes.ReplaceAll(value, []byte("\r\n"), []byte("\n"))) {
			t.Fatalf("%q became %q", payload, field)
		}
	}
	if _, values, err := parseMacros(payload); err == nil && len(values) > maxMacros {
		t.Fatalf("%d macros", len(values))
	}
	if c, err := parseConnect(payload); err == nil && c == nil {
		t.Fatal("neither a connection nor an error")
	}
	if o, err := parseOffer(payload); err == nil && o.grant()&^o.protocol != 0 {
		t.Fatal("asked for more than was offered")
	}
	_, _ = parseHelo(payload)
}

// orderSession checks the order of calls that Session promises.
type orderSession struct {
	t       *testing.T
	open    bool // Mail was called, and no EndOfMessage or Abort
	headers bool // ended
	settled bool // a verdict has fallen
	closed  bool
}

func (s *orderSession) must(ok bool, what string) {
	if !ok || s.closed {
		s.t.Errorf("%s out of order: %+v", what, *s)
	}
}

func (s *orderSession) Connect(context.Context, *Connection) Verdict {
	s.must(!s.open, "Connect")
	return Verdict{}
}

func (s *orderSession) Helo(context.Context, *Connection) Verdict {
	s.must(!s.open, "Helo")
	return Verdict{}
}

func (s *orderSession) Mail(_ context.Context, t *Transaction) Verdict {
	s.must(!s.open, "Mail")
	s.open, s.headers, s.settled = true, false, false
	return Verdict{}
}

func (s *orderSession) Rcpt(_ context.Context, t *Transaction) Verdict {
	s.must(s.open && !s.settled && len(t.Recipients) > 0, "Rcpt")
	return Verdict{}
}

func (s *orderSession) Header([]byte) Verdict {
	s.must(s.open && !s.settled && !s.headers, "Header")
	return Verdict{}
}

func (s *orderSession) EndOfHeaders() Verdict {
	s.must(s.open && !s.settled && !s.headers, "EndOfHeaders")
	s.headers = true
	return Verdict{}
}

func (s *orderSession) Body(chunk []byte) Verdict {
	s.must(s.open && !s.settled && s.headers && len(chunk) > 0, "Body")
	if bytes.Contains(chunk, []byte("fail")) {
		s.settled = true
		return Verdict{Action: TempFail}
	}
	return Verdict{}
}

func (s *orderSession) EndOfMessage(_ context.Context, t *Transaction) Verdict {
	s.must(s.open && !s.settled && s.headers, "EndOfMessage")
	_, _ = t.Macros(), t.QueueID()
	s.open = false
	return Verdict{}
}

func (s *orderSession) Abort() {
	s.must(s.open, "Abort")
	s.open = false
}

func (s *orderSession) Close() {
	s.must(!s.open, "Close")
	s.closed = true
}

// scriptedConn is a connection whose peer has said everything already.
type scriptedConn struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *scriptedConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *scriptedConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *scriptedConn) Close() error                { return nil }
func (c *scriptedConn) RemoteAddr() net.Addr        { return &net.UnixAddr{} }
func (c *scriptedConn) SetDeadline(time.Time) error { return nil }

// FuzzConversation sends any bytes after a negotiation: the session's order of
// calls holds, the connection ends, and every answer is well-formed.
func FuzzConversation(f *testing.F) {
	m := message{headers: [][2]string{{"A", " b"}}, body: []byte("x")}
	f.Add(uint32(allBits), message{}.frames())
	f.Add(uint32(allBits), append(m.frames(), m.frames()...))
	f.Add(uint32(0), append(m.frames(), m.frames()...))
	f.Add(uint32(allBits), message{body: []byte("fail")}.frames())
	f.Add(uint32(0), message{body: []byte("fail")}.frames())
	f.Add(uint32(allBits), append(rawFrame('K'), rawFrame('A')...))
	f.Add(uint32(0), append(rawFrame('U', cstrings("FOO")), rawFrame('T')...))
	f.Fuzz(func(t *testing.T, bits uint32, stream []byte) {
		server := NewServer(Config{NewSession: func() Session { return &orderSession{t: t} }})
		conn := &scriptedConn{in: bytes.NewReader(append(rawFrame('O', optneg(6, 0, bits)), stream...))}
		server.start(conn)
		server.open.Wait()
		for answers := framesOf(&conn.out); ; {
			answer, err := answers.read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || !strings.ContainsRune("Ocay", rune(answer.code)) {
				t.Fatalf("server wrote %q, %v", answer.code, err)
			}
		}
	})
}
