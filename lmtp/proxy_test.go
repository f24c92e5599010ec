package lmtp

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// TestProxyHeaderAndNoMore reads headers as the library writes them, and leaves what follows.
func TestProxyHeaderAndNoMore(t *testing.T) {
	addr := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	for _, test := range []struct {
		version  byte
		from, to string
		want     string
	}{
		{1, "192.0.2.7:1234", "198.51.100.1:25", "192.0.2.7:1234"},
		{2, "192.0.2.7:1234", "198.51.100.1:25", "192.0.2.7:1234"},
		{1, "[2001:db8::7]:65535", "[2001:db8::1]:25", "[2001:db8::7]:65535"},
		{2, "[2001:db8::7]:65535", "[2001:db8::1]:25", "[2001:db8::7]:65535"},
		{2, "[::ffff:192.0.2.7]:1", "[::ffff:192.0.2.1]:25", "192.0.2.7:1"},
	} {
		text, err := proxyproto.HeaderProxyFromAddrs(test.version, addr(test.from), addr(test.to)).Format()
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(append(text, "EHLO x\r\n"...))
		source, err := readProxyHeader(r)
		if err != nil || addrPort(source).String() != test.want {
			t.Errorf("%q: %v, %v", text, source, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "EHLO x\r\n" {
			t.Errorf("%q: %q is left", text, rest)
		}
		for n := range text {
			if source, err := readProxyHeader(bytes.NewReader(text[:n])); err == nil {
				t.Errorf("%q: taken for %v", text[:n], source)
			}
		}
	}
}

// TestProxyTrouble looks at what the operator is told.
func TestProxyTrouble(t *testing.T) {
	for send, want := range map[string]string{
		"":                                  "",
		"EHLO x\r\n":                        "not a PROXY header",
		"PROXY TCP4 x y 1 2\r\n":            "invalid address",
		"PROXY " + strings.Repeat("x", 200): "too long",
		"PROXY TCP4 192":                    "unexpected EOF",
	} {
		var log syncBuffer
		rec := new(recorder)
		srv, addr := serve(t, Config{Handler: rec, Proxies: loopback(), Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
		c := dial(t, addr)
		c.send(send)
		c.conn.(*net.TCPConn).CloseWrite()
		c.expect("[closed]")
		waitFor(t, "the session to end", func() bool { return srv.Connections() == 0 })
		if got := log.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: log %q, want %q", send, got, want)
		}
	}
}

// A connection from an address that the test chooses.
type connFrom struct {
	net.Conn
	addr net.Addr
}

func (c connFrom) RemoteAddr() net.Addr { return c.addr }

// FuzzProxy sends octets to a server that is behind a balancer. Without a header nothing is answered; with one, the server parses what
// the library parses, and reads as commands what follows it.
func FuzzProxy(f *testing.F) {
	v2 := "\r\n\r\n\x00\r\nQUIT\n"
	commands := "LHLO x\r\n" + start + "BDAT 1 LAST\r\nxQUIT\r\n"
	for _, s := range []string{
		"PROXY TCP4 192.0.2.7 198.51.100.1 1234 25\r\n",
		"PROXY TCP6 2001:db8::7 ::1 1234 25\r\n",
		"PROXY UNKNOWN\r\n",
		"PROXY \n",
		"PROXY TCP4 192.0.2.7 198.51.100.1 1234 25",
		v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x04\xd2\x00\x19",
		v2 + "\x20\x00\x00\x00",
		v2 + "\x21\x21\x00\x24" + strings.Repeat("\x20", 36),
		v2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216),
		v2 + "\x21\x11\xff\xff",
		"",
	} {
		f.Add([]byte(s+commands), []byte{255})
		f.Add([]byte(s+commands), []byte{0, 5})
	}
	balancer := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:9"))
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		rec := new(recorder)
		replies := feed(t, Config{Handler: rec, Proxies: loopback()}, balancer, input, sizes)
		rest := bytes.NewReader(input)
		source, err := readProxyHeader(rest)
		if err != nil {
			if replies != "" || len(rec.deliveries()) > 0 {
				t.Errorf("no header (%v), but answered %q", err, replies)
			}
			return
		}
		if !strings.HasPrefix(replies, "220 ") {
			t.Errorf("header, but answered %q", replies)
		}
		if source == nil {
			source = balancer
		}
		for _, d := range rec.deliveries() {
			if d.env.Client != source.String() {
				t.Errorf("client %q, want %v", d.env.Client, source)
			}
		}
		if !bytes.HasPrefix(input, []byte(proxyV1)) && !bytes.HasPrefix(input, []byte(v2)) {
			t.Errorf("%q was taken for a header", input)
		}
	})
}

// TestProxyIsNotWaitedForWithoutEnd sends a header so slowly that it never ends.
func TestProxyIsNotWaitedForWithoutEnd(t *testing.T) {
	srv, addr := serve(t, Config{Handler: new(recorder), Proxies: loopback(), EnvelopeTimeout: stalled}, nil)
	c := dial(t, addr)
	header := "PROXY UNKNOWN " + strings.Repeat("x", 80)
	for i := range header {
		if _, err := io.WriteString(c.conn, header[i:i+1]); err != nil {
			break
		}
		time.Sleep(stalled / 10)
	}
	c.expect("[closed]")
	waitFor(t, "the session to end", func() bool { return srv.Connections() == 0 })
}
