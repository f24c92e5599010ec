package archive

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"math"
	"slices"

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
	if err := a.fill(ctx, &o, a.lastMark(&o), progress); err != nil {
		return RebuildReport{}, err
	}
	lost := a.ledger.Recovery().Damage
	damage := a.nameDamage(lost)
	for _, d := range damage {
		found(d)
	}
	t := a.catalog.state.totals
	report := RebuildReport{Entries: t.entries, Events: t.events, Contents: t.contents, Damage: len(damage)}
	return report, a.swap()
}

// lastMark is how far the old catalog had come, if that can be read. Between the
// steps of a replacement it has another name.
func (a *Archive) lastMark(o *Options) ledger.Mark {
	p := *o
	p.ReadOnly = true
	for _, name := range []string{catalogDir, oldDir} {
		dir := a.fs.PathJoin(a.dir, name)
		if _, err := a.fs.Stat(dir); err != nil {
			continue
		}
		old, err := openCatalog(dir, a.codec, a.recordAt, storeOptions(&p))
		if other := (*otherVersion)(nil); errors.As(err, &other) {
			return other.mark
		}
		if err == nil {
			mark := old.state.mark
			old.close()
			return mark
		}
	}
	return ledger.Mark{}
}

// replaceCatalog makes the catalog anew for an archive that is being opened, and
// gives what it found to be damaged. After a crash the next opening does it.
func (a *Archive) replaceCatalog(o *Options, known ledger.Mark, why string) ([]ledger.Damage, error) {
	a.log.Info("the catalog is made anew from the ledger, which may take a while", "why", why)
	if err := a.fill(context.Background(), o, known, nil); err != nil {
		return nil, err
	}
	lost := a.ledger.Recovery().Damage
	err := a.ledger.Close()
	a.ledger = nil
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	if err := a.swap(); err != nil {
		return nil, err
	}
	a.log.Info("the catalog was made anew")
	return lost, nil
}

// openLedger opens the ledger and applies to the catalog what it lacks. When that meets
// entries before the dictionary that they need, as the first of its copies is damaged,
// the catalog is made anew. lost is what was found to be damaged, and torn what an
// unclean end left.
func (a *Archive) openLedger(o *Options, known ledger.Mark) (lost []ledger.Damage, torn ledger.Recovery, err error) {
	if err = a.replay(o, known); err != nil {
		return nil, torn, err
	}
	torn = a.ledger.Recovery()
	own := a.codec.facts.own
	if a.catalog.unread == 0 || own.looked() {
		return torn.Damage, torn, nil
	}
	if o.ReadOnly {
		if err = own.lookAhead(a.catalog.reader()); err != nil {
			return nil, torn, err
		}
	}
	err = a.ledger.Close()
	a.ledger = nil
	if err != nil {
		return nil, torn, fmt.Errorf("open archive: %w", err)
	}
	known, lost, err = a.settleDoubts(o)
	if err != nil {
		return nil, torn, err
	}
	if err = a.replay(o, known); err != nil {
		return nil, torn, err
	}
	for _, d := range slices.Concat(torn.Damage, a.ledger.Recovery().Damage) {
		if !slices.Contains(lost, d) {
			lost = append(lost, d)
		}
	}
	return lost, torn, nil
}

// replay opens the ledger, and applies what is behind the catalog's mark.
func (a *Archive) replay(o *Options, known ledger.Mark) (err error) {
	defer a.endEarly()
	a.ledger, err = ledger.Open(context.Background(), a.fs.PathJoin(a.dir, ledgerDir), ledger.Options{
		FS: a.fs, SegmentSize: o.SegmentSize, ReadOnly: o.ReadOnly,
		From: a.catalog.state.mark, Acknowledged: acknowledged(a.fs, a.dir, known), Apply: a.apply,
		Prepare: func(records []ledger.Record, end ledger.Mark) error { return a.catalog.prepare(records, end) },
	})
	return err
}

// recordAt reads a record of the ledger for the catalog. While the ledger is being
// opened, which is when the catalog applies what it lacks, it is opened once more, for
// reading only, and without a look at its records.
func (a *Archive) recordAt(at ledger.Location) (ledger.Record, error) {
	if a.ledger != nil {
		return a.ledger.Read(at)
	}
	if a.early == nil {
		var err error
		a.early, err = ledger.Open(context.Background(), a.fs.PathJoin(a.dir, ledgerDir), ledger.Options{
			FS: a.fs, ReadOnly: true, From: ledger.Mark{Position: ledger.Position{Segment: math.MaxUint32}},
		})
		if err != nil {
			return ledger.Record{}, err
		}
	}
	return a.early.Read(at)
}

