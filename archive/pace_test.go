package archive

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// How well texts are compressed, by how many were on their way when the last ones came,
// and how long after the one before: each of a row is so many texts, that many on their
// way with it, and that pause.
func TestPace(t *testing.T) {
	type texts struct {
		n, waiting int
		pause      time.Duration
	}
	const (
		second = time.Second
		few    = leastQuiet - 1 // some more than fifty a second
		many   = leastCalm - 1  // some more than two hundred and fifty
	)
	for _, test := range []struct {
		name string
		rows []texts
		want zstd.EncoderLevel
	}{
		{"none yet", nil, zstd.SpeedBestCompression},
		{"one by one", []texts{{200, 1, leastQuiet}}, zstd.SpeedBestCompression},
		{"sooner", []texts{{200, 1, few}}, zstd.SpeedBetterCompression},
		{"soon", []texts{{200, 1, leastCalm}}, zstd.SpeedBetterCompression},
		{"one right after the other", []texts{{200, 1, many}}, zstd.SpeedFastest},
		{"then with pauses that are longer", []texts{{200, 1, many}, {200, 1, 2 * leastCalm}}, zstd.SpeedBetterCompression},
		{"a few at once after a pause", []texts{{paceTexts - 1, 1, 0}}, zstd.SpeedBestCompression},
		{"and more of them", []texts{{paceTexts + 1, 1, 0}}, zstd.SpeedFastest},
		{"soon again and again, and seldom on an average", []texts{{50, 2, many}, {1, 1, 2 * second}, {50, 2, many}, {1, 1, 2 * second}, {50, 2, many}}, zstd.SpeedBestCompression},
		{"then with pauses", []texts{{200, 1, many}, {paceTexts, 1, 2 * leastQuiet}}, zstd.SpeedBestCompression},
		{"then with pauses that are too short", []texts{{200, 1, many}, {200, 1, 2*leastQuiet - 1}}, zstd.SpeedBetterCompression},
		{"then with pauses that are shorter still", []texts{{200, 1, many}, {200, 1, 2*leastCalm - 1}}, zstd.SpeedFastest},
		{"then with one long pause", []texts{{200, 1, many}, {1, 1, 100 * second}}, zstd.SpeedBestCompression},
		{"two", []texts{{200, 2, second}}, zstd.SpeedBestCompression},
		{"three", []texts{{200, 3, second}}, zstd.SpeedBetterCompression},
		{"four", []texts{{200, 4, second}}, zstd.SpeedBetterCompression},
		{"three now and then", []texts{{200, 2, second}, {paceTexts/8 - 1, 3, second}}, zstd.SpeedBestCompression},
		{"three more often", []texts{{200, 2, second}, {paceTexts / 8, 3, second}}, zstd.SpeedBetterCompression},
		{"five", []texts{{200, 5, second}}, zstd.SpeedDefault},
		{"eight", []texts{{200, 8, second}}, zstd.SpeedDefault},
		{"eight now and then", []texts{{200, 4, second}, {paceTexts/8 - 1, 8, second}}, zstd.SpeedBetterCompression},
		{"nine", []texts{{200, 9, second}}, zstd.SpeedFastest},
		{"nine half of the time", []texts{{200, 1, second}, {paceTexts / 2, 9, second}}, zstd.SpeedFastest},
		{"nine less often", []texts{{200, 1, second}, {paceTexts/2 - 1, 9, second}}, zstd.SpeedDefault},
		{"a rush that is over", []texts{{200, 32, many}, {paceTexts, 1, second}}, zstd.SpeedBestCompression},
	} {
		var p pace
		now := time.Date(2026, 1, 5, 9, 41, 0, 0, time.UTC)
		for _, row := range test.rows {
			for range row.n {
				now = now.Add(row.pause)
				p.begin(row.waiting, now)
			}
		}
		if got := p.level(); got != test.want {
			t.Errorf("%s: the level is %v, want %v; %v, haste %d", test.name, got, test.want, p.counts, p.haste)
		}
	}
}

// rush makes the pace that of texts of which that many were on their way, a second after
// one another.
func rush(p *pace, waiting int) {
	*p = pace{}
	now := time.Now().Add(-paceTexts * time.Second)
	for range paceTexts {
		now = now.Add(time.Second)
		p.begin(waiting, now)
	}
}

