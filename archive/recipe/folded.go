package recipe

import (
	"bytes"
	"encoding/base64"
	"strings"

	"daybook/archive/message"
)

// Bounds of base64 in headers. What is over them stays as it is.
const (
	// MaxFolded is the most bytes that are stored, in FormFolded, of one message.
	MaxFolded = 64 << 10
	// maxFoldedRuns is the most pieces in FormFolded of one message.
	maxFoldedRuns = 64
	// minFolded is the least characters that are worth a piece. A body's digest has 44; it
	// is often there twice, and a compressor makes more of that. minFoldedLine is how many
	// stand in one line at least: that is what is looked for.
	minFolded     = 60
	minFoldedLine = 32
)

// unfolder finds long base64 in a header: signatures, digests and keys. It looks random,
// so that it neither compresses as text nor lets the text around it compress well. Its
// slices are used again from piece to piece.
type unfolder struct {
	runs, room int // how many pieces and stored bytes there may still be in the message

	header []byte
	at     int // up to here it was searched
	end    int // of the field that is there

	chars  []byte
	stored []byte
	inner  []byte // what is decoded again
	layout []byte
	quanta message.Quanta
}

// begin turns to a message.
func (u *unfolder) begin() { u.runs, u.room = maxFoldedRuns, MaxFolded }

// open turns to a header of the message; nil forgets it.
func (u *unfolder) open(header []byte) { u.header, u.at, u.end = header, 0, 0 }

// next finds the next base64 in the header that is worth a piece, and gives where it
// begins and ends; both are the header's end if there is none.
func (u *unfolder) next() (start, end int) {
	for u.runs > 0 && u.room >= minFolded && u.field() {
		from := u.at
		line := longLine(u.header[:u.end], from)
		if line < 0 {
			u.at = u.end
			continue
		}
		start := firstLine(u.header, from, line)
		word, ok := wordBefore(u.header[from:start])
		f, end := u.gather(start, word)
		u.at = end
		n := 0
		if ok {
			n = u.decode(&f, isB(word))
		}
		if n == 0 {
			continue
		}
		if n <= f.first {
			f.by = ""
		}
		u.layout = appendFold(u.layout[:0], f)
		u.runs--
		u.room -= len(u.stored)
		u.at = start + f.wire(n)
		return start, u.at
	}
	return len(u.header), len(u.header)
}

// field goes on to the next field that is worth a search, if the one before was searched,
// and tells whether there is one.
func (u *unfolder) field() bool {
	for u.at == u.end {
		if u.end == len(u.header) {
			return false
		}
		start := u.end
		u.end = fieldEnd(u.header, start)
		if u.at = u.end; isSigned(u.header[start:u.end]) {
			u.at = start
		}
	}
	return true
}

// fieldEnd gives where the field ends that begins at some place.
func fieldEnd(b []byte, at int) int {
	for {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return len(b)
		}
		if at += n + 1; at == len(b) || b[at] != ' ' && b[at] != '\t' {
			return at
		}
	}
}

// isDigit tells whether a byte is a digit of base64. '/' is the one before '0'.
func isDigit(c byte) bool { return c|0x20-'a' < 26 || c-'/' < 11 || c == '+' }

// longLine gives the next place where minFoldedLine digits stand in a row, -1 if there is
// none. Where the last of so many bytes is no digit, it goes on behind that one.
func longLine(b []byte, at int) int {
	for at+minFoldedLine <= len(b) {
		i := at + minFoldedLine - 1
		for i >= at && isDigit(b[i]) {
			i--
		}
		if i < at {
			return at
		}
		at = i + 1
	}
	return -1
}

// firstLine gives where the base64 begins that has a long line somewhere: there, or in
// the line before it, if that ends with a tag's first few digits, as in "b=gF+NP9".
func firstLine(b []byte, from, line int) int {
	at := line
	for at > from && line-at < maxBlanks && (b[at-1] == ' ' || b[at-1] == '\t') {
		at--
	}
	if at == line || at == from || b[at-1] != '\n' {
		return line
	}
	if at--; at > from && b[at-1] == '\r' {
		at--
	}
	end := at
	for at > from && end-at < minFoldedLine && isDigit(b[at-1]) {
		at--
	}
	if at == end || at == from || b[at-1] != '=' {
		return line
	}
	return at
}

// foldAt gives the end of the fold that begins at some place, which is that place if
// there is none.
func foldAt(b []byte, at int) int {
	end := at
	if end < len(b) && b[end] == '\r' {
		end++
	}
	if end == len(b) || b[end] != '\n' {
		return at
	}
	blanks := end + 1
	for end = blanks; end < len(b) && end-at < maxBlanks && (b[end] == ' ' || b[end] == '\t'); {
		end++
	}
	if end == blanks {
		return at
	}
	return end
}

// maxWord is the most bytes that an encoded word has before its text.
const maxWord = 40

// wordBefore gives how the encoded word begins (RFC 2047 section 2) whose text is behind b,
// as in "=?utf-8?B?"; none if it is not in one. It is false if that is not known.
func wordBefore(b []byte) (word []byte, ok bool) {
	if len(b) == 0 || b[len(b)-1] != '?' {
		return nil, true
	}
	b = b[max(0, len(b)-maxWord):]
	at := bytes.LastIndex(b, []byte("=?"))
	if at < 0 || len(b)-at < len("=?x?B?") {
		return nil, false
	}
	return b[at:], true
}

