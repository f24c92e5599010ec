package ledger

import (
	"fmt"
	"testing"
)

// BenchmarkPartCommit makes records durable, one a transaction.
func BenchmarkPartCommit(b *testing.B) {
	for _, size := range []int{4, 16, 75} {
		for _, writers := range []int{1, 32} {
			b.Run(fmt.Sprintf("%dKB/%dwriters", size, writers), func(b *testing.B) {
				l := mustOpen(b, nil, b.TempDir(), Options{})
				defer l.Close()
				body := make([]byte, size<<10)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				b.ResetTimer()
				share(b, writers, func() error {
					return l.Append(anything, []Record{{Flags: Numbered, Body: body}})
				})
			})
		}
	}
}
