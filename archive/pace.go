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

// How long after one another texts come, on an average, so that there is time to compress
// them as well as can be, or well. The best compressor takes a millisecond or two for a
// text, and who sends waits: so also where they come one by one it is for those that come
// seldom. Texts that come sooner than leastCalm are compressed as fast as can be: the mail
// server that sends so many has no processor to spare, and what the usual level takes more
// is more than it gains.
const (
	leastQuiet = 20 * time.Millisecond
	leastCalm  = 4 * time.Millisecond
)

// paceTexts is how many texts the pace is judged by.
const paceTexts = 64

// crowd tells how many texts were on their way when one came.
type crowd uint8

const (
	few     crowd = iota // up to maxQuiet
	calm                 // up to maxCalm
	busy                 // up to maxBusy
	crowded              // more
	crowds
)

// haste tells how soon texts come after one another.
type haste uint8

const (
	seldom haste = iota // leastQuiet apart
	often               // leastCalm apart
	racing
)

// pace tells from the last texts how much time there is to compress the next ones. One
// text does not change it: another level means another chain, which knows nothing of the
// texts before it. The zero value is that of an archive that has been quiet.
type pace struct {
	came   [paceTexts]time.Time
	crowd  [paceTexts]crowd
	next   int // place in came and crowd
	counts [crowds]int
	haste  haste
}

// begin notes a text, and that with it so many are on their way.
func (p *pace) begin(waiting int, now time.Time) {
	k := few
	switch {
	case waiting > maxBusy:
		k = crowded
	case waiting > maxCalm:
		k = busy
	case waiting > maxQuiet:
		k = calm
	}
	p.counts[p.crowd[p.next]]--
	p.counts[k]++
	p.crowd[p.next] = k
	p.hurry(now.Sub(p.came[p.next]) / paceTexts)
	p.came[p.next] = now
	p.next = (p.next + 1) % paceTexts
}

// hurry judges by how long the last texts were apart. There must be twice as much time
// for there to be less haste again, so that a rate about a limit does not end one chain
// after the other.
func (p *pace) hurry(apart time.Duration) {
	limits := [...]time.Duration{seldom: leastQuiet, often: leastCalm}
	for p.haste < racing && apart < limits[p.haste] {
		p.haste++
	}
	for p.haste > seldom && apart >= 2*limits[p.haste-1] {
		p.haste--
	}
}

// level is how well texts are to be compressed.
func (p *pace) level() zstd.EncoderLevel {
	const some, most = paceTexts / 8, paceTexts / 2
	n := &p.counts
	switch {
	case n[crowded] >= most || p.haste == racing:
		return zstd.SpeedFastest
	case n[crowded]+n[busy] >= some:
		return zstd.SpeedDefault
	case n[crowded]+n[busy]+n[calm] >= some || p.haste == often:
		return zstd.SpeedBetterCompression
	}
	return zstd.SpeedBestCompression
}