// isB tells whether the text of an encoded word is encoded as base64.
func isB(word []byte) bool {
	return len(word) > 1 && word[len(word)-2]|0x20 == 'b'
}

// wordAt gives where the next line's base64 begins, if it is in encoded words that begin
// with word, or in none; and at if that does not follow there.
func wordAt(b []byte, at int, word []byte) int {
	if len(word) == 0 {
		return foldAt(b, at)
	}
	const end = "?="
	if !bytes.HasPrefix(b[at:], []byte(end)) {
		return at
	}
	next := foldAt(b, at+len(end))
	if next == at+len(end) || !bytes.HasPrefix(b[next:], word) || next+len(word)-at > maxBlanks {
		return at
	}
	return next + len(word)
}

// gather reads the lines of base64 that begin at some place, as far as they are alike and
// there is room for them, and gives how they stand there, and their end. If word is not
// empty, each is an encoded word that begins with it.
func (u *unfolder) gather(at int, word []byte) (f fold, end int) {
	b := u.header
	most := u.room / 3 * 4
	u.chars = u.chars[:0]
	end = u.line(b, at, most)
	f.first = end - at
	for more := true; more && len(u.chars) < most && u.chars[len(u.chars)-1] != '='; {
		begin := wordAt(b, end, word)
		if begin == end || f.by != "" && f.by != string(b[end:begin]) {
			break
		}
		had := len(u.chars)
		stop := u.line(b, begin, most)
		n := stop - begin
		if f.by == "" {
			f.width = n
		}
		if n == 0 || n > f.width {
			u.chars = u.chars[:had]
			break
		}
		if f.by == "" {
			f.by = string(b[end:begin])
		}
		more, end = n == f.width, stop
	}
	return f, end
}

// line takes the digits of a line, with the padding behind them, and gives their end.
func (u *unfolder) line(b []byte, at, most int) int {
	end := at
	for end < len(b) && len(u.chars)+end-at < most && isDigit(b[end]) {
		end++
	}
	for n := len(u.chars) + end - at; n%4 > 1 && end > at && end < len(b) && b[end] == '='; n++ {
		end++
	}
	u.chars = append(u.chars, b[at:end]...)
	return end
}

// decode decodes the characters that were gathered, twice if they are an encoded word's, as
// many as are whole quanta and have no odd bits, and tells how many these are: 0 if they
// are not worth a piece.
func (u *unfolder) decode(f *fold, twice bool) (n int) {
	random := u.chars
	u.stored, n = u.whole(u.stored, u.chars)
	if f.twice = twice; twice {
		var m int
		u.inner, u.stored = u.stored, u.inner
		random = u.inner
		u.stored, m = u.whole(u.stored, u.inner)
		if m < len(u.inner) {
			n = m / 12 * 16 // as many as are whole quanta of whole quanta
			u.stored = u.stored[:m/12*9]
		}
	}
	if n < minFolded || !looksRandom(random) || isText(u.stored) {
		return 0
	}
	return n
}

// whole decodes whole quanta, into to, and tells how many characters that was.
func (u *unfolder) whole(to, chars []byte) ([]byte, int) {
	chars = chars[:len(chars)/4*4]
	to = growTo(to[:0], len(chars)/4*3)
	n := u.quanta.Decode(to, chars)
	size := n / 4 * 3
	if n+4 == len(chars) {
		var last [3]byte
		var again [4]byte
		more, err := base64.StdEncoding.Decode(last[:], chars[n:])
		base64.StdEncoding.Encode(again[:], last[:more])
		if err == nil && string(again[:]) == string(chars[n:]) {
			size += copy(to[size:], last[:more])
			n = len(chars)
		}
	}
	return to[:size], n
}

// looksRandom tells base64 from words, paths and hexadecimal digits: of every 64 digits,
// 26 are letters of either case, and 12 are none.
func looksRandom(chars []byte) bool {
	upper, lower := 0, 0
	for _, c := range chars {
		switch {
		case c-'a' < 26:
			lower++
		case c-'A' < 26:
			upper++
		}
	}
	n := len(chars)
	return upper > n/6 && lower > n/6 && n-upper-lower > n/24
}

// isText tells whether bytes are mostly text, which compresses better as it stands.
func isText(b []byte) bool {
	n := 0
	for _, c := range b {
		if c-' ' < 0x7f-' ' {
			n++
		}
	}
	return n > len(b)*5/8
}

// isSigned tells, by a field's name, whether long base64 in it is likely to be in no other
// message: signatures, and what filters say to themselves. A Message-ID is in other fields
// and messages as well, and the sender's key in many.
func isSigned(field []byte) bool {
	for _, name := range [...]string{"X-", "DKIM-", "ARC-", "DomainKey-"} {
		if len(field) > len(name) && field[0]|0x20 == name[0]|0x20 && strings.EqualFold(string(field[:len(name)]), name) {
			return true
		}
	}
	return false
}