// endEarly closes what recordAt has opened, when the ledger itself is open.
func (a *Archive) endEarly() {
	if a.early != nil {
		a.early.Close()
		a.early = nil
	}
}

// settleDoubts replaces a catalog, which is open, that could not be read while
// records were applied, or lacks what could not be decoded then. When that cannot be done the old one stays in use: it lacks
// no entry, and mail must come in. The results are those of findCatalog.
func (a *Archive) settleDoubts(o *Options) (known ledger.Mark, lost []ledger.Damage, err error) {
	dir, p := a.fs.PathJoin(a.dir, catalogDir), storeOptions(o)
	known = a.catalog.state.mark
	why := fmt.Sprintf("what it is made of could not be read %d times", a.catalog.state.doubts)
	err = a.catalog.close()
	a.catalog = nil
	if err != nil && !errors.Is(err, errNotFlushed) { // it is replaced, or filled up again
		return known, nil, catalogError(err)
	}
	if o.ReadOnly {
		p.FS, p.ReadOnly = vfs.NewMem(), false
	} else if lost, err = a.replaceCatalog(o, known, why); err != nil {
		lost = nil
		if exists, _ := storeExists(a.fs, dir); !exists {
			return known, nil, err
		}
		a.log.Error("the catalog is used as it is, as it could not be made anew", "error", err)
		a.letGo()
	}
	a.catalog, err = openCatalog(dir, a.codec, a.recordAt, p)
	return known, lost, err
}

// letGo closes what a replacement that failed has left open.
func (a *Archive) letGo() {
	if a.ledger != nil {
		a.ledger.Close()
	}
	if a.catalog != nil {
		a.catalog.close()
	}
	a.ledger, a.catalog = nil, nil
}

// fill makes a new catalog beside the old one and applies the whole ledger to it. When
// it comes to a dictionary only behind entries that need it, as the first of its copies
// is lost, it does so again.
func (a *Archive) fill(ctx context.Context, o *Options, known ledger.Mark, progress func(done, total int64)) error {
	if err := a.fillOnce(ctx, o, known, progress); err != nil || a.catalog.unread == 0 {
		return err
	}
	err := a.codec.facts.own.lookAhead(a.catalog.reader())
	a.letGo()
	if err != nil {
		return err
	}
	return a.fillOnce(ctx, o, known, progress)
}

// fillOnce applies the whole ledger to a new catalog. The ledger is only read. known is
// how far the old catalog had come; the mark may know of more. An end of the ledger that
// is missing stays known as damage, and its numbers are not given again.
func (a *Archive) fillOnce(ctx context.Context, o *Options, known ledger.Mark, progress func(done, total int64)) (err error) {
	dir := a.fs.PathJoin(a.dir, rebuildDir)
	if err := a.fs.RemoveAll(dir); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if a.catalog, err = openCatalog(dir, a.codec, a.recordAt, storeOptions(o)); err != nil {
		return err
	}
	total, err := folderSize(a.fs, a.fs.PathJoin(a.dir, ledgerDir))
	if err != nil {
		return err
	}
	var done int64
	defer a.endEarly()
	a.ledger, err = ledger.Open(ctx, a.fs.PathJoin(a.dir, ledgerDir), ledger.Options{
		FS: a.fs, ReadOnly: true, Acknowledged: acknowledged(a.fs, a.dir, known),
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
	if err != nil {
		return err
	}
	if err := a.syncLedger(); err != nil {
		return err
	}
	return a.catalog.apply(nil, a.ledger.Mark())
}

// syncLedger makes durable what a killed daemon may have written without a sync:
// the new catalog must not know of more than the disk holds.
func (a *Archive) syncLedger() error {
	dir := a.fs.PathJoin(a.dir, ledgerDir)
	names, err := a.fs.List(dir)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	for _, name := range names {
		f, err := a.fs.Open(a.fs.PathJoin(dir, name))
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return fmt.Errorf("rebuild: sync ledger: %w", err)
		}
	}
	return nil
}

// swap puts the new catalog in the place of the old one. After a crash between
// the steps there is no catalog, and Open makes it.
func (a *Archive) swap() error {
	err := a.catalog.finish(nil) // all of it is needed, however slow the disk
	a.catalog = nil
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	place, old := a.fs.PathJoin(a.dir, catalogDir), a.fs.PathJoin(a.dir, oldDir)
	if err := a.fs.RemoveAll(old); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	// Renamed and not removed in place: half a catalog could be taken for a whole.
	if err := a.fs.Rename(place, old); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("rebuild: %w", err)
	}
	if err := a.fs.Rename(a.fs.PathJoin(a.dir, rebuildDir), place); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if err := syncFolder(a.fs, a.dir); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	return a.fs.RemoveAll(old)
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
