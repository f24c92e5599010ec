package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// flushTime is how long close waits for the catalog to be on disk. What is not there
// then is applied again by the next Open.
const flushTime = 5 * time.Second

// errNotFlushed: the catalog is not all on disk, and the ledger is.
var errNotFlushed = errors.New("the catalog could not be written out in time")

// close writes the catalog out, so that nothing needs to be applied again, and closes
// it. Pebble would try for ever on a full disk, which is why close does not wait so
// long, and not after a first failure: the error is then [errNotFlushed].
func (k *catalog) close() error {
	return k.finish(time.After(flushTime))
}

// finish is close for another time to wait until; nil is for as long as it takes.
func (k *catalog) finish(until <-chan time.Time) error {
	if k.overlay != nil {
		return errors.Join(k.overlay.Close(), k.db.Close())
	}
	k.trouble.forget()
	flushed, err := k.db.AsyncFlush()
	if err == nil {
		select {
		case <-flushed:
		case <-k.trouble:
			err = errNotFlushed
		case <-until:
			err = errNotFlushed
		}
	}
	if err == nil {
		k.pack(until)
	}
	return errors.Join(err, k.db.Close())
}

// maxPack is the most bytes of a catalog that is packed whenever it is closed. Pebble
// packs what a larger one has in time.
const maxPack = 16 << 20

// pack makes a small catalog a third smaller. What goes wrong with it does no harm.
func (k *catalog) pack(until <-chan time.Time) {
	m := k.db.Metrics()
	if t := m.Total(); t.TablesSize == 0 || t.TablesSize > maxPack {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-until:
		case <-k.trouble:
		case <-ctx.Done():
		}
		cancel()
	}()
	// One table alone would be moved as it stands: the state, written once more, makes
	// them two.
	state, closer, err := k.db.Get(stateKey())
	if err != nil {
		return
	}
	err = k.db.Set(stateKey(), state, pebble.NoSync)
	closer.Close()
	if err == nil {
		k.db.Compact(ctx, []byte{0}, []byte{0xff}, false)
	}
}

const (
	// storeMemory is that of the catalog's Pebble. It takes the memtables out of its
	// cache, of which there are two as a rule: the cache has what is left, and must have
	// room for the indexes and filters of tables, or no key is found without reading
	// several blocks.
	storeMemory   = 48 << 20
	memTable      = 16 << 20
	mostMemTables = 4
	// levelRatio is how many times as large as the level above it a level becomes, and so
	// about how often all is written anew that goes down into it. aboveLast is how large
	// the one above the last becomes before there is a further one: then each key is
	// written once more.
	levelRatio = 4
	aboveLast  = 128 << 20
	// topTables is twice the number of memtables that are written out before they are
	// merged into the level below, most of which is written anew for that: the keys are
	// digests, as a rule. mostTopTables is when those that write have to wait.
	topTables     = 16
	mostTopTables = 40
	// tableSize is that of the tables below. One is written anew with all that overlap it:
	// with larger ones in the level below, much that does not matter would be.
	tableSize = 4 << 20
)

// storeOptions are those of the catalog's Pebble.
func storeOptions(o *Options) *pebble.Options {
	p := &pebble.Options{
		FS:                          storeFS{o.FS},
		ReadOnly:                    o.ReadOnly,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		CacheSize:                   storeMemory,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: mostMemTables,
		L0CompactionThreshold:       topTables,
		L0StopWritesThreshold:       mostTopTables,
		LBaseMaxBytes:               aboveLast,
		// The ledger is the catalog's log: what was not written out yet is applied again.
		DisableWAL: true,
		Logger:     storeLogger{o.Logger, o.Fatal},
	}
	for i := range p.Levels {
		// What is above the last level is written anew before long.
		profile, filter := sstable.SnappyCompression, upperFilter()
		if i == len(p.Levels)-1 {
			profile, filter = sstable.BalancedCompression, lastFilter()
		}
		p.Levels[i].FilterPolicy = filter
		p.Levels[i].Compression = func() *sstable.CompressionProfile { return profile }
	}
	// What is looked up for each entry that comes in, and as a rule is not there, yields
	// next to nothing to a good compressor: its keys are digests.
	p.Experimental.SpanPolicyFunc = pebble.MakeStaticSpanPolicyFunc(bytes.Compare,
		pebble.KeyRange{Start: []byte{keyJoin}, End: []byte{keyJoin + 1}}, pebble.SpanPolicy{PreferFastCompression: true})
	p.Experimental.LevelMultiplier = levelRatio
	for i := 1; i < len(p.TargetFileSizes); i++ {
		p.TargetFileSizes[i] = tableSize
	}
	p.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) { o.Logger.Error("catalog", "error", err) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			o.Logger.Error("catalog is damaged: run `daybook rebuild`", "file", i.Path, "error", i.Details)
		},
	}
	return p
}

// storeFS is what Pebble works on. It leaves out Pebble's lock: the archive's own
// covers the catalog, and a folder that cannot be written to can still be read.
type storeFS struct{ vfs.FS }

type noLock struct{}

func (noLock) Close() error { return nil }

func (storeFS) Lock(string) (io.Closer, error) { return noLock{}, nil }

// Create makes the name of a manifest durable before the marker that refers to it,
// which Pebble leaves to the order in which the disk takes them: after a power loss
// the marker could name a file that is not there.
func (f storeFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(f.PathBase(name), manifestMarker) {
		if err := syncFolder(f.FS, f.PathDir(name)); err != nil {
			return nil, err
		}
	}
	return f.FS.Create(name, category)
}

// Unwrap gives the file system beneath (vfs.FS).
func (f storeFS) Unwrap() vfs.FS { return f.FS }

// storeLogger passes on what Pebble has to say. Of its information nothing is
// of use to an administrator.
type storeLogger struct {
	log   *slog.Logger
	fatal func(error)
}

func (l storeLogger) Infof(format string, args ...any) {
	l.log.Debug("catalog: " + fmt.Sprintf(format, args...))
}

func (l storeLogger) Errorf(format string, args ...any) {
	l.log.Error("catalog: " + fmt.Sprintf(format, args...))
}

// Fatalf is called when Pebble cannot go on; it must not return.
func (l storeLogger) Fatalf(format string, args ...any) {
	l.fatal(fmt.Errorf("catalog: "+format, args...))
	select {}
}
