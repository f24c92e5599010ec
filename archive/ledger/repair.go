package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// damagedSuffix is behind the name of a segment file that was mended, as it was.
const damagedSuffix = ".damaged"

// Outcome is what Repair did about a segment, or would do.
type Outcome int

const (
	// Mended: the damaged bytes were computed, and the file is whole again.
	Mended Outcome = iota + 1
	// Hopeless: the damage stays as it is.
	Hopeless
	// ParityMade: the segment is whole; its parity file was missing, damaged, or of
	// less than the segment, and was made.
	ParityMade
)

// Mending tells of one segment that was not as it should be.
type Mending struct {
	Segment uint32
	Outcome Outcome
	// Offset and Length give the bytes of the file that all damage lies in.
	Offset, Length int64
	// Reason is why the outcome is what it is; empty for Mended.
	Reason string
}

// RepairReport counts the segments that Repair looked at, and the outcomes.
type RepairReport struct {
	Segments, Mended, Hopeless, Made int
}

// RepairOptions say how a ledger is repaired.
type RepairOptions struct {
	// FS holds the files; nil is the disk.
	FS vfs.FS
	// DryRun has nothing changed; the outcomes are those that there would be.
	DryRun bool
	// Acknowledged is a position that is known to have been reached.
	Acknowledged Position
}

