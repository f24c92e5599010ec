package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"daybook/archive/dictionary"
	"daybook/archive/ledger"
	"daybook/archive/recipe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Errors that callers tell apart, with errors.Is.
var (
	// ErrLocked: another process has the archive open.
	ErrLocked = errors.New("the archive is in use by another daybook")
	// ErrNotFound: there is no entry of that number.
	ErrNotFound = errors.New("no such entry")
	// ErrNoSpace: the free space of the disk is below the floor, or used up.
	// It is temporary.
	ErrNoSpace = errors.New("not enough free disk space")
	// ErrCatalog: the catalog cannot be read. Rebuild makes it anew.
	ErrCatalog = errors.New("the catalog is damaged")
	// ErrClosed: the archive was closed.
	ErrClosed = ledger.ErrClosed
)

// Names in the archive's folder.
const (
	lockName    = "LOCK"
	ledgerDir   = "ledger"
	catalogDir  = "catalog"
	rebuildDir  = "catalog.new"
	oldDir      = "catalog.old"
	fatalStatus = 1
)

// Options say how an archive is opened.
type Options struct {
	// FS holds ledger and catalog; nil is the disk.
	FS vfs.FS
	// ReadOnly opens an archive that nobody writes to, without changing it.
	ReadOnly bool
	// MinFree is the number of bytes that must stay free on the disk; below it
	// Append gives ErrNoSpace. 0 is the smaller of 2 GiB and 5 % of the disk.
	MinFree uint64
	// SegmentSize is the ledger's; 0 is its default.
	SegmentSize int64
	// Logger takes what is not tied to a call; nil is slog.Default().
	Logger *slog.Logger
	// Fatal is called when the catalog's store cannot go on, and must end the
	// process; nil logs the error and exits with status 1. Nothing that was
	// acknowledged is lost by it.
	Fatal func(error)

	minContent int // that of cut.go, when it is 0
}

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.minContent == 0 {
		o.minContent = minContent
	}
	if o.Fatal == nil {
		log := o.Logger
		o.Fatal = func(err error) {
			log.Error("the archive cannot go on", "error", err)
			os.Exit(fatalStatus)
		}
	}
}

// Archive is an open archive. Its methods may be called concurrently.
type Archive struct {
	fs    vfs.FS
	dir   string
	log   *slog.Logger
	lock  io.Closer
	codec codec
	press press
	// splitters are *recipe.Splitter, which have buffers.
	splitters sync.Pool
	cuttings  sync.Pool // *cuttings, which are room
	// minContent is the least small text that becomes a content.
	minContent int
	claims     claims
	pins       pins
	chains     *chains
	views      *views
	school     *school
	catalog    *catalog
	ledger     *ledger.Ledger
	early      *ledger.Ledger // see recordAt
	marker     *marker        // nil while the ledger is being opened
	space      *space
	damage     []Damage
	metrics    *metrics
	// compacting has room for the one Compact that is under way, and drops counts the
	// segments that were given up so far.
	compacting chan struct{}
	drops      atomic.Uint64
	judging    sync.Mutex    // held from looking at an entry's quarantine to recording a change
	ending     chan struct{} // closed when Close begins
	closing    sync.Once
	// using is held for reading by whatever appends, which also reads; with closed set
	// nothing begins to.
	using  sync.RWMutex
	closed bool
}

