package lmtp

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// endOfData are octets that some server somewhere takes for the end of data, or stumbles over. None of them is it: what the client
// sends goes on, and ends with CRLF.CRLF after "tail".
var endOfData = []struct{ wire, want string }{
	{"head\n.\ntail", "head\n.\ntail"},
	{"head\r.\rtail", "head\r.\rtail"},
	{"head\n.\r\ntail", "head\n.\r\ntail"},
	{"head\r.\r\ntail", "head\r.\r\ntail"},
	{"head\r\n.\ntail", "head\r\n\ntail"},
	{"head\r\n.\rtail", "head\r\n\rtail"},
	{"head\r\n.\r\rtail", "head\r\n\r\rtail"},
	{"head\r\n..\r\ntail", "head\r\n.\r\ntail"},
	{"head\r\r\n..\r\ntail", "head\r\r\n.\r\ntail"},
	{"head\r\n\x00.\r\ntail", "head\r\n\x00.\r\ntail"},
	{"head\r\n.\x00\r\ntail", "head\r\n\x00\r\ntail"},
	{"head\r\x00\n.\r\ntail", "head\r\x00\n.\r\ntail"},
	{"head\r\n.\r\x00\ntail", "head\r\n\r\x00\ntail"},
	{"..\r\ntail", ".\r\ntail"},
	{"\n.\r\ntail", "\n.\r\ntail"},
	{"head\r\n .\r\n. \r\ntail", "head\r\n .\r\n \r\ntail"},
	{"head\r\n.\n.\r\ntail\r", "head\r\n\n.\r\ntail\r"},
}

// sides calls f for {plain, STARTTLS} x {LMTP, SMTP} with an open session.
func sides(t *testing.T, f func(t *testing.T, c *client, rec *recorder)) {
	serverTLS, clientTLS := testTLS(t)
	for _, smtp := range []bool{false, true} {
		for name, cfg := range map[string]*tls.Config{"plain": nil, "starttls": clientTLS} {
			t.Run(fmt.Sprintf("smtp=%v/%s", smtp, name), func(t *testing.T) {
				t.Parallel()
				rec := new(recorder)
				_, addr := serve(t, Config{Handler: rec, SMTP: smtp, TLS: serverTLS}, nil)
				f(t, open(t, addr, smtp, cfg), rec)
			})
		}
	}
}

const (
	transaction1 = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"
	transaction2 = "MAIL FROM:<next@example.org>\r\nRCPT TO:<c@example.net>\r\nDATA\r\nnext\r\n.\r\n"
)

func checkPair(t *testing.T, got []delivery, wire, want string) {
	t.Helper()
	if len(got) != 2 {
		t.Fatalf("%q: %d deliveries: %v", wire, len(got), got)
	}
	if got[0].body != want || got[0].err != nil {
		t.Errorf("%q:\ngot  %q, %v\nwant %q", wire, got[0].body, got[0].err, want)
	}
	if s := got[1].String(); s != `<next@example.org> -> <c@example.net> "next\r\n"` {
		t.Errorf("%q: next message: %s", wire, s)
	}
}

func TestEndOfData(t *testing.T) {
	if len(endOfData) != 17 {
		t.Fatalf("%d variants", len(endOfData))
	}
	sides(t, func(t *testing.T, c *client, rec *recorder) {
		for _, v := range endOfData {
			for _, pipelined := range []bool{true, false} {
				rec.got = nil
				first := transaction1 + v.wire + "\r\n.\r\n"
				if pipelined {
					c.send(first + transaction2)
					c.expect("250", "250", "354", "250", "250", "250", "354", "250")
				} else {
					c.send(first)
					c.expect("250", "250", "354", "250")
					c.send(transaction2)
					c.expect("250", "250", "354", "250")
				}
				checkPair(t, rec.deliveries(), v.wire, v.want+"\r\n")
			}
		}
	})
}

// TestEndOfDataAllStrings sends every string that can be made of seven CR, LF and dots through a server. Where a string contains the
// end of data the message ends there, and each line of its rest is a bad command.
func TestEndOfDataAllStrings(t *testing.T) {
	sides(t, func(t *testing.T, c *client, rec *recorder) {
		rng := rand.New(rand.NewPCG(3, 4))
		sevens(func(s []byte) {
			body := string(s) + "\r\n.\r\n"
			want, rest, _ := reference([]byte(body))
			rec.got = nil
			wire := transaction1 + body + transaction2
			cut := rng.IntN(len(wire))
			c.send(wire[:cut])
			c.send(wire[cut:])
			c.expect("250", "250", "354", "250")
			for range strings.Count(string(rest), "\n") {
				c.expect("500 5.5.2")
			}
			c.expect("250", "250", "354", "250")
			checkPair(t, rec.deliveries(), string(s), string(want))
		})
	})
}

// TestAMillionOctetsInALine has no line end at all but the last.
func TestAMillionOctetsInALine(t *testing.T) {
	sides(t, func(t *testing.T, c *client, rec *recorder) {
		long := strings.Repeat("x.\r\r", 1<<19)
		c.send(transaction1 + long + "\r\n.\r\n" + transaction2)
		c.expect("250", "250", "354", "250", "250", "250", "354", "250")
		checkPair(t, rec.deliveries(), "x.CRCR...", long+"\r\n")
	})
}
