package message

import (
	"bytes"
	"encoding/binary"
)

// Quanta decodes whole quanta of base64 (RFC 4648 section 4). For each of the four
// places of a digit it has the bits of that digit where they are in a quantum, which
// are the highest 24, or noDigit. It is filled when it is first used: the zero value is
// ready. It is not safe for concurrent use.
type Quanta [4][256]uint32

const (
	noDigit = 1
	digits  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)

func (q *Quanta) fill() {
	for place := range q {
		for c := range q[place] {
			q[place][c] = noDigit
		}
		for i := range len(digits) {
			q[place][digits[i]] = uint32(i) << (26 - 6*place)
		}
	}
}

// Decode decodes s, which is quanta, up to the first that is none, and gives how many
// characters that was. There must be room for all in to; what is in to behind the bytes
// that were decoded is undefined.
func (q *Quanta) Decode(to, s []byte) int {
	if q[0][0] != noDigit {
		q.fill()
	}
	n := len(s)
	for ; len(s) >= 8 && len(to) >= 8; s, to = s[8:], to[6:] {
		a := q[0][s[0]] | q[1][s[1]] | q[2][s[2]] | q[3][s[3]]
		b := q[0][s[4]] | q[1][s[5]] | q[2][s[6]] | q[3][s[7]]
		if (a|b)&noDigit != 0 {
			break
		}
		binary.BigEndian.PutUint64(to, uint64(a)<<32|uint64(b)<<8)
	}
	for ; len(s) >= 4; s, to = s[4:], to[3:] {
		a := q[0][s[0]] | q[1][s[1]] | q[2][s[2]] | q[3][s[3]]
		if a&noDigit != 0 {
			break
		}
		to[0], to[1], to[2] = byte(a>>24), byte(a>>16), byte(a>>8)
	}
	return n - len(s)
}

// Lines decodes the lines that s begins with which have width digits each, width being
// divisible by four, and end with end, and gives how many lines that was. It stops where
// to has no room for another line.
func (q *Quanta) Lines(to, s []byte, width int, end string) (lines int) {
	for size := width / 4 * 3; len(s) >= width+len(end) && len(to) >= size; lines++ {
		if string(s[width:width+len(end)]) != end || q.Decode(to[:min(size+2, len(to))], s[:width]) < width {
			break
		}
		s, to = s[width+len(end):], to[size:]
	}
	return lines
}

// QuantaLine gives the width of the line that s begins with, and what it ends with: LF or
// CRLF. It is 0 for a line that is empty, has no end in s, or cannot be of whole quanta.
// Whether it is of digits is not looked at.
func QuantaLine(s []byte) (width int, end string) {
	width, end = bytes.IndexByte(s, '\n'), "\n"
	if width > 0 && s[width-1] == '\r' {
		width, end = width-1, "\r\n"
	}
	if width < 0 || width%4 != 0 {
		width = 0
	}
	return width, end
}

// Digits gives how many digits s begins with.
func (q *Quanta) Digits(s []byte) int {
	if q[0][0] != noDigit {
		q.fill()
	}
	for i, c := range s {
		if q[0][c] == noDigit {
			return i
		}
	}
	return len(s)
}
