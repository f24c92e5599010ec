package lmtp

import (
	"bufio"
	"bytes"
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