// Open opens the archive in the folder dir. Unless Options.ReadOnly is set it
// creates the folder and what belongs in it, and whatever an unclean end left
// undone is done. A catalog of another version, or one that could not be read while
// mail came in, is replaced by one that is made from the ledger, all of which is read
// once; for reading only, it is made in memory. The errors are [ErrLocked], [ErrCatalog], fs.ErrNotExist (for
// reading only), fs.ErrPermission and others of the disk. Damage of the ledger
// does not fail Open, see [Archive.Damage]. The caller closes the archive.
func Open(dir string, o Options) (_ *Archive, err error) {
	o.setDefaults()
	a := &Archive{
		fs: o.FS, dir: dir, log: o.Logger, space: newSpace(o.FS, dir, o.MinFree), metrics: newMetrics(),
		chains: newChains(dictionary.Bytes(dictionary.Text())), views: &views{dictionaries: dictionary.Bytes(dictionary.Text())},
		minContent: o.minContent, compacting: make(chan struct{}, 1), ending: make(chan struct{}),
	}
	a.splitters.New = func() any { return new(recipe.Splitter) }
	a.school = newSchool(a)
	defer func() {
		if err != nil {
			a.release()
		}
	}()
	if err := a.prepare(o.ReadOnly); err != nil {
		return nil, err
	}
	if a.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if a.press, err = newPress(); err != nil {
		return nil, err
	}
	known, lost, err := a.findCatalog(&o)
	if err != nil {
		return nil, err
	}
	found, recovery, err := a.openLedger(&o, known)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		if !slices.Contains(lost, d) {
			lost = append(lost, d)
		}
	}
	a.damage = a.nameDamage(lost)
	if !o.ReadOnly {
		a.marker = openMarker(o.FS, dir)
		err = a.recordRecovery(recovery)
	}
	return a, err
}

// prepare makes the folders and takes the lock.
func (a *Archive) prepare(readOnly bool) error {
	dir := a.fs.PathJoin(a.dir, ledgerDir)
	if readOnly {
		if _, err := a.fs.Stat(dir); err != nil {
			return fmt.Errorf("open archive: %w", err)
		}
	} else if err := makeFolders(a.fs, a.dir, dir); err != nil {
		return err
	}
	return a.takeLock(readOnly)
}

// takeLock keeps writers away, and readers from a writer.
func (a *Archive) takeLock(readOnly bool) (err error) {
	path := a.fs.PathJoin(a.dir, lockName)
	if readOnly && a.fs == vfs.Default {
		a.lock, err = shareLock(path)
		if errors.Is(err, iofs.ErrNotExist) {
			return nil // a copy that nobody has written to
		}
	} else {
		a.lock, err = a.fs.Lock(path)
	}
	if err == nil {
		return nil
	}
	// A lock that is held gives a bare errno, or in the same process a text of the
	// file system's; a file that cannot be opened gives a PathError.
	if path := (*iofs.PathError)(nil); !errors.As(err, &path) {
		if errno := syscall.Errno(0); !errors.As(err, &errno) || errno == syscall.EAGAIN || errno == syscall.EACCES {
			return ErrLocked
		}
	}
	return fmt.Errorf("lock archive: %w", err)
}

// makeFolders creates the archive's folders, durably: also when an earlier
// process made them and ended before they were synced.
func makeFolders(fs vfs.FS, dir, inner string) error {
	made := []string{inner}
	for d := dir; ; d = fs.PathDir(d) {
		made = append(made, d)
		if _, err := fs.Stat(d); err == nil || d == fs.PathDir(d) {
			break
		}
	}
	if err := fs.MkdirAll(inner, 0o700); err != nil {
		return fmt.Errorf("create archive: %w", err)
	}
	for _, d := range append(made, fs.PathDir(made[len(made)-1])) {
		err := syncFolder(fs, d)
		if errors.Is(err, iofs.ErrPermission) && d != inner && d != dir {
			continue // a folder above that was there before us
		}
		if err != nil {
			return fmt.Errorf("create archive: %w", err)
		}
	}
	return nil
}

