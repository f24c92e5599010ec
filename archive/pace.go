package archive

import (
	"time"

	"github.com/klauspost/compress/zstd"
)

// How many texts may be on their way at the same time so that there is time to compress
// them as well as can be, well, or as is usual. With more, it is done as fast as can be.
const (
	maxQuiet = 2
	maxCalm  = 4
	maxBusy  = 8
)

const (
	// paceTexts is how many texts the pace is judged by.
	paceTexts = 64
	// minHurry is how long after the text before it another one comes, at most, from a
	// sender that is waiting to go on; and minApart is how many texts there were, at
	// least, since two were on their way together: then it is alone.
	minHurry = 2 * time.Millisecond
	minApart = 16
)

// kind is what a text tells about the pace.
type kind uint8

const (
	leisurely kind = iota // alone after a pause, or one of maxQuiet
	hurried               // alone, right after the one before
	calm                  // one of maxCalm
	busy                  // one of maxBusy
	crowded               // one of more
	kinds
)

// pace tells from the last texts how much time there is to compress the next ones. One
// text does not change it: another level means another chain, which knows nothing of the
// texts before it. The zero value is that of an archive that has been quiet.
type pace struct {
	last   [paceTexts]kind
	next   int // place in last
	counts [kinds]int
	apart  int // texts since two were on their way together
	ended  time.Time
}

// begin notes a text, and that with it so many are on their way.
func (p *pace) begin(waiting int, now time.Time) {
	if p.apart++; waiting > 1 {
		p.apart = 0
	}
	k := leisurely
	switch {
	case waiting > maxBusy:
		k = crowded
	case waiting > maxCalm:
		k = busy
	case waiting > maxQuiet:
		k = calm
	case p.apart >= minApart && now.Sub(p.ended) < minHurry:
		k = hurried
	}
	p.counts[p.last[p.next]]--
	p.counts[k]++
	p.last[p.next] = k
	p.next = (p.next + 1) % paceTexts
}

// end notes that a text is stored.
func (p *pace) end(now time.Time) { p.ended = now }

// level is how well texts are to be compressed.
func (p *pace) level() zstd.EncoderLevel {
	const some, most = paceTexts / 8, paceTexts / 2
	n := &p.counts
	switch {
	case n[crowded] >= most:
		return zstd.SpeedFastest
	case n[crowded]+n[busy] >= some:
		return zstd.SpeedDefault
	case n[crowded]+n[busy]+n[calm] >= some:
		return zstd.SpeedBetterCompression
	case n[hurried] >= most:
		return zstd.SpeedDefault
	}
	return zstd.SpeedBestCompression
}
