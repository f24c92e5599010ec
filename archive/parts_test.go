package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"daybook/archive/dictionary"
	"daybook/archive/message"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// partMail reads one of the mails that the benchmarks of the parts take.
func partMail(b *testing.B, name string) []byte {
	b.Helper()
	mail, err := os.ReadFile("message/testdata/parts/" + name + ".eml")
	if err != nil {
		b.Fatal(err)
	}
	return mail
}

// numbered makes another mail of one, with a Message-ID, a text and an attachment of
// its own.
func numbered(mail []byte, n int) []byte {
	m := bytes.Clone(mail)
	at := bytes.Index(m, []byte("Message-ID: <")) + len("Message-ID: <")
	copy(m[at:at+16], fmt.Sprintf("%016x", n))
	end := bytes.LastIndex(m[:len(m)-100], []byte("\r\n"))
	copy(m[end-20:end], fmt.Sprintf("%020d", n)) // of a text
	if at := bytes.Index(m, []byte("base64\r\n\r\n")); at >= 0 {
		at += len("base64\r\n\r\n")
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
		base64.StdEncoding.Encode(m[at:at+40], sum[:30])
	}
	return m
}

// inMemory is a mail that is used in place, as a spool gives it.
type inMemory struct {
	*bytes.Reader
	b []byte
}

func (m inMemory) Bytes() []byte { return m.b }

// partReceipt is a receipt as ingest makes it.
func partReceipt(b *testing.B, mail []byte) *Receipt {
	r := receipt(mail, "anna@example.com", "bert@example.org")
	r.Body = inMemory{bytes.NewReader(mail), mail}
	r.Join = Join{Window: 10 * time.Minute, Match: MatchContent}
	var err error
	if r.Structure, err = message.Scan(r.Body, r.Size); err != nil {
		b.Error(err)
		return r
	}
	id, err := message.Identify(context.Background(), r.Body, r.Size, r.Structure)
	if err != nil {
		b.Error(err)
	}
	r.Identity = &Identity{Exact: r.SHA256, Canonical: id.Canonical, MessageID: id.MessageID, Fields: id.Fields}
	return r
}

// batchSize is how many receipts are made at a time, outside of what is measured.
const batchSize = 256

// BenchmarkPartAppend archives receipts that are ready: on disk, and on a file system
// in memory, which shows what is not the disk's. No two have a content in common.
func BenchmarkPartAppend(b *testing.B) {
	for _, name := range []string{"4KB", "16KB", "75KB"} {
		mail := partMail(b, name)
		for _, c := range []struct {
			where   string
			writers int
		}{{"disk", 1}, {"disk", 32}, {"memory", 1}, {"memory", 32}} {
			b.Run(fmt.Sprintf("%s/%s/%dwriters", name, c.where, c.writers), func(b *testing.B) {
				b.SetBytes(int64(len(mail)))
				b.ReportAllocs()
				b.StopTimer()
				var a *Archive
				for done := 0; done < b.N; done += batchSize {
					if done%(8*batchSize) == 0 { // a file system in memory keeps all of it
						a = newPartArchive(b, a, c.where)
					}
					batch := make([]*Receipt, min(batchSize, b.N-done))
					for i := range batch {
						batch[i] = partReceipt(b, numbered(mail, done+i))
					}
					b.StartTimer()
					appendBatch(b, a, batch, c.writers)
					b.StopTimer()
				}
			})
		}
	}
}

// newPartArchive makes an archive in place of the one before.
func newPartArchive(b *testing.B, before *Archive, where string) *Archive {
	if before != nil {
		if err := before.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if where == "memory" {
		return open(b, "archive", Options{FS: vfs.NewMem()})
	}
	return open(b, b.TempDir(), Options{})
}

// appendBatch appends receipts, from so many goroutines.
func appendBatch(b *testing.B, a *Archive, batch []*Receipt, writers int) {
	var working sync.WaitGroup
	for w := range writers {
		working.Go(func() {
			for i := w; i < len(batch); i += writers {
				if _, err := a.Append(context.Background(), batch[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
}

// BenchmarkPartApply makes the catalog anew from a ledger of 2,048 mails, and so
// applies each of its records once.
func BenchmarkPartApply(b *testing.B) {
	const mails = 8 * batchSize
	dir := b.TempDir()
	a := open(b, dir, Options{})
	mail := partMail(b, "4KB")
	for done := 0; done < mails; done += batchSize {
		batch := make([]*Receipt, batchSize)
		for i := range batch {
			batch[i] = partReceipt(b, numbered(mail, done+i))
		}
		appendBatch(b, a, batch, 32)
	}
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Rebuild(context.Background(), dir, Options{Logger: quiet()}, nil, func(d Damage) { b.Error(&d) })
		if err != nil || r.Entries != mails {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*mails), "µs/entry")
}

// BenchmarkPartChain compresses texts one behind the other, as a chain takes them, and
// sees that they come back.
func BenchmarkPartChain(b *testing.B) {
	for _, name := range []string{"4KB", "16KB"} {
		mail := partMail(b, name)
		for _, level := range []zstd.EncoderLevel{zstd.SpeedDefault, zstd.SpeedBetterCompression} {
			b.Run(name+"/"+level.String(), func(b *testing.B) {
				k, err := newCoder(level, dictionary.Bytes(dictionary.Text()))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(mail)))
				b.ReportAllocs()
				size, n := maxChain, 0
				for b.Loop() {
					first := size+len(mail) > maxChain
					if first {
						k.reset()
						size = 0
					}
					if _, err := k.code(numbered(mail, n), 0, first); err != nil {
						b.Fatal(err)
					}
					size += len(mail)
					n++
				}
			})
		}
	}
}
