package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
)

// Buffers of the decoders, in bytes. Each of them has one, and it does not grow.
const (
	decodedSize = 32 << 10
	// maxBlanks is how many blanks are held back to see whether a line ends behind them.
	// Each such run of them counts.
	maxBlanks = 64 << 10
)

// sink takes the bytes of a content, in pieces of any size. It does not keep them.
type sink interface{ take(p []byte) }

// sum takes the decoded bytes of a content.
type sum struct {
	hash  hash.Hash
	size  int64
	text  bool              // it is looked for high
	high  bool              // there are bytes that need not be ASCII
	start []byte            // the first ones
	out   [sha256.Size]byte // room for the digest
}

// maxStart is how much of a content is looked at to know the usual preambles.
const maxStart = 128

func (s *sum) reset(text bool) {
	s.hash.Reset()
	s.size, s.text, s.high, s.start = 0, text, false, s.start[:0]
}

func (s *sum) take(p []byte) {
	s.hash.Write(p)
	s.size += int64(len(p))
	s.start = append(s.start, p[:min(len(p), maxStart-len(s.start))]...)
	s.high = s.high || s.text && hasHigh(p)
}

// hasHigh tells whether there are bytes above 127, or of those with which a charset makes
// other letters of the bytes behind them: ESC, SO, SI (ISO 2022).
func hasHigh(p []byte) bool {
	if bytes.IndexByte(p, 0x1b) >= 0 || bytes.IndexByte(p, 0x0e) >= 0 || bytes.IndexByte(p, 0x0f) >= 0 {
		return true
	}
	for ; len(p) >= 8; p = p[8:] {
		if binary.LittleEndian.Uint64(p)&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// digest gives the SHA-256 of what has been taken.
func (s *sum) digest() [sha256.Size]byte { return [sha256.Size]byte(s.hash.Sum(s.out[:0])) }

// cleaner makes every line end a LF. What of " \t\r" stands before one is left out, or
// the CRs alone; so are the blank lines at the end, as it is asked for.
type cleaner struct {
	to     sink
	blanks bool // leave out blanks too, not just CRs
	ends   bool // leave out blank lines at the end
	begins bool // leave out blank lines at the beginning
	held   []byte
	lines  int64 // line ends that are held back
	begun  bool
	out    []byte
}

func (c *cleaner) reset(to sink, blanks, ends, begins bool) {
	*c = cleaner{to: to, blanks: blanks, ends: ends, begins: begins, held: c.held[:0], out: c.out[:0]}
}

func (c *cleaner) take(p []byte) {
	for {
		i := bytes.IndexByte(p, '\n')
		line := p
		if i >= 0 {
			line = p[:i]
		}
		k := c.visible(line)
		if k > 0 {
			c.content(line[:k])
		}
		// Of blanks that a line end follows at once, only a long run counts.
		if i < 0 || len(c.held)+len(line)-k >= maxBlanks {
			c.hold(line[k:])
		}
		if i < 0 {
			return
		}
		c.held = c.held[:0]
		if c.lines++; !c.ends {
			c.content(nil)
		}
		p = p[i+1:]
	}
}

// visible gives how long a line is without the blanks at its end.
func (c *cleaner) visible(line []byte) int {
	k := len(line)
	for k > 0 && (line[k-1] == '\r' || c.blanks && (line[k-1] == ' ' || line[k-1] == '\t')) {
		k--
	}
	return k
}

func (c *cleaner) hold(blanks []byte) {
	for len(blanks) > 0 {
		n := min(maxBlanks-len(c.held), len(blanks))
		c.held = append(c.held, blanks[:n]...)
		if blanks = blanks[n:]; len(c.held) == maxBlanks {
			c.content(nil)
		}
	}
}

// content passes on what was held back, and p.
func (c *cleaner) content(p []byte) {
	if c.begins && !c.begun {
		c.lines = 0
	}
	c.begun = true
	for ; c.lines > 0; c.lines-- {
		if c.out = append(c.out, '\n'); len(c.out) >= decodedSize {
			c.flush()
		}
	}
	if len(c.held) > 0 {
		c.emit(c.held)
		c.held = c.held[:0]
	}
	if len(p) > 0 {
		c.emit(p)
	}
}

func (c *cleaner) emit(p []byte) {
	if len(c.out)+len(p) > decodedSize {
		c.flush()
	}
	if len(p) > decodedSize {
		c.to.take(p)
		return
	}
	c.out = append(c.out, p...)
}

func (c *cleaner) flush() {
	c.to.take(c.out)
	c.out = c.out[:0]
}

// close drops what is held back.
func (c *cleaner) close() { c.flush() }

// lineEnds makes every CRLF a LF. Any other CR stays.
type lineEnds struct {
	to sink
	cr bool // a CR is held back
}

func (l *lineEnds) take(p []byte) {
	for len(p) > 0 {
		if l.cr && p[0] != '\n' {
			l.to.take([]byte{'\r'})
		}
		i := bytes.IndexByte(p, '\r')
		if l.cr = i >= 0; !l.cr {
			l.to.take(p)
			return
		}
		l.to.take(p[:i])
		p = p[i+1:]
	}
}

func (l *lineEnds) close() {
	if l.cr {
		l.to.take([]byte{'\r'})
	}
}

// quoted decodes quoted-printable (RFC 2045 section 6.7) from which the blanks at the
// line ends have been taken. What is no code stays as it stands.
type quoted struct {
	to    sink
	state int // how much of a code has been read
	digit byte
	out   []byte
}

func (q *quoted) reset(to sink) { *q = quoted{to: to, out: q.out[:0]} }

func (q *quoted) take(p []byte) {
	for len(p) > 0 {
		if q.state != 0 {
			p = q.code(p)
			continue
		}
		i := bytes.IndexByte(p, '=')
		if i < 0 {
			q.emit(p)
			break
		}
		if i > 0 {
			q.emit(p[:i])
		}
		p = q.whole(p[i:])
	}
}

// whole reads a code that is there as a whole, or its beginning, and gives what is still
// to be read.
func (q *quoted) whole(p []byte) []byte {
	if len(p) >= 3 {
		high, ok := hexValue(p[1])
		low, also := hexValue(p[2])
		switch {
		case ok && also:
			q.put(high<<4 | low)
			return p[3:]
		case p[1] == '\n':
			return p[2:]
		}
	}
	q.state = 1
	return p[1:]
}

// code reads the next byte of a code, and gives what is still to be read.
func (q *quoted) code(p []byte) []byte {
	_, digit := hexValue(p[0])
	switch {
	case q.state == 1 && p[0] == '\n':
		q.state = 0
	case q.state == 1 && p[0] == '=':
		q.put('=')
	case q.state == 1 && digit:
		q.state, q.digit = 2, p[0]
	case q.state == 1:
		q.state = 0
		q.put('=')
		return p
	case digit:
		high, _ := hexValue(q.digit)
		low, _ := hexValue(p[0])
		q.state = 0
		q.put(high<<4 | low)
	default:
		q.state = 0
		q.put('=')
		q.put(q.digit)
		return p
	}
	return p[1:]
}

func (q *quoted) put(c byte) {
	if q.out = append(q.out, c); len(q.out) >= decodedSize {
		q.flush()
	}
}

func (q *quoted) emit(p []byte) {
	if len(q.out)+len(p) > decodedSize {
		q.flush()
	}
	if len(p) > decodedSize {
		q.to.take(p)
		return
	}
	q.out = append(q.out, p...)
}

// close ends the content. A "=" at its end is a soft line break.
func (q *quoted) close() {
	if q.state == 2 {
		q.put('=')
		q.put(q.digit)
	}
	q.flush()
}

func (q *quoted) flush() {
	q.to.take(q.out)
	q.out = q.out[:0]
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// base64Body decodes base64 (RFC 2045 section 6.8) with line ends and blanks anywhere.
// From the first group of four that is none, bytes are passed on as they stand.
type base64Body struct {
	to    sink // takes what is decoded
	as    sink // takes what stands there and cannot be
	group [4]byte
	n     int
	ended bool  // by padding
	raw   bool  // the rest is not decoded
	size  int64 // bytes that have been decoded
	out   []byte
	// quanta is that of the decoder.
	quanta *Quanta
}

func (b *base64Body) reset(to, as sink) {
	*b = base64Body{to: to, as: as, out: b.out[:0], quanta: b.quanta}
}

func (b *base64Body) take(p []byte) {
	for len(p) > 0 && !b.raw {
		if p = p[b.lines(p):]; len(p) == 0 {
			return
		}
		i := bytes.IndexByte(p, '\n') + 1
		if i == 0 {
			i = len(p)
		}
		line := p[:min(i, decodedSize)]
		p = p[b.line(line):]
	}
	if b.raw {
		b.as.take(p)
	}
}

// lines decodes the lines of whole groups that p begins with, as far as they are as the
// first one is, and gives how many bytes that were.
func (b *base64Body) lines(p []byte) (n int) {
	if b.n > 0 || b.ended {
		return 0
	}
	width, end := QuantaLine(p[:min(len(p), maxAlike)])
	if width == 0 {
		return 0
	}
	for size := width / 4 * 3; ; {
		b.room(size)
		free := b.out[len(b.out):decodedSize]
		k := b.quanta.Lines(free, p[n:], width, end)
		b.out = b.out[:len(b.out)+k*size]
		b.size += int64(k * size)
		if n += k * (width + len(end)); k < len(free)/size {
			return n
		}
	}
}

// maxAlike is the longest line for which others are expected that are as long.
const maxAlike = 1 << 10

// line decodes bytes of a line, and gives how many of them can be. The common line is
// made of whole groups.
func (b *base64Body) line(p []byte) int {
	i := 0
	for i < len(p) && b.n > 0 {
		if !b.step(p[i]) {
			return i
		}
		i++
	}
	if !b.ended {
		i += b.groups(trimLineEnd(p[i:]))
	}
	for ; i < len(p); i++ {
		if !b.step(p[i]) {
			return i
		}
	}
	return i
}

// groups decodes whole groups in which there is nothing else, and gives how many bytes
// that were: none when there is.
func (b *base64Body) groups(p []byte) int {
	p = p[:len(p)&^3]
	if len(p) == 0 {
		return 0
	}
	b.room(len(p))
	if b.quanta.Decode(b.out[len(b.out):cap(b.out)], p) < len(p) {
		return 0
	}
	k := len(p) / 4 * 3
	b.out = b.out[:len(b.out)+k]
	b.size += int64(k)
	return len(p)
}

// room makes place for what n bytes can give.
func (b *base64Body) room(n int) {
	if b.out == nil {
		b.out = make([]byte, 0, decodedSize)
	}
	if len(b.out)+n > decodedSize {
		b.flush()
	}
}

func (b *base64Body) flush() {
	b.to.take(b.out)
	b.out = b.out[:0]
}

// step takes one byte. It tells whether it could be: if not, no more is decoded.
func (b *base64Body) step(c byte) bool {
	switch {
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		return true
	case b.ended, !isBase64(c) && (c != '=' || b.n < 2), b.n == 3 && b.group[2] == '=' && c != '=':
		b.giveUp()
		return false
	}
	b.group[b.n] = c
	if b.n++; b.n < 4 {
		return true
	}
	b.room(4)
	k, _ := base64.StdEncoding.Decode(b.out[len(b.out):cap(b.out)], b.group[:])
	b.out = b.out[:len(b.out)+k]
	b.size += int64(k)
	b.n, b.ended = 0, b.group[3] == '='
	return true
}

// giveUp passes on the group that is under way as it stands.
func (b *base64Body) giveUp() {
	b.flush()
	b.raw = true
	b.as.take(b.group[:b.n])
}

// close ends the content. A group that is not whole is not decoded.
func (b *base64Body) close() {
	if !b.raw && b.n > 0 {
		b.giveUp()
	}
	b.flush()
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// decoder is the way of a content from its wire form to its digest. Its buffers are used
// for one content after the other.
type decoder struct {
	sum    *sum
	wire   cleaner // of quoted-printable, before it is decoded
	clean  cleaner
	quoted quoted
	base64 base64Body
	broken bool // base64 was not decoded to its end
}

func newDecoder() decoder {
	return decoder{sum: &sum{hash: sha256.New()}, base64: base64Body{quanta: new(Quanta)}}
}

// form is what a content is before it is compared.
type form struct {
	encoding Encoding
	text     bool // line ends, blanks before them and blank lines at the end do not count
	exact    bool // line ends count even where they are those of the transport
	outside  bool // nor do blank lines at the beginning
}

// open begins a content and gives what takes its wire form.
func (b *decoder) open(f form) sink {
	b.sum.reset(f.text)
	b.clean.reset(b.sum, f.text, f.text, f.outside)
	var to sink = b.sum
	if f.text {
		to = &b.clean
	}
	switch f.encoding {
	case EncodingBase64:
		b.base64.reset(to, &b.clean)
		return &b.base64
	case EncodingQuotedPrintable:
		b.quoted.reset(to)
		b.wire.reset(&b.quoted, true, false, false)
		return &b.wire
	}
	if f.exact {
		return to
	}
	return &b.clean
}

// close ends the content: sum has it then.
func (b *decoder) close(f form) {
	switch b.broken = false; f.encoding {
	case EncodingBase64:
		b.base64.close()
		b.broken = b.base64.raw
	case EncodingQuotedPrintable:
		b.wire.close()
		b.quoted.close()
	}
	b.clean.close()
}
