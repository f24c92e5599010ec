package ledger

import (
	"context"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// run is a run of bytes of a file.
type run struct{ start, end int64 }

func (r run) size() int64 { return r.end - r.start }

// patched reads a segment file as it may have been: it has length bytes, those
// that the disk does not give are zeros, and those of the patch stand in the
// place of others.
type patched struct {
	vfs.File       // nil when there is none
	size     int64 // of the file
	length   int64
	at       int64
	patch    []byte
}

// ReadAt reads as io.ReaderAt has it.
func (f *patched) ReadAt(p []byte, offset int64) (int, error) {
	n := int(max(min(int64(len(p)), f.length-offset), 0))
	got := p[:n]
	clear(got)
	if there := max(min(int64(n), f.size-offset), 0); there > 0 {
		if _, err := f.File.ReadAt(got[:there], offset); err != nil {
			f.salvage(got[:there], offset)
		}
	}
	from, to := max(offset, f.at), min(offset+int64(n), f.at+int64(len(f.patch)))
	if from < to {
		copy(got[from-offset:], f.patch[from-f.at:to-f.at])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// salvage reads block by block what cannot be read at once.
func (f *patched) salvage(p []byte, offset int64) {
	for len(p) > 0 {
		block := p[:min(len(p), blockSize-int(offset%blockSize))]
		if _, err := f.File.ReadAt(block, offset); err != nil {
			clear(block)
		}
		p, offset = p[len(block):], offset+int64(len(block))
	}
}

// Stat tells the length.
func (f *patched) Stat() (vfs.FileInfo, error) { return lengthInfo{length: f.length}, nil }

// Close closes the file beneath.
func (f *patched) Close() error {
	if f.File == nil {
		return nil
	}
	return f.File.Close()
}

type lengthInfo struct {
	vfs.FileInfo
	length int64
}

// Size is the length.
func (i lengthInfo) Size() int64 { return i.length }

// patient is a segment file that is examined, and its parity.
type patient struct {
	fs     vfs.FS
	dir    string
	number uint32
	id     identity
	file   *patched
	// compact tells how to read the file when its header does not.
	compact bool
}

// open opens the file. A missing one has no bytes.
func (p *patient) open() error {
	p.file = &patched{}
	f, err := p.fs.Open(p.fs.PathJoin(p.dir, SegmentName(p.number)))
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open segment: %w", err)
	}
	p.file.File, p.file.size, p.file.length = f, info.Size(), info.Size()
	return nil
}

// faults are the damaged places of a file: how many, and the run of bytes that
// holds them all.
type faults struct {
	places int
	run
}

func (f *faults) add(r run) {
	if f.places == 0 {
		f.run = r
	}
	f.places++
	f.start, f.end = min(f.start, r.start), max(f.end, r.end)
}

// examine finds the damage of the file in this run of bytes, which begins and
// ends with whole records or the file. With first set it is enough to find one.
func (p *patient) examine(ctx context.Context, within run, first bool) (faults, layout, error) {
	var found faults
	m, err := readLayout(p.file, p.number, p.id, true)
	switch {
	case err != nil:
		return found, m, err
	case m.err != nil && m.err != errHeader:
		return found, m, m.err // a newer format
	case m.mapped():
		p.copies(&m, within, &found)
	case m.header.compact || m.err != nil && p.compact:
		found.add(run{0, p.file.length})
		return found, m, nil
	case m.err != nil && within.start < headerSize:
		found.add(run{0, headerSize})
	}
	w := &window{layout: m, f: p.file, segment: p.number, bound: p.file.length}
	if m.mapped() {
		w.bound = m.outline.end
	}
	for _, x := range m.extents {
		if found.places > 0 && first {
			break
		}
		w.enter(x)
		if err := p.walk(ctx, w, x, within, first, &found); err != nil {
			return found, m, err
		}
	}
	return found, m, nil
}

// copies checks what a compacted file says of itself, at both ends.
func (p *patient) copies(m *layout, within run, found *faults) {
	o := m.outline
	table := o.table(m.extents)
	for _, part := range []struct {
		at   int64
		want []byte
	}{
		{0, o.bytes()}, {outlineSize, table}, {o.dataEnd(), table}, {o.size - outlineSize, o.bytes()},
	} {
		r := run{part.at, part.at + int64(len(part.want))}
		if r.end <= within.start || r.start >= within.end {
			continue
		}
		if got, err := readPart(p.file, r.start, r.size()); err != nil || string(got) != string(part.want) {
			found.add(r)
		}
	}
}

// walk checks the records of one extent.
func (p *patient) walk(ctx context.Context, w *window, x extent, within run, first bool, found *faults) error {
	end := min(w.end, within.end+w.shift)
	for offset := max(x.start, headerSize, within.start+w.shift); offset < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, _, ok, err := w.record(p.id, offset)
		if err != nil {
			return err
		}
		if ok {
			offset += f.size()
			continue
		}
		if first {
			found.add(run{offset - w.shift, end - w.shift})
			return nil
		}
		next, _, another, err := w.next(p.id, offset)
		if err != nil {
			return err
		}
		if !another {
			next = w.end
		}
		found.add(run{offset - w.shift, next - w.shift})
		offset = next
	}
	return nil
}

// read adds up the parity of the file.
func (p *patient) read(ctx context.Context) (parity, error) {
	sum, buf := newParity(), make([]byte, windowSize)
	for sum.end < p.file.length {
		if err := ctx.Err(); err != nil {
			return parity{}, err
		}
		n, _ := p.file.ReadAt(buf, sum.end)
		sum.add(buf[:n], sum.end)
	}
	return sum, nil
}

// upTo is the file as if it ended here.
func (p *patient) upTo(end int64) *patient {
	part, file := *p, *p.file
	file.length = end
	part.file = &file
	return &part
}

// measure makes the sidecar of a file that is whole.
func (p *patient) measure(ctx context.Context) (sidecar, error) {
	if p.file.size < p.file.length {
		return sidecar{}, errShort
	}
	found, m, err := p.examine(ctx, run{0, p.file.length}, true)
	if err != nil {
		return sidecar{}, err
	}
	if found.places > 0 {
		return sidecar{}, fmt.Errorf("bytes %d to %d of the file are damaged", found.start, found.end)
	}
	sum, err := p.read(ctx)
	return newSidecar(m.header, m.head(), sum), err
}

// head is the header that the file begins with.
func (e *ends) head() []byte {
	if e.known() {
		return e.outline.bytes()
	}
	return e.header.bytes()
}