// A chain ends when there is no more time for its level, and when there is time for a much
// better one and it has some text already.
func TestChainsThatAreUnfit(t *testing.T) {
	levels := []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression}
	for _, test := range []struct {
		waiting int  // all the time
		best    bool // another chain has the best compressor
		early   bool
		size    int
		unfit   []zstd.EncoderLevel
	}{
		{waiting: 9, size: maxChain, unfit: levels[1:]},
		{waiting: 5, size: maxChain, unfit: levels[2:]},
		{waiting: 3, size: maxChain, unfit: []zstd.EncoderLevel{levels[0], levels[3]}},
		{waiting: 3, size: minFast - 1, unfit: levels[3:]},
		{waiting: 1, size: minFast, unfit: levels[:2]},
		{waiting: 1, size: minFast - 1, unfit: nil},
		{waiting: 1, size: minFast, best: true, unfit: levels[:1]},
		{waiting: 1, size: minFast, early: true, unfit: levels[:1]},
	} {
		c := newChains(nil)
		c.best = test.best
		rush(&c.pace, test.waiting)
		for _, level := range levels {
			k := &chain{size: test.size, early: test.early, coder: &coder{level: level}}
			if got := c.unfit(k); got != slices.Contains(test.unfit, level) {
				t.Errorf("with %d on their way, best taken %v, early %v: a chain of %d bytes at level %v is unfit: %v",
					test.waiting, test.best, test.early, test.size, level, got)
			}
		}
	}
}

// Compressors that were put aside in a rush do not keep those away that are used since.
func TestSpareCompressors(t *testing.T) {
	c := newChains(nil)
	pass := func(waiting int, chains int) (used []*coder) {
		rush(&c.pace, waiting)
		var begun []*chain
		for range chains {
			k, err := c.begin(&lane{size: minBest})
			if err != nil {
				t.Fatal(err)
			}
			begun, used = append(begun, k), append(used, k.coder)
		}
		for _, k := range begun {
			c.end(k)
		}
		return used
	}
	pass(maxBusy+1, maxSpare+1)
	first := pass(maxBusy, 1)
	if again := pass(maxBusy, 1); again[0] != first[0] {
		t.Error("each chain has a compressor made for it")
	}
	if n := len(c.spare); n != maxSpare {
		t.Errorf("%d compressors are kept", n)
	}
}

// Texts come back whatever the levels of the chains are that they are in.
func TestTextsOfAllLevels(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{})
	r := rand.New(rand.NewPCG(3, 7))
	var mails [][]byte
	levels := map[zstd.EncoderLevel]bool{}
	for n := range 900 {
		a.chains.mu.Lock()
		rush(&a.chains.pace, []int{1, maxCalm, maxBusy, maxBusy + 1}[n/100%4])
		a.chains.mu.Unlock()
		m := letter(n, r)
		m = append(m, m...) // so that there is text enough for the best level soon
		mails = append(mails, m)
		appendOne(t, a, receipt(mails[n], "a@b", "c@d"))
		if k := a.chains.lanes["default"].chain; k != nil {
			levels[k.coder.level] = true
		}
	}
	if len(levels) < 4 {
		t.Errorf("the levels are %v, want all four", levels)
	}
	for _, reopen := range []bool{false, true} {
		if reopen {
			a.Close()
			a = open(t, dir, Options{})
		}
		for n, m := range mails {
			if !bytes.Equal(body(t, a, uint64(n+1)), m) {
				t.Fatalf("other bytes came back of entry %d", n+1)
			}
		}
	}
	verified(t, a)
}

// Facts are told of the pace by the text that came last.
func TestCalm(t *testing.T) {
	c := newChains(nil)
	if !c.calm() {
		t.Error("there is no calm before the first text")
	}
	for range paceTexts {
		c.enter("anna")
	}
	if c.calm() {
		t.Errorf("with %d texts at once there is a calm", paceTexts)
	}
	c.pace = pace{}
	c.lanes["anna"].waiting = 0
	if c.enter("anna"); !c.calm() {
		t.Error("with one text in a quiet archive there is no calm")
	}
}
