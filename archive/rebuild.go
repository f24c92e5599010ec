package archive

import (
	"context"
	"errors"
	"fmt"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// RebuildReport counts what Rebuild took from the ledger.
type RebuildReport struct {
	Entries, Events, Contents uint64
	// Damage is the number of calls of found.
	Damage int
}

// Rebuild makes the catalog anew from the ledger. Nobody may have the archive
// open. What is damaged is given to found and left out; all else is in the new
// catalog. The old catalog is replaced only when the new one is complete and
// durable. progress, if not nil, is told of the bytes of the ledger done.
func Rebuild(ctx context.Context, dir string, o Options, progress func(done, total int64), found func(Damage)) (RebuildReport, error) {
	o.setDefaults()
	o.ReadOnly = false
	if _, err := o.FS.Stat(o.FS.PathJoin(dir, ledgerDir)); err != nil {
		return RebuildReport{}, fmt.Errorf("rebuild: %w", err)
	}
	a := &Archive{fs: o.FS, dir: dir, log: o.Logger, metrics: newMetrics()}
	defer a.release()
	if err := a.prepare(false); err != nil {
		return RebuildReport{}, err
	}
	var err error
	if a.codec, err = newCodec(); err != nil {
		return RebuildReport{}, err
	}
	known := a.lastMark(&o)
	if err := a.fill(ctx, &o, progress); err != nil {
		return RebuildReport{}, err
	}
	lost := a.ledger.Recovery().Damage
	if now := a.catalog.state.mark; now.Before(known.Position) && now.Seq < known.Seq {
		lost = append(lost, ledger.Damage{
			Segment: now.Segment, Offset: now.Offset, FirstSeq: now.Seq, LastSeq: known.Seq - 1,
			Reason: "the end of the ledger, known to the old catalog, is missing",
		})
	}
	damage := a.nameDamage(lost)
	for _, d := range damage {
		found(d)
	}
	t := a.catalog.state.totals
	report := RebuildReport{Entries: t.entries, Events: t.events, Contents: t.contents, Damage: len(damage)}
	return report, a.swap()
}

// lastMark is how far the old catalog had come, if that can be read.
func (a *Archive) lastMark(o *Options) ledger.Mark {
	p := *o
	p.ReadOnly = true
	if _, err := a.fs.Stat(a.fs.PathJoin(a.dir, catalogDir)); err != nil {
		return ledger.Mark{}
	}
	old, err := openCatalog(a.fs.PathJoin(a.dir, catalogDir), a.codec, storeOptions(&p))
	if err != nil {
		return ledger.Mark{}
	}
	defer old.close()
	return old.state.mark
}

// fill makes a new catalog beside the old one and applies the whole ledger to it.
func (a *Archive) fill(ctx context.Context, o *Options, progress func(done, total int64)) (err error) {
	dir := a.fs.PathJoin(a.dir, rebuildDir)
	if err := a.fs.RemoveAll(dir); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if a.catalog, err = openCatalog(dir, a.codec, storeOptions(o)); err != nil {
		return err
	}
	total, err := folderSize(a.fs, a.fs.PathJoin(a.dir, ledgerDir))
	if err != nil {
		return err
	}
	var done int64
	a.ledger, err = ledger.Open(ctx, a.fs.PathJoin(a.dir, ledgerDir), ledger.Options{
		FS: a.fs, SegmentSize: o.SegmentSize,
		Apply: func(records []ledger.Record, end ledger.Mark) error {
			for _, r := range records {
				done += r.At.End().Offset - r.At.Offset
			}
			if progress != nil {
				progress(done, total)
			}
			return a.catalog.apply(records, end)
		},
	})
	return err
}

// swap puts the new catalog in the place of the old one. After a crash between
// the steps there is no catalog, and Open makes it.
func (a *Archive) swap() error {
	err := a.catalog.close()
	a.catalog = nil
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	place := a.fs.PathJoin(a.dir, catalogDir)
	if err := a.fs.RemoveAll(place); err != nil {
		return fmt.Errorf("rebuild: remove the old catalog: %w", err)
	}
	if err := a.fs.Rename(a.fs.PathJoin(a.dir, rebuildDir), place); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	d, err := a.fs.OpenDir(a.dir)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// folderSize adds up the files of a folder.
func folderSize(fs vfs.FS, dir string) (int64, error) {
	names, err := fs.List(dir)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}
