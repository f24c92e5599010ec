package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"daybook/archive"
)

// growWriters is how many goroutines append at once: groups are large then.
const growWriters = 64

// grown is how an archive stood when it had so many entries.
type grown struct {
	Entries int `json:"entries"`
	// Rate is how many entries a second the last Stretch of them took; 0 when they had
	// been there before.
	Rate    float64 `json:"appends_per_second,omitempty"`
	Stretch int     `json:"stretch,omitempty"`
	Ledger  extent  `json:"ledger"`
	Catalog extent  `json:"catalog"`
	// HeapMiB is what Go's heap held, and ResidentMiB what the process had of memory,
	// both after all lookups. PeakMiB is the most it had while the archive was filled, or,
	// when nothing was added to it, while something was looked for.
	HeapMiB     float64 `json:"heap_mib"`
	ResidentMiB float64 `json:"resident_mib"`
	PeakMiB     float64 `json:"peak_mib"`
	// Open is how long opening took after the archive was closed in order, and Unclean
	// after it had been cut off, in seconds.
	Open    float64 `json:"open_seconds"`
	Unclean float64 `json:"open_unclean_seconds,omitempty"`
	// Served is how the daemon took mail with the archive, and Beside with one of few
	// entries in the same rounds.
	Served  *cell    `json:"served,omitempty"`
	Beside  *cell    `json:"beside,omitempty"`
	Lookups []lookup `json:"lookups"`
}

// growSteps are the numbers of entries at which is measured, up to the last one.
func growSteps(last int) (steps []int) {
	for _, n := range []int{10_000, 100_000, 1_000_000, 3_000_000, 10_000_000} {
		if n < last {
			steps = append(steps, n)
		}
	}
	return append(steps, last)
}

// grower fills an archive, and measures it on the way.
type grower struct {
	bench    *bench
	mailer   *growMailer
	dir      string
	lookups  int // of each kind
	progress io.Writer
	archive  *archive.Archive
	entries  int
}

// measureGrowth fills an archive and measures it, again and again.
func (b *bench) measureGrowth(ctx context.Context, m *measurement) (err error) {
	dir := b.kept
	if dir == "" {
		dir = filepath.Join(b.servers.work, "archive")
	}
	g := &grower{bench: b, mailer: newGrowMailer(), dir: dir, lookups: b.Lookups, progress: b.progress}
	if _, err := g.open(); err != nil {
		return err
	}
	defer func() {
		if g.archive != nil {
			err = errors.Join(err, g.archive.Close())
		}
	}()
	for _, n := range growSteps(b.Entries) {
		if n < g.entries {
			continue
		}
		one, err := g.step(ctx, n)
		if err != nil {
			return fmt.Errorf("at %d entries: %w", n, err)
		}
		m.Growth = append(m.Growth, one)
	}
	if len(m.Growth) == 0 {
		return fmt.Errorf("the archive in %s has %d entries already; ask for more with --entries", dir, g.entries)
	}
	return nil
}

// open opens the archive and gives how long that took.
func (g *grower) open() (seconds float64, err error) {
	began := time.Now()
	g.archive, err = openGrown(g.dir)
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	s := g.archive.Stats()
	g.entries = int(s.Entries)
	if s.Events > 0 || s.Last != s.Entries {
		return 0, fmt.Errorf("%s holds something else than what the benchmark writes; name another folder with --keep", g.dir)
	}
	return seconds, nil
}

