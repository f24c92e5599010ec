package recipe

import (
	"bytes"
	"os"
	"testing"

	"daybook/archive/message"
)

// BenchmarkPartSplit splits a mail that has been scanned, as an archive does it: with a
// Splitter that is used again, and the mail in memory.
func BenchmarkPartSplit(b *testing.B) {
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		raw, err := os.ReadFile("../message/testdata/parts/" + name + ".eml")
		if err != nil {
			b.Fatal(err)
		}
		s, err := message.Scan(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			var sp Splitter
			for b.Loop() {
				if err := sp.Split(held{bytes.NewReader(raw), raw}, int64(len(raw)), s, nothing); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
