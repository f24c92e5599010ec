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
	const soon, later = minHurry - 1, minHurry
	for _, test := range []struct {
		name string
		rows []texts
		want zstd.EncoderLevel
	}{
		{"none yet", nil, zstd.SpeedBestCompression},
		{"alone, with pauses", []texts{{200, 1, later}}, zstd.SpeedBestCompression},
		{"alone, without a pause", []texts{{200, 1, soon}}, zstd.SpeedDefault},
		{"alone, without a pause, but not for long", []texts{{200, 1, later}, {paceTexts/2 - 1, 1, soon}}, zstd.SpeedBestCompression},
		{"and for longer", []texts{{200, 1, later}, {paceTexts / 2, 1, soon}}, zstd.SpeedDefault},
		{"then with pauses again", []texts{{200, 1, soon}, {paceTexts/2 + 1, 1, later}}, zstd.SpeedBestCompression},
		{"two", []texts{{200, 2, soon}}, zstd.SpeedBestCompression},
		{"two that seldom meet", []texts{{minApart - 1, 1, soon}, {1, 2, soon}, {minApart - 1, 1, soon}, {1, 2, soon}, {minApart - 1, 1, soon}, {1, 2, soon}, {minApart - 1, 1, soon}}, zstd.SpeedBestCompression},
		{"three", []texts{{200, 3, soon}}, zstd.SpeedBetterCompression},
		{"four", []texts{{200, 4, later}}, zstd.SpeedBetterCompression},
		{"three now and then", []texts{{200, 2, soon}, {paceTexts/8 - 1, 3, soon}}, zstd.SpeedBestCompression},
		{"three more often", []texts{{200, 2, soon}, {paceTexts / 8, 3, soon}}, zstd.SpeedBetterCompression},
		{"five", []texts{{200, 5, soon}}, zstd.SpeedDefault},
		{"eight", []texts{{200, 8, later}}, zstd.SpeedDefault},
		{"eight now and then", []texts{{200, 4, soon}, {paceTexts/8 - 1, 8, soon}}, zstd.SpeedBetterCompression},
		{"nine", []texts{{200, 9, soon}}, zstd.SpeedFastest},
		{"nine half of the time", []texts{{200, 1, soon}, {paceTexts / 2, 9, soon}}, zstd.SpeedFastest},
		{"nine less often", []texts{{200, 1, soon}, {paceTexts/2 - 1, 9, soon}}, zstd.SpeedDefault},
		{"a rush that is over", []texts{{200, 32, soon}, {paceTexts, 1, later}}, zstd.SpeedBestCompression},
	} {
		var p pace
		now := time.Date(2026, 1, 5, 9, 41, 0, 0, time.UTC)
		for _, row := range test.rows {
			for range row.n {
				p.end(now)
				now = now.Add(row.pause)
				p.begin(row.waiting, now)
			}
		}
		if got := p.level(); got != test.want {
			t.Errorf("%s: the level is %v, want %v; %v", test.name, got, test.want, p.counts)
		}
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
		for range paceTexts {
			c.pace.begin(test.waiting, time.Now())
		}
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
		for range paceTexts {
			c.pace.begin(waiting, time.Now())
		}
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
		for range paceTexts {
			a.chains.pace.begin([]int{1, maxCalm, maxBusy, maxBusy + 1}[n/100%4], time.Now().Add(time.Hour))
		}
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
