package lmtp

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

type discard struct{}

func (discard) Deliver(_ context.Context, e *Envelope, body io.Reader) []Reply {
	if _, err := io.Copy(io.Discard, body); err != nil {
		return nil
	}
	return []Reply{{250, "2.0.0", "kept"}}
}

// BenchmarkConnection is one client on one TCP connection that sends message after message and waits for each reply.
func BenchmarkConnection(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	for _, size := range []int{4 << 10, 1 << 20} {
		text := strings.Repeat(line, size/len(line))
		for name, wire := range map[string]string{
			"DATA": start + "DATA\r\n" + text + ".\r\n",
			"BDAT": start + fmt.Sprintf("BDAT %d LAST\r\n", len(text)) + text,
		} {
			b.Run(fmt.Sprintf("%s/%dKB", name, size>>10), func(b *testing.B) {
				_, addr := serve(b, Config{Handler: discard{}}, nil)
				c := open(b, addr, false, nil)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					c.send(wire)
					c.expect("250", "250")
					if name == "DATA" {
						c.expect("354")
					}
					c.expect("250 2.0.0 kept")
				}
			})
		}
	}
}