func openGrown(dir string) (*archive.Archive, error) {
	return archive.Open(dir, archive.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// step fills the archive up to n entries and measures it.
func (g *grower) step(ctx context.Context, n int) (one grown, err error) {
	one.Entries = n
	forgetPeak()
	if n > g.entries {
		if err := g.growTo(ctx, n, &one); err != nil {
			return one, err
		}
	}
	err, g.archive = g.archive.Close(), nil
	if err != nil {
		return one, err
	}
	for _, part := range []struct {
		name string
		sum  *extent
	}{{"ledger", &one.Ledger}, {"catalog", &one.Catalog}} {
		if *part.sum, err = extentOf(filepath.Join(g.dir, part.name)); err != nil {
			return one, err
		}
	}
	if err := g.serveBoth(ctx, &one); err != nil {
		return one, fmt.Errorf("by LMTP: %w", err)
	}
	forgetPeak()
	if one.Open, err = g.open(); err != nil {
		return one, err
	}
	if g.entries != n {
		return one, fmt.Errorf("%d are in the archive", g.entries)
	}
	fmt.Fprintf(g.progress, "looking for some of %d entries\n", n)
	if one.Lookups, err = g.lookAll(ctx); err != nil {
		return one, err
	}
	return one, one.memory()
}

// growTo fills the archive up to n entries, and measures that.
func (g *grower) growTo(ctx context.Context, n int, one *grown) (err error) {
	// What a new process has to learn first is over after the first half.
	one.Stretch = min(200_000, (n-g.entries+1)/2)
	fmt.Fprintf(g.progress, "filling the archive up to %d entries\n", n)
	if err := g.fill(ctx, n-one.Stretch); err != nil {
		return err
	}
	began := time.Now()
	if err := g.fill(ctx, n); err != nil {
		return err
	}
	one.Rate = ratio(float64(one.Stretch), time.Since(began).Seconds())
	if one.PeakMiB, err = ownMemory("VmHWM"); err != nil {
		return err
	}
	one.Unclean, err = g.openCopy()
	return err
}

// fill appends mail until the archive has n entries.
func (g *grower) fill(ctx context.Context, n int) error {
	next := atomic.Int64{}
	next.Store(int64(g.entries))
	failed := make([]error, growWriters)
	var group sync.WaitGroup
	for i := range failed {
		group.Go(func() {
			for failed[i] == nil && ctx.Err() == nil {
				at := int(next.Add(1) - 1)
				if at >= n {
					return
				}
				_, failed[i] = g.archive.Append(ctx, g.mailer.make(at).receipt())
			}
		})
	}
	group.Wait()
	g.entries = n
	return errors.Join(append(failed, ctx.Err())...)
}

// openCopy opens the archive as it stands on the disk, which is how it would be found
// if the process had been killed, and gives how many seconds that took.
func (g *grower) openCopy() (seconds float64, err error) {
	dir := g.dir + ".killed"
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := copyGrown(g.dir, dir); err != nil {
		return 0, err
	}
	began := time.Now()
	a, err := openGrown(dir)
	if err != nil {
		return 0, err
	}
	seconds = time.Since(began).Seconds()
	if n := int(a.Stats().Entries); n != g.entries {
		err = fmt.Errorf("after an unclean end it has %d entries of %d", n, g.entries)
	}
	return seconds, errors.Join(err, a.Close())
}

// copyGrown copies an archive that nobody adds to. Files that are written once are
// linked. The catalog comes first: what it lacks is in the ledger.
func copyGrown(from, to string) error {
	const catalog = "catalog"
	if err := copySettled(filepath.Join(from, catalog), filepath.Join(to, catalog)); err != nil {
		return err
	}
	return copyFiles(from, to, catalog)
}

// copySettled copies the folder of a catalog, whose tables may be merged meanwhile: until
// its files are the same before and after, for else a copy may lack some of its tables.
func copySettled(from, to string) error {
	const tries, pause = 200, 50 * time.Millisecond
	for range tries {
		before, err := fileNames(from)
		if err != nil {
			return err
		}
		copied := copyFiles(from, to, "")
		after, err := fileNames(from)
		if gone := errors.Is(copied, fs.ErrNotExist); err != nil || !gone && slices.Equal(before, after) {
			return errors.Join(copied, err)
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	return fmt.Errorf("%s cannot be copied: its files change all the time", from)
}

func fileNames(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// copyFiles copies the files of an archive but for one of its folders.
func copyFiles(from, to, but string) error {
	segments, err := filepath.Glob(filepath.Join(from, "ledger", "*.seg"))
	if err != nil {
		return err
	}
	last := ""
	if len(segments) > 0 {
		last = filepath.Base(segments[len(segments)-1])
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target, name := filepath.Join(to, rest), entry.Name()
		switch {
		case entry.IsDir() && rest == but:
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		case strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".seg") && name != last:
			return os.Link(path, target)
		case !entry.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
}

// memory looks at what the process has.
func (o *grown) memory() (err error) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	o.HeapMiB = float64(m.HeapAlloc) / (1 << 20)
	if o.ResidentMiB, err = ownMemory("VmRSS"); err == nil && o.PeakMiB == 0 {
		o.PeakMiB, err = ownMemory("VmHWM")
	}
	return err
}

// ownMemory reads a figure of the memory of this process, in MiB. See proc(5).
func ownMemory(name string) (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	const perMiB = 1 << 10 // it is given in kB
	n, err := parseField(text, name)
	return float64(n) / perMiB, err
}

// forgetPeak has the kernel begin anew to watch the most memory that this process has.
// One that does not tells the most since the process started.
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}
