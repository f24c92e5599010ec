package recipe

import "encoding/binary"

// quanta decodes whole quanta of base64 (RFC 4648 section 4). For each of the four
// places of a digit it has the bits of that digit where they are in a quantum, which
// are the highest 24, or noDigit. It is filled when it is first used.
type quanta [4][256]uint32

const noDigit = 1

func (q *quanta) fill() {
	for place := range q {
		for c := range q[place] {
			q[place][c] = noDigit
		}
		for i := range len(digits) {
			q[place][digits[i]] = uint32(i) << (26 - 6*place)
		}
	}
}

// decode decodes s, which is quanta, up to the first that is none, and tells how many
// characters that was. There is room for all in to.
func (q *quanta) decode(to, s []byte) int {
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

// digits tells how many digits s begins with.
func (q *quanta) digits(s []byte) int {
	for i, c := range s {
		if q[0][c] == noDigit {
			return i
		}
	}
	return len(s)
}
