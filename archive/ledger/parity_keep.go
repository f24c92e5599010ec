package ledger

import (
	"context"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// keeper keeps the parity of the segment that is written to. It is the
// writer's. Whatever fails in it fails nothing else: a parity file that is not
// there is made by a later segment end, Close, or [Repair].
type keeper struct {
	parity
	// base is the parity of what stood in the segment before it was opened, and is
	// being read. It is nil when there was nothing, or it is in parity already.
	base  chan parity
	known bool // parity is that of the segment at hand
	fresh bool // the parity file is not up to date
}

// start begins with a segment that holds nothing but its header.
func (k *keeper) start(h header) {
	*k = keeper{parity: newParity(), known: true, fresh: true}
	k.add(h.bytes(), 0)
}

// resume goes on with a segment whose parity was read from its file.
func (k *keeper) resume(p parity) {
	*k = keeper{parity: p, known: true}
}

// await goes on with a segment whose parity is being read.
func (k *keeper) await(base chan parity) {
	*k = keeper{parity: newParity(), known: true, fresh: true, base: base}
}

// add takes bytes that are written.
func (k *keeper) add(b []byte, at int64) {
	if k.known {
		k.parity.add(b, at)
		k.fresh = true
	}
}

// settle takes the base when it is there. It reports whether the parity is that
// of all the segment.
func (k *keeper) settle() bool {
	if k.known && k.base != nil {
		select {
		case p := <-k.base:
			k.known = p.sum != nil
			if k.known {
				k.merge(p)
			}
			k.base = nil
		default:
			return false
		}
	}
	return k.known
}

// keepParity writes the parity file of the writer's segment if it is not up to
// date. It reports false when the parity is not known.
func (w *writer) keepParity() bool {
	if w.head.number == 0 || w.mark.Segment != w.head.number || !w.keep.settle() || w.keep.end != w.mark.Offset {
		return false
	}
	if w.keep.fresh && writeSidecar(w.fs, w.dir, newSidecar(w.head, w.head.bytes(), w.keep.parity)) == nil {
		w.keep.fresh = false
	}
	return true
}

// resumeParity has the writer go on with the parity of the segment it resumes:
// that of the parity file when it fits, else it is read in the background.
func (l *Ledger) resumeParity() {
	w := &l.w
	s, err := readSidecar(l.fs, l.dir, w.head.number, l.id)
	if err == nil && !s.compact && s.end == w.mark.Offset && s.head == crc(0, w.head.bytes()) {
		w.keep.resume(s.parity)
		return
	}
	base := make(chan parity, 1)
	w.keep.await(base)
	number, end := w.head.number, w.mark.Offset
	l.jobs.Go(func() {
		s, err := l.readParity(number, end)
		if err != nil {
			s.parity = parity{}
		}
		base <- s.parity
	})
}

// makeParity makes the parity file of a segment that has ended here, in the
// background, from what the disk has of it. A damaged segment is left to Repair.
func (l *Ledger) makeParity(number uint32, end int64) {
	l.jobs.Go(func() {
		select {
		case l.compacting <- struct{}{}: // the file stays as it is
			defer func() { <-l.compacting }()
		case <-l.stop:
			return
		}
		have, err := readSidecar(l.fs, l.dir, number, l.id)
		if err == nil && have.end >= end {
			return
		}
		if s, err := l.readParity(number, end); err == nil && !s.compact {
			writeSidecar(l.fs, l.dir, s)
		}
	})
}

// readParity reads a segment up to its end, which must be whole, for its parity.
// Close ends it.
func (l *Ledger) readParity(number uint32, end int64) (sidecar, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-l.stop:
			cancel()
		case <-ended:
		}
	}()
	p := patient{fs: l.fs, dir: l.dir, number: number, id: l.id}
	if err := p.open(); err != nil {
		return sidecar{}, err
	}
	defer p.file.Close()
	p.file.length = end
	return p.measure(ctx)
}

// compacted keeps the parity file of a segment that was compacted.
func (c *compaction) keepParity() {
	writeSidecar(c.l.fs, c.l.dir, newSidecar(c.out.header, c.out.bytes(), c.parity))
}

// parityFiles lists the segments that have a parity file.
func parityFiles(fs vfs.FS, dir string) ([]uint32, error) {
	return listNumbers(fs, dir, ParityName)
}
