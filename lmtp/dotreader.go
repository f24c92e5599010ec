package lmtp

import (
	"bufio"
	"bytes"
	"io"
)

// What the dot reader saw last.
type dotState int

const (
	lineStart dotState = iota // the start of the message, or CRLF: here a dot has a meaning
	inText
	afterCR
	atEnd // the end of data was read
)

// A dotReader reads the octets that follow DATA up to the end of data (RFC 5321 section 4.5.2). At the start of a line, which is
// the start of the message or what follows CRLF,
//
//	".CRLF"          is the end; io.EOF
//	"." before else  is removed
//
// and everything else is data as it is: bare CR, bare LF, NUL, a line of any length. In particular "\n.\n", "\r.\r\n", "\n.\r\n" and
// "\r\n.\n" end nothing: a server and a client that disagree about that let mail be smuggled.
//
// It works on the blocks of the input buffer and looks at a single octet only next to CRLF dot. It never reads beyond the end.
type dotReader struct {
	in    *bufio.Reader
	state dotState
	n     int64 // octets handed out
	err   error // what ended it early
}

func (d *dotReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && d.state != atEnd && d.err == nil {
		if n > 0 && d.in.Buffered() == 0 {
			break // hand out what there is before waiting for more
		}
		n += d.next(p[n:])
	}
	d.n += int64(n)
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case d.err != nil:
		return 0, d.err
	}
	return 0, io.EOF
}

// next takes octets from what is buffered, waiting only if that is nothing, or ends within what may be the end of data.
func (d *dotReader) next(p []byte) int {
	if _, err := d.in.Peek(1); err != nil {
		d.err = cut(err)
		return 0
	}
	block, err := d.in.Peek(min(d.in.Buffered(), len(p)))
	if err != nil {
		d.err = cut(err)
		return 0
	}
	n, used := 0, 0
	for used < len(block) && d.state != atEnd {
		rest := block[used:]
		if d.state == lineStart && rest[0] == '.' {
			if len(rest) < len(".\r\n") {
				break
			}
			used += d.dot(rest)
			continue
		}
		size := copy(p[n:], d.run(rest))
		n += size
		used += size
	}
	if used == 0 {
		used, d.err = d.awaitDot()
	}
	if d.err == nil {
		_, d.err = d.in.Discard(used)
	}
	return n
}

// dot decides on a dot at the start of a line, the first octet of rest, and returns how many octets to take away: the dot, or the whole
// end of data. Two octets are enough unless the second is CR.
func (d *dotReader) dot(rest []byte) int {
	if bytes.HasPrefix(rest, []byte(".\r\n")) {
		d.state = atEnd
		return len(".\r\n")
	}
	d.state = inText
	return len(".")
}

// awaitDot is dot where the octets after it may not have arrived.
func (d *dotReader) awaitDot() (int, error) {
	rest, err := d.in.Peek(2)
	if err == nil && rest[1] == '\r' {
		rest, err = d.in.Peek(3)
	}
	if err != nil {
		return 0, cut(err)
	}
	return d.dot(rest), nil
}

// run returns the beginning of block up to the next dot that has a meaning, and sets the state after it.
func (d *dotReader) run(block []byte) []byte {
	if d.state == afterCR && block[0] == '\n' {
		d.state = lineStart
		return block[:1]
	}
	if i := bytes.Index(block, []byte("\r\n.")); i >= 0 {
		d.state = lineStart
		return block[:i+2]
	}
	switch {
	case bytes.HasSuffix(block, []byte("\r\n")):
		d.state = lineStart
	case block[len(block)-1] == '\r':
		d.state = afterCR
	default:
		d.state = inText
	}
	return block
}

// drain reads to the end of data, and no further than limit octets of message in all; reaching that is ErrTooLarge.
func (d *dotReader) drain(limit int64) error {
	if d.state == atEnd && d.n <= limit {
		return nil
	}
	return d.drainRest(limit)
}

func (d *dotReader) drainRest(limit int64) error {
	buf := make([]byte, 16<<10)
	for d.n <= limit {
		_, err := d.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ErrTooLarge
}