// Repair reads every segment of the ledger in the folder dir, computes the bytes
// of a damaged place from the segment's parity file, and makes parity files where
// they are missing. The ledger must not be open, and the caller holds the lock on
// its folder. found, if not nil, is told of every segment that was not as it should
// be. The error is that of ctx, or of the disk; what was mended before it stays.
//
// A mended file is written beside the damaged one, synced and read back whole
// before it takes its place. The damaged one is kept under its name and ".damaged".
func Repair(ctx context.Context, dir string, o RepairOptions, found func(Mending)) (RepairReport, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if !o.DryRun {
		if err := removeUnfinished(o.FS, dir); err != nil {
			return RepairReport{}, err
		}
	}
	c, err := readChain(o.FS, dir, o.Acknowledged, true)
	if err != nil {
		return RepairReport{}, err
	}
	numbers, err := parityFiles(o.FS, dir)
	if err != nil {
		return RepairReport{}, err
	}
	for _, s := range c.spans {
		numbers = append(numbers, s.number)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	slices.Reverse(numbers) // each header tells where the segment before ends
	r := repair{ctx: ctx, dir: dir, o: o, chain: c, found: found}
	for _, n := range numbers {
		if err := r.segment(n); err != nil {
			return r.report, fmt.Errorf("repair segment %s: %w", SegmentName(n), err)
		}
	}
	for _, d := range c.damage { // segments that are missing without a trace
		if d.Segment != 0 && !slices.Contains(numbers, d.Segment) {
			r.tell(Mending{Segment: d.Segment, Outcome: Hopeless, Length: d.Length, Reason: d.Reason})
		}
	}
	return r.report, nil
}

// Mendable reports whether [Repair] would mend the segment, as far as the disk
// has it.
func (l *Ledger) Mendable(ctx context.Context, segment uint32) (bool, error) {
	r := repair{
		ctx: ctx, dir: l.dir, o: RepairOptions{FS: l.fs, DryRun: true, Acknowledged: l.Mark().Position},
		chain: &chain{id: l.id, known: true},
	}
	err := r.segment(segment)
	return r.report.Mended > 0, err
}

// repair is one call of Repair.
type repair struct {
	ctx    context.Context
	dir    string
	o      RepairOptions
	chain  *chain
	found  func(Mending)
	report RepairReport
}

func (r *repair) tell(m Mending) {
	switch m.Outcome {
	case Mended:
		r.report.Mended++
	case Hopeless:
		r.report.Hopeless++
	case ParityMade:
		r.report.Made++
	}
	if r.found != nil {
		r.found(m)
	}
}

// segment examines one segment and does what there is to do.
func (r *repair) segment(number uint32) error {
	r.report.Segments++
	p := patient{fs: r.o.FS, dir: r.dir, number: number, id: r.chain.id}
	if err := p.open(); err != nil {
		return err
	}
	defer p.file.Close()
	s, lacking := readSidecar(r.o.FS, r.dir, number, r.chain.id)
	end, err := r.size(&p, &s, &lacking)
	if err != nil || end == 0 {
		return err
	}
	if end > p.file.size+stride { // nothing that long is read in the place of what is missing
		r.tell(Mending{
			Segment: number, Outcome: Hopeless, Offset: p.file.size, Length: end - p.file.size, Reason: p.apart(),
		})
		return nil
	}
	p.file.length = end
	p.compact = lacking == nil && s.compact
	found, _, err := p.examine(r.ctx, run{0, end}, false)
	if err != nil {
		return err
	}
	if p.file.size < end && found.places == 0 {
		found.add(run{end, end}) // only zeros are cut off
	}
	if found.places > 0 {
		return r.mend(&p, &s, lacking, found)
	}
	return r.parity(&p, &s, lacking)
}

// size is how long the file should be, as far as it can be checked, or 0 when
// that is not known. lacking is set when the sidecar is not that of this file.
func (r *repair) size(p *patient, s *sidecar, lacking *error) (int64, error) {
	m, err := readLayout(p.file, p.number, p.id, true)
	if err != nil {
		return 0, err
	}
	if *lacking == nil && m.err == nil && (m.header.compact != s.compact ||
		(m.known() || !m.header.compact) && crc(0, m.head()) != s.head || m.known() && m.outline.size != s.end) {
		*lacking = errors.New("the parity file is that of another state of the segment")
	}
	switch {
	case m.known():
		return m.outline.size, nil
	case *lacking == nil && s.compact:
		return s.end, nil
	case m.header.compact:
		return p.file.size, nil
	}
	end := int64(0)
	if *lacking == nil {
		end = s.end
	}
	if r.o.Acknowledged.Segment == p.number {
		end = max(end, r.o.Acknowledged.Offset)
	}
	behind := readSegmentFile(r.o.FS, r.dir, p.number+1, p.id, true)
	if behind.err == nil {
		end = max(end, behind.header.prev.Offset)
	}
	return end, nil
}

// parity sees to the parity file of a segment that is whole.
func (r *repair) parity(p *patient, s *sidecar, lacking error) error {
	p.file.patch = nil
	is, err := p.measure(r.ctx)
	if err != nil {
		return err
	}
	m := Mending{Segment: p.number, Outcome: ParityMade, Length: is.end}
	switch {
	case lacking == nil && s.end == is.end && string(s.sum) == string(is.sum):
		return nil
	case isNotExist(lacking):
		m.Reason = "the parity file was missing"
	case lacking != nil:
		m.Reason = lacking.Error()
	case s.end < is.end:
		m.Reason = fmt.Sprintf("the parity file covered %d bytes of %d", s.end, is.end)
	default:
		m.Reason = "the parity file did not agree with the segment"
	}
	if !r.o.DryRun {
		if err := writeSidecar(r.o.FS, r.dir, is); err != nil {
			return err
		}
	}
	r.tell(m)
	return nil
}

// mend mends a damaged segment if that can be done.
func (r *repair) mend(p *patient, s *sidecar, lacking error, found faults) error {
	m := Mending{Segment: p.number, Outcome: Hopeless, Offset: found.start, Length: found.size()}
	if p.file.size < found.start && found.size() == 0 {
		m.Offset, m.Length = p.file.size, found.end-p.file.size
	}
	switch {
	case isNotExist(lacking):
		m.Reason = "it has no parity file"
	case lacking != nil:
		m.Reason = lacking.Error()
	default:
		var err error
		if m.Reason, err = p.cure(r.ctx, s, found); err != nil {
			return err
		}
	}
	if m.Reason == "" {
		var err error
		if m.Reason, err = r.agrees(p, s); err != nil {
			return err
		}
	}
	if m.Reason != "" {
		r.tell(m)
		return nil
	}
	if !r.o.DryRun {
		if err := r.replace(p, s); err != nil {
			return err
		}
	}
	m.Outcome = Mended
	r.tell(m)
	if s.end < p.file.length && !r.o.DryRun {
		return r.again(p)
	}
	return nil
}

// again sees to the parity of a file that was mended.
func (r *repair) again(p *patient) error {
	n := patient{fs: p.fs, dir: p.dir, number: p.number, id: p.id}
	if err := n.open(); err != nil {
		return err
	}
	defer n.file.Close()
	n.file.length = p.file.length
	s, lacking := readSidecar(r.o.FS, r.dir, p.number, p.id)
	return r.parity(&n, &s, lacking)
}

// agrees checks the whole file, as it would be, by its records and its parity.
func (r *repair) agrees(p *patient, s *sidecar) (why string, err error) {
	left, m, err := p.examine(r.ctx, run{0, p.file.length}, true)
	if err != nil {
		return "", err
	}
	if left.places > 0 || m.header.compact != s.compact || crc(0, m.head()) != s.head {
		return "what the parity gives is not whole", nil
	}
	sum, err := p.upTo(s.end).read(r.ctx)
	if err == nil && string(sum.sum) != string(s.sum) {
		why = "what the parity gives is not whole"
	}
	return why, err
}

// replace puts the mended file in the place of the damaged one, durably. At every
// moment one of the two has the segment's name.
func (r *repair) replace(p *patient, s *sidecar) error {
	fs, path := r.o.FS, r.o.FS.PathJoin(r.dir, SegmentName(p.number))
	err := r.write(p, path+unfinished)
	if err == nil {
		err = r.check(p, s, path+unfinished)
	}
	if err == nil && p.file.File != nil {
		fs.Remove(path + damagedSuffix) // of an earlier repair: it is whole since
		if err = fs.Link(path, path+damagedSuffix); err != nil {
			err = fmt.Errorf("keep the damaged file: %w", err)
		}
	}
	if err == nil {
		err = fs.Rename(path+unfinished, path)
	}
	if err != nil {
		fs.Remove(path + unfinished)
		return err
	}
	return syncDir(fs, r.dir)
}

// write writes the file as it is to be, durably. What the damaged file has behind
// its end goes with it.
func (r *repair) write(p *patient, path string) error {
	f, err := r.o.FS.Create(path, diskCategory)
	if err != nil {
		return fmt.Errorf("create the mended file: %w", err)
	}
	all := *p.file
	all.length = max(all.length, all.size)
	b := bufio.NewWriterSize(f, windowSize)
	_, err = io.Copy(b, &interruptible{ctx: r.ctx, r: io.NewSectionReader(&all, 0, all.length)})
	if err == nil {
		err = b.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write the mended file: %w", err)
	}
	return nil
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (i *interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(b)
}

// check reads the mended file back, all of it.
func (r *repair) check(p *patient, s *sidecar, path string) error {
	f, err := r.o.FS.Open(path)
	if err != nil {
		return fmt.Errorf("read the mended file back: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read the mended file back: %w", err)
	}
	back := *p
	back.file = &patched{File: f, size: info.Size(), length: p.file.length}
	why, err := r.agrees(&back, s)
	if err == nil && (why != "" || info.Size() < p.file.length) {
		err = errors.New("it is not what was written")
	}
	if err != nil {
		return fmt.Errorf("read the mended file back: %w", err)
	}
	return nil
}