func syncFolder(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// findCatalog opens the catalog. One that is missing, or of another version, is
// made from the ledger: when nothing may be written, in memory. known is how far
// the ledger is known to have been acknowledged, when the catalog does not tell;
// lost is what was found to be damaged on the way.
func (a *Archive) findCatalog(o *Options) (known ledger.Mark, lost []ledger.Damage, err error) {
	dir := a.fs.PathJoin(a.dir, catalogDir)
	exists, err := storeExists(a.fs, dir)
	if err != nil {
		return known, nil, err
	}
	p := storeOptions(o)
	other := (*otherVersion)(nil)
	if exists {
		a.catalog, err = openCatalog(dir, a.codec, a.recordAt, p)
		if err == nil && a.catalog.state.doubts > 0 {
			return a.settleDoubts(o)
		}
		if err == nil && !o.ReadOnly {
			a.tidy()
		}
		if !errors.As(err, &other) {
			return known, nil, err
		}
	}
	known, err = a.lastMark(o), nil
	switch {
	case o.ReadOnly:
		p.FS, p.ReadOnly = vfs.NewMem(), false
	case other != nil:
		lost, err = a.replaceCatalog(o, known, other.Error())
	case known != ledger.Mark{}:
		lost, err = a.replaceCatalog(o, known, "it was being made anew when daybook ended")
	default:
		if err = a.fs.MkdirAll(dir, 0o700); err != nil {
			err = fmt.Errorf("create catalog: %w", err)
		}
	}
	if err != nil {
		return known, nil, err
	}
	a.catalog, err = openCatalog(dir, a.codec, a.recordAt, p)
	return known, lost, err
}

// tidy removes what a replacement of the catalog that was cut short left behind.
func (a *Archive) tidy() {
	for _, name := range []string{rebuildDir, oldDir} {
		if err := a.fs.RemoveAll(a.fs.PathJoin(a.dir, name)); err != nil {
			a.log.Warn("what is left of an older catalog could not be removed", "folder", name, "error", err)
		}
	}
}

// apply is called by the ledger with every group of records.
func (a *Archive) apply(records []ledger.Record, end ledger.Mark) error {
	a.metrics.group(records)
	if err := a.catalog.apply(records, end); err != nil {
		return err
	}
	if a.marker != nil {
		a.marker.write(end)
	}
	return nil
}

// recordRecovery makes events of what Open found, once each.
func (a *Archive) recordRecovery(r ledger.Recovery) error {
	known := map[string]bool{}
	if len(a.damage) > 0 {
		for e, err := range a.Events(context.Background(), Query{Kind: EventDamage}) {
			if err == nil {
				known[e.Text] = true
			}
		}
	}
	var events []Event
	if r.Torn > 0 {
		text := fmt.Sprintf("after an unclean end %d bytes from byte %d of segment %s on were left out; they had not been acknowledged",
			r.Torn, r.TornAt.Offset, ledger.SegmentName(r.TornAt.Segment))
		events = append(events, Event{Kind: EventRecovered, Text: text})
	}
	for _, d := range a.damage {
		if text := d.Error(); !known[text] && len(events) < maxDamageEvents {
			events = append(events, Event{Kind: EventDamage, Text: text})
		}
	}
	for _, e := range events {
		e.Time = time.Now()
		if _, err := a.AppendEvent(context.Background(), e); err != nil {
			return err
		}
	}
	return nil
}

// maxDamageEvents bounds the events that one Open records.
const maxDamageEvents = 100

// Damage names what Open found to be damaged. Verify finds all there is.
func (a *Archive) Damage() []Damage { return a.damage }

// Close finishes the appends under way, ends a compaction, and closes the archive,
// once: a further call does nothing. Reading must have ended.
func (a *Archive) Close() (err error) {
	a.closing.Do(func() {
		close(a.ending)
		a.school.end()
		a.using.Lock()
		a.closed = true
		a.using.Unlock()
		err = a.release()
	})
	return err
}

// use keeps the archive from being closed until done is called.
func (a *Archive) use() (done func(), err error) {
	a.using.RLock()
	if a.closed {
		a.using.RUnlock()
		return nil, ErrClosed
	}
	return a.using.RUnlock, nil
}

// release closes what is open, in the reverse order.
func (a *Archive) release() error {
	var errs []error
	if a.ledger != nil {
		errs = append(errs, a.ledger.Close())
	}
	if a.marker != nil {
		a.marker.close()
	}
	if a.catalog != nil {
		err := a.catalog.close()
		if errors.Is(err, errNotFlushed) {
			a.log.Warn("the catalog is written out when daybook starts again", "error", err)
			err = nil // the ledger has all of it
		}
		errs = append(errs, err)
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}
