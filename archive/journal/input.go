package journal

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"

	"daybook/archive/message"
)

// span is a range of bytes of the delivery, [start, end).
type span struct{ start, end int64 }

// input reads the delivery. The first error of its reader stays in err, and nothing
// is read after it.
type input struct {
	r     io.ReaderAt
	size  int64
	block int // how much is read at a time
	buf   []byte
	err   error
}

// read fills p from off. It gives less than p only after an error.
func (in *input) read(p []byte, off int64) []byte {
	if in.err != nil || len(p) == 0 {
		return nil
	}
	n, err := in.r.ReadAt(p, off)
	if n == len(p) {
		return p
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	in.err = err
	return nil
}

// window gives up to n bytes of s from off on. They last until the next call.
func (in *input) window(off int64, n int, s span) []byte {
	n = int(min(int64(n), s.end-off))
	if n <= 0 {
		return nil
	}
	if len(in.buf) < n {
		in.buf = make([]byte, n)
	}
	return in.read(in.buf[:n], off)
}

// section reads a span as a stream.
type section struct {
	in *input
	span
}

func (s *section) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), s.end-s.start))
	if n <= 0 {
		return 0, io.EOF
	}
	if s.in.read(p[:n], s.start) == nil {
		return 0, s.in.err
	}
	s.start += int64(n)
	return n, nil
}

// entity is a message or a part of one (RFC 2045 section 2.4).
type entity struct {
	header message.Header
	raw    []byte // the header with its last line end, without the empty line
	body   span
	cut    bool // the header is longer than what was read of it; the body is not known
}

func newEntity(raw []byte, body span) entity {
	return entity{header: message.ReadHeader(raw), raw: raw, body: body}
}

// entity reads the header of a message or part, at most limit bytes of it.
func (in *input) entity(s span, limit int) entity {
	for n := 4 << 10; ; n *= 4 {
		n = int(min(int64(n), int64(limit), s.end-s.start))
		raw := in.read(make([]byte, max(n, 0)), s.start)
		header, body := cutHeader(raw)
		switch {
		case body >= 0:
			return newEntity(raw[:header], span{s.start + int64(body), s.end})
		case in.err != nil || s.start+int64(n) >= s.end:
			return newEntity(raw, span{s.end, s.end})
		case n == limit:
			e := newEntity(raw, span{s.end, s.end})
			e.cut = true
			return e
		}
	}
}

// cutHeader gives where the header ends and where the body begins, behind the first
// empty line; -1 when there is no such line. Lines end with LF or CRLF.
func cutHeader(raw []byte) (header, body int) {
	for at := 0; ; {
		switch rest := raw[at:]; {
		case bytes.HasPrefix(rest, []byte("\n")):
			return at, at + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return at, at + 2
		}
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 0 {
			return len(raw), -1
		}
		at += i + 1
	}
}

// fields gives the header fields, each with its name in lower case and its bytes.
func fields(header []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(header) > 0 {
			end := 0
			for {
				i := bytes.IndexByte(header[end:], '\n')
				if i < 0 {
					end = len(header)
					break
				}
				if end += i + 1; end == len(header) || header[end] != ' ' && header[end] != '\t' {
					break
				}
			}
			name, _, found := bytes.Cut(header[:end], []byte(":"))
			if found && !yield(strings.ToLower(string(bytes.TrimRight(name, " \t"))), header[:end]) {
				return
			}
			header = header[end:]
		}
	}
}
