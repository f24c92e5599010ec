package lmtp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"testing"
)

// BenchmarkPartDataReader reads a mail as it comes after DATA.
func BenchmarkPartDataReader(b *testing.B) {
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		mail, err := os.ReadFile("../archive/message/testdata/parts/" + name + ".eml")
		if err != nil {
			b.Fatal(err)
		}
		wire := append(bytes.ReplaceAll(mail, []byte("\r\n."), []byte("\r\n..")), ".\r\n"...)
		b.Run(name, func(b *testing.B) {
			src := bytes.NewReader(wire)
			in := bufio.NewReaderSize(src, inputBuffer)
			p := make([]byte, 32<<10)
			b.SetBytes(int64(len(mail)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(wire)
				in.Reset(src)
				d := dotReader{in: in}
				for err := error(nil); err == nil; {
					_, err = d.Read(p)
				}
				if d.n != int64(len(mail)) {
					b.Fatalf("%d octets of %d", d.n, len(mail))
				}
			}
		})
	}
}

// BenchmarkPartSession takes mails of 4 KB over a connection, one after the other, for
// a handler that only reads.
func BenchmarkPartSession(b *testing.B) {
	mail, err := os.ReadFile("../archive/message/testdata/parts/4KB.eml")
	if err != nil {
		b.Fatal(err)
	}
	_, addr := serve(b, Config{Handler: handlerFunc(func(_ context.Context, e *Envelope, body io.Reader) []Reply {
		p := make([]byte, 8<<10)
		for err := error(nil); err == nil; {
			_, err = body.Read(p)
		}
		return []Reply{{250, "2.0.0", "kept"}}
	})}, nil)
	c := open(b, addr, false, nil)
	wire := append(bytes.ReplaceAll(mail, []byte("\r\n."), []byte("\r\n..")), ".\r\n"...)
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		c.send("MAIL FROM:<a@example.org> SIZE=4096\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
		c.expect("250", "250", "354")
		if _, err := c.conn.Write(wire); err != nil {
			b.Fatal(err)
		}
		c.expect("250")
	}
}
