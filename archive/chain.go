package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"daybook/archive/ledger"

	"github.com/klauspost/compress/zstd"
)

// Bounds of chains.
const (
	// maxChain is the most text of one chain, in bytes. It is the compressor's window,
	// and what is read to get at the chain's last text.
	maxChain = 4 << 20
	// maxSpan is the most numbers from the first entry of a chain to the last one.
	maxSpan = 4096
	// maxTexts is how many texts one chain has at most. Small ones are read one by one to
	// get at the last, which takes longer than their bytes do, and what they save on those
	// before them is not more by then.
	maxTexts = 1024
	// maxElement is the most text of one entry in a chain.
	maxElement = 256 << 10
	// maxLanes is how many tenants have a chain open at the same time.
	maxLanes = 8
	// maxSpare is how many compressors are kept that no chain uses. Each takes some
	// 20 MiB, and the best one twice as much again.
	maxSpare = 2
	// minFast is how much text a chain has, in bytes, before it ends because there is time
	// for a better one.
	minFast = 1 << 20
	// minBest is how much text of a tenant was compressed, in bytes, when the best
	// compressor is worth its memory.
	minBest = 256 << 10
)

// chains compress the small text of messages: each text is compressed with those of
// the tenant's messages before it, so that what mail repeats (headers, structure,
// quotations, disclaimers) costs next to nothing. A chain belongs to one tenant, is
// bounded by maxChain, and ends with the process.
type chains struct {
	builtin [][]byte // dictionaries, the newest one last

	mu    sync.Mutex
	clock uint64
	lanes map[string]*lane
	pace  pace
	spare []*coder
	best  bool // a chain has the best compressor, of which there is one: it takes 40 MiB more

	pressed atomic.Bool // the last text that came left no time to compress well
}

func newChains(dictionaries [][]byte) *chains {
	return &chains{builtin: dictionaries, lanes: map[string]*lane{}}
}

// lane is where one tenant's texts queue up for its chain.
type lane struct {
	used    uint64 // of chains.clock
	waiting int    // texts that use the lane; owned by chains.mu

	mu    sync.Mutex // held from compressing a text until its record is in the queue
	chain *chain     // nil: the next text begins one
	size  int        // of all texts so far
}

// chain is one that is being written.
type chain struct {
	start  uint64 // number of its first entry
	index  int    // of the next text
	size   int    // of all texts so far
	thread *ledger.Thread
	coder  *coder
	early  bool // it was begun before the tenant had minBest of text
}

// full tells that a text of this size begins another chain.
func (l *lane) full(size int) bool {
	k := l.chain
	return k.index >= maxTexts || k.size+size > maxChain || k.early && l.size >= minBest
}

// enter gives the tenant's lane, and leave ends its use. A lane that nobody uses
// makes room for one that is not there yet; when all are in use there is none.
func (c *chains) enter(tenant string) *lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	l := c.lanes[tenant]
	if l == nil {
		if len(c.lanes) >= maxLanes && !c.evict() {
			return nil
		}
		l = &lane{}
		c.lanes[tenant] = l
	}
	l.used = c.clock
	l.waiting++
	c.pace.begin(c.waiting(), time.Now())
	c.pressed.Store(c.pace.level() < zstd.SpeedBetterCompression)
	return l
}

// calm tells whether there was time to compress the last text well.
func (c *chains) calm() bool { return !c.pressed.Load() }

func (c *chains) leave(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.waiting--
}

// waiting is how many texts are on their way. c.mu is held.
func (c *chains) waiting() (n int) {
	for _, l := range c.lanes {
		n += l.waiting
	}
	return n
}

// level is how well there is time, and memory, to compress. c.mu is held.
func (c *chains) level(early bool) zstd.EncoderLevel {
	level := c.pace.level()
	if level == zstd.SpeedBestCompression && (c.best || early) {
		return zstd.SpeedBetterCompression
	}
	return level
}

// unfit tells that a chain's level is not what there is time for: at once when it is too
// slow, but when it could be better not before it has enough text, and not for one level
// alone, for a new chain knows nothing of what was before it.
func (c *chains) unfit(k *chain) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.coder.level > c.pace.level() || k.size >= minFast && k.coder.level+1 < c.level(k.early)
}

// evict lets go of the lane that was used longest ago, of those that nobody uses, and
// tells whether there was one. c.mu is held.
func (c *chains) evict() bool {
	oldest := ""
	for tenant, l := range c.lanes {
		if l.waiting == 0 && (oldest == "" || l.used < c.lanes[oldest].used) {
			oldest = tenant
		}
	}
	l := c.lanes[oldest]
	if l == nil {
		return false
	}
	if l.chain != nil {
		c.keep(l.chain.coder)
	}
	delete(c.lanes, oldest)
	return true
}

