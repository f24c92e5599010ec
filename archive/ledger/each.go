package ledger

import "io"

const (
	// eachWindow is the most that is read at once of records that stand near each other.
	eachWindow = 256 << 10
	// eachGap is how many bytes between two of them are read along: that takes no longer
	// than another read.
	eachGap = 16 << 10
)

// ReadEach reads records, with few reads where they stand near each other, and gives
// each to visit with what [Ledger.Read] would give, in the order of the places. The
// record's body is good until visit returns. It ends when visit gives false.
func (l *Ledger) ReadEach(at []Location, visit func(i int, r Record, err error) bool) {
	var buf []byte
	for i := 0; i < len(at); {
		n := nearby(at[i:])
		if n > 1 {
			buf = l.readNearby(at[i:i+n], buf)
		}
		for j := range n {
			r, ok := Record{}, false
			if n > 1 {
				r, ok = l.among(buf, at[i], at[i+j])
			}
			var err error
			if !ok {
				r, err = l.Read(at[i+j])
			}
			if !visit(i+j, r, err) {
				return
			}
		}
		i += n
	}
}

// nearby is how many of the first places are so near each other that they are read at
// once.
func nearby(at []Location) int {
	n := 1
	for ; n < len(at); n++ {
		before, one := at[n-1].End(), at[n]
		if !at[n-1].possible() || !one.possible() || one.Segment != before.Segment || one.Offset < before.Offset ||
			one.Offset-before.Offset > eachGap || one.End().Offset-at[0].Offset > eachWindow {
			break
		}
	}
	return n
}

// possible tells whether a record can stand there. A location may come from anywhere.
func (l Location) possible() bool {
	const far = 1 << 62
	return l.Offset >= headerSize && l.Offset < far && l.Length <= MaxBody
}

// readNearby reads the bytes from the first place up to the end of the last one into a
// buffer, and gives it. What cannot be had at once is left out: Read tells why.
func (l *Ledger) readNearby(at []Location, buf []byte) []byte {
	f, err := l.files.get(at[0].Segment, l.id)
	if err != nil {
		return buf[:0]
	}
	defer l.files.put(f)
	size := int(at[len(at)-1].End().Offset - at[0].Offset)
	x, kept := f.find(at[0].Offset)
	if !kept {
		return buf[:0]
	}
	size = int(min(int64(size), x.end()-at[0].Offset))
	if cap(buf) < size {
		buf = make([]byte, eachWindow)
	}
	n, err := f.file.ReadAt(buf[:size], at[0].Offset-x.start+x.at)
	if err != nil && err != io.EOF {
		n = 0
	}
	return buf[:n]
}

// among gives the record at a place out of bytes that begin at another one. It reports
// false when it is not there whole.
func (l *Ledger) among(buf []byte, begin, at Location) (Record, bool) {
	from, to := at.Offset-begin.Offset, at.End().Offset-begin.Offset
	if to > int64(len(buf)) {
		return Record{}, false
	}
	f, ok := parseFrame(buf[from:to], l.id, at.Segment, at.Offset)
	body := buf[from+frameSize : to : to]
	if !ok || f.length != at.Length || crc(0, body) != f.bodyCRC {
		return Record{}, false
	}
	return f.record(body, at), true
}
