package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"

	"daybook/archive"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// BenchmarkPartDeliver takes mails from an LMTP session's hands to their reply, with an
// archive in memory and a log that nobody reads.
func BenchmarkPartDeliver(b *testing.B) {
	for _, name := range []string{"4KB", "75KB"} {
		mail, err := os.ReadFile("../message/testdata/parts/" + name + ".eml")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, archive.Options{FS: vfs.NewMem()})
			h.ingest.log = slog.New(slog.NewTextHandler(discard{}, nil))
			handler, e := h.lmtp(), lmtpTransaction("bert@example.org")
			var number atomic.Int64
			b.SetBytes(int64(len(mail)))
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					head := fmt.Appendf(nil, "Received: by mx with LMTP id %d\r\n", number.Add(1))
					body := bytes.NewBuffer(append(head, mail...))
					if r := handler.Deliver(context.Background(), e, readOnly{body}); r[0].Code != 250 {
						b.Error(r)
						return
					}
				}
			})
		})
	}
}

// readOnly hides all methods of a buffer but Read.
type readOnly struct{ b *bytes.Buffer }

func (r readOnly) Read(p []byte) (int, error) { return r.b.Read(p) }

// discard is a log's file that takes everything.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