// begin makes a chain of a lane.
func (c *chains) begin(l *lane) (*chain, error) {
	early := l.size < minBest
	c.mu.Lock()
	level := c.level(early)
	var k *coder
	if i := slices.IndexFunc(c.spare, func(k *coder) bool { return k.level == level }); i >= 0 {
		k = c.spare[i]
		c.spare = slices.Delete(c.spare, i, i+1)
	}
	if level == zstd.SpeedBestCompression {
		c.best = true
	} else { // it is not quiet: the best one would only take room
		c.spare = slices.DeleteFunc(c.spare, func(k *coder) bool { return k.level == zstd.SpeedBestCompression })
	}
	c.mu.Unlock()
	if k == nil {
		var err error
		if k, err = newCoder(level, c.builtin); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.best = c.best && level != zstd.SpeedBestCompression
			return nil, err
		}
	}
	k.reset()
	return &chain{thread: &ledger.Thread{}, coder: k, early: early}, nil
}

// end lets go of a chain's compressor.
func (c *chains) end(k *chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(k.coder)
}

// keep has a compressor ready for another chain. Of too many, the one goes that was put
// aside first: it may be of a level that there is no use for any more. c.mu is held.
func (c *chains) keep(k *coder) {
	if k.level == zstd.SpeedBestCompression {
		c.best = false
	}
	if len(c.spare) == maxSpare {
		c.spare = slices.Delete(c.spare, 0, 1)
	}
	c.spare = append(c.spare, k)
}

// coder compresses the texts of a chain, and decompresses them again to see that
// they come back as they were.
type coder struct {
	level zstd.EncoderLevel
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	out   bytes.Buffer // what enc has written of the text at hand
	in    bytes.Buffer // what dec has not read yet
	back  []byte
}

func newCoder(level zstd.EncoderLevel, dictionaries [][]byte) (*coder, error) {
	k := &coder{level: level}
	options := []zstd.EOption{
		zstd.WithEncoderLevel(level), zstd.WithWindowSize(maxChain),
		zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
	}
	// A dictionary gains something from the first texts of a chain, and from others next to
	// nothing. With it the best level would have tables of 34 MiB, and those that are for
	// many texts would take a quarter longer, and longer again to be decompressed.
	if n := len(dictionaries); n > 0 && level == zstd.SpeedBetterCompression {
		options = append(options, zstd.WithEncoderDict(dictionaries[n-1]))
	}
	var err error
	if k.enc, err = zstd.NewWriter(&k.out, options...); err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	if k.dec, err = newChainDecoder(dictionaries); err != nil {
		return nil, err
	}
	return k, nil
}

func newChainDecoder(dictionaries [][]byte) (*zstd.Decoder, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxChain), zstd.WithDecoderDicts(dictionaries...))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return dec, nil
}

func (k *coder) reset() {
	k.out.Reset()
	k.in.Reset()
	k.enc.Reset(&k.out)
}

var errComeBack = errors.New("a compressed text does not come back as it was")

// code compresses the next text. The last bytes of it, random in number, look random: they
// are a block of their own, so that they do not spoil the code of what is before them, and
// are found again when the mail comes once more. What it gives is good until the next call.
func (k *coder) code(text []byte, random int, first bool) ([]byte, error) {
	k.out.Reset()
	for _, part := range [][]byte{text[:len(text)-random], text[len(text)-random:]} {
		if len(part) == 0 {
			continue
		}
		if _, err := k.enc.Write(part); err != nil {
			return nil, err
		}
		if err := k.enc.Flush(); err != nil {
			return nil, err
		}
	}
	k.in.Write(k.out.Bytes())
	if first {
		if err := k.dec.Reset(endless{&k.in}); err != nil {
			return nil, err
		}
	}
	if cap(k.back) < len(text) {
		k.back = make([]byte, maxElement)
	}
	back := k.back[:len(text)]
	if _, err := io.ReadFull(k.dec, back); err != nil || !bytes.Equal(back, text) {
		return nil, errors.Join(errComeBack, err)
	}
	return k.out.Bytes(), nil
}

// endless is a buffer whose end may be moved on by further writing.
type endless struct{ b *bytes.Buffer }

func (e endless) Read(p []byte) (int, error) { return e.b.Read(p) }
