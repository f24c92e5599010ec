package ledger

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// BenchmarkAppend appends records on disk from several goroutines.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 16 << 10} {
		for _, writers := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%dKB/%dwriters", size>>10, writers), func(b *testing.B) {
				fs := newFaultFS(vfs.Default)
				l := mustOpen(b, fs, b.TempDir(), Options{})
				defer l.Close()
				body := make([]byte, size)
				b.SetBytes(int64(size))
				b.ResetTimer()
				share(b, writers, func() error {
					return l.Append(anything, []Record{{Flags: Numbered, Body: body}})
				})
				b.ReportMetric(float64(b.N)/float64(fs.counted("sync data")), "records/sync")
			})
		}
	}
}

// BenchmarkBareWrite is what the disk gives one writer that does nothing else.
func BenchmarkBareWrite(b *testing.B) {
	for _, size := range []int{4 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			f, err := vfs.Default.Create(b.TempDir()+"/bare", vfs.WriteCategoryUnspecified)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			body := make([]byte, size)
			b.SetBytes(int64(size))
			b.ResetTimer()
			share(b, 1, func() error {
				if _, err := f.Write(body); err != nil {
					return err
				}
				return f.SyncData()
			})
		})
	}
}

// BenchmarkScan reads a ledger of 64 MiB back and checks it.
func BenchmarkScan(b *testing.B) {
	dir, err := os.MkdirTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	l := mustOpen(b, nil, dir, Options{})
	defer l.Close()
	for range 64 {
		mustAppend(b, l, Record{Body: make([]byte, 1<<20)})
	}
	b.SetBytes(64 << 20)
	for b.Loop() {
		scanAll(b, l)
	}
}

// share has several goroutines do b.N pieces of work.
func share(b *testing.B, workers int, work func() error) {
	var wg sync.WaitGroup
	for w := range workers {
		n := b.N / workers
		if w < b.N%workers {
			n++
		}
		wg.Go(func() {
			for range n {
				if err := work(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
