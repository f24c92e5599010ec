package message

import "bytes"

// maxFence is how much of a line can be one that begins like a delimiter: two hyphens and
// a boundary.
const maxFence = 2 + maxBoundary

// fences looks for lines that begin with two hyphens and a boundary and that no part was
// ended by. Readers that follow RFC 2046 section 5.1.1 to the letter end one there, so the
// boundary decides what they show.
type fences struct {
	open   []fence // of the multiparts around the place that is read
	line   []byte  // what has been read of a line that can be one
	begins bool    // a line is under way that can be one
}

// fence is the boundary of a multipart, empty when it counts anyhow.
type fence struct {
	boundary string
	like     bool // there is a line that begins like its delimiter
}

// reset lets go of all boundaries.
func (f *fences) reset() {
	clear(f.open[:cap(f.open)])
	*f = fences{open: f.open[:0], line: f.line[:0]}
}

// enter begins a multipart.
func (f *fences) enter(boundary string) { f.open = append(f.open, fence{boundary: boundary}) }

// leave ends a multipart. It gives the boundary when there is a line that begins like
// its delimiter, and else nothing.
func (f *fences) leave() string {
	last := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	if last.like {
		return last.boundary
	}
	return ""
}

// delimiter takes a delimiter line of the innermost multipart. It can begin like one of
// those around it.
func (f *fences) delimiter(line []byte) {
	if n := len(f.open); n > 0 {
		compare(f.open[:n-1], line)
	}
}

// text takes whole lines.
func (f *fences) text(p []byte) {
	f.begin()
	f.take(p)
	f.end()
}

// begin begins a text, with a line.
func (f *fences) begin() { f.line, f.begins = f.line[:0], true }

// end ends a text.
func (f *fences) end() { compare(f.open, f.line) }

func (f *fences) take(p []byte) {
	if len(f.open) == 0 {
		return
	}
	if len(f.line) == 0 && len(p) > 0 && bytes.IndexByte(p, '-') < 0 { // as in all base64
		f.begins = p[len(p)-1] == '\n'
		return
	}
	for len(p) > 0 {
		switch i := bytes.IndexByte(p, '\n'); {
		case !f.begins && i < 0:
			return
		case !f.begins:
			p = p[i+1:]
			f.begin()
		case len(f.line) < 2 && p[0] != '-':
			f.drop()
		case len(f.line) < 2:
			f.line, p = append(f.line, '-'), p[1:]
		default:
			part := p
			if i >= 0 {
				part = p[:i]
			}
			part = part[:min(len(part), maxFence-len(f.line))]
			f.line, p = append(f.line, part...), p[len(part):]
			if i >= 0 || len(f.line) == maxFence {
				compare(f.open, f.line)
				f.drop()
			}
		}
	}
}

// drop reads on with the next line.
func (f *fences) drop() { f.line, f.begins = f.line[:0], false }

// compare marks the boundaries that a line begins with behind two hyphens.
func compare(open []fence, line []byte) {
	text, ok := bytes.CutPrefix(line, []byte("--"))
	if !ok {
		return
	}
	for i := range open {
		o := &open[i]
		if !o.like && o.boundary != "" && len(text) >= len(o.boundary) && string(text[:len(o.boundary)]) == o.boundary {
			o.like = true
		}
	}
}
