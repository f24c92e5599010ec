package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxPiece is the most bytes of a message in one content record. It bounds what
// a reader or writer of the archive holds in memory, whatever the message's size.
const maxPiece = 1 << 20

// press compresses and decompresses contents. It is safe for concurrent use, and
// is not closed: an append may still be using it.
type press struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	scratch *sync.Pool // *[]byte, for what is compressed, and for what is only compared
}

// maxPress is how many contents are compressed, and how many decompressed, at the same
// time: each takes some MiB.
const maxPress = 4

func newPress() (press, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(maxPiece), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), maxPress)))
	if err != nil {
		return press{}, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(maxPress), zstd.WithDecoderMaxMemory(maxPiece),
		zstd.WithDecoderMaxWindow(maxPiece))
	if err != nil {
		return press{}, fmt.Errorf("zstd: %w", err)
	}
	return press{enc, dec, &sync.Pool{New: func() any { return new([]byte) }}}, nil
}

// pack makes the content record of some bytes with this digest, in the room of into when
// that is enough: compressed where that makes them smaller, and only when they come back
// exactly as they were.
func (p press) pack(into []byte, tenant string, hash Digest, raw []byte) []byte {
	scratch := p.scratch.Get().(*[]byte)
	defer p.scratch.Put(scratch)
	if small, ok := p.small(raw, scratch); ok && p.comesBack(small, raw) {
		return append(contentHead(into, tenant, hash, len(raw), storedZstd, len(small)), small...)
	}
	return append(contentHead(into, tenant, hash, len(raw), storedRaw, len(raw)), raw...)
}

// Samples of a large content tell whether it is worth compressing: pictures, archives
// and documents are compressed already.
const (
	sampleSize = 8 << 10
	minSampled = 8 * sampleSize
)

// small gives bytes compressed, and whether they are smaller.
func (p press) small(raw []byte, scratch *[]byte) ([]byte, bool) {
	worth := len(raw) < minSampled
	for _, at := range []int{0, len(raw)/2 - sampleSize/2, len(raw) - sampleSize} {
		if !worth {
			*scratch = p.enc.EncodeAll(raw[at:at+sampleSize], (*scratch)[:0])
			worth = len(*scratch) < sampleSize-sampleSize/64
		}
	}
	if !worth {
		return nil, false
	}
	*scratch = p.enc.EncodeAll(raw, (*scratch)[:0])
	return *scratch, len(*scratch) < len(raw)-len(raw)/64
}

// comesBack tells whether compressed bytes are those of raw.
func (p press) comesBack(small, raw []byte) bool {
	scratch := p.scratch.Get().(*[]byte)
	defer p.scratch.Put(scratch)
	back, err := p.dec.DecodeAll(small, (*scratch)[:0])
	*scratch = back
	return err == nil && bytes.Equal(back, raw)
}

// text gives a text as it is stored by itself.
func (p press) text(raw []byte) (*element, []byte) {
	scratch := new([]byte)
	if small, ok := p.small(raw, scratch); ok && len(raw) <= maxElement && p.comesBack(small, raw) {
		return &element{as: textAlone, size: len(raw)}, small
	}
	return &element{as: textRaw, size: len(raw)}, raw
}

// alone gives the text of an element that is stored by itself.
func (p press) alone(e *element) ([]byte, error) {
	if e.as == textRaw || e.size == 0 {
		return e.data, nil
	}
	raw, err := p.dec.DecodeAll(e.data, make([]byte, 0, e.size))
	if err == nil && len(raw) != e.size {
		err = errElement
	}
	return raw, err
}

var errDigest = errors.New("its bytes do not have the recorded digest")

// unpack gives the bytes of a content, checked against its digest.
func (p press) unpack(c content) ([]byte, error) {
	raw := c.data
	switch c.as {
	case storedRaw:
	case storedZstd:
		if c.size > maxPiece {
			return nil, fmt.Errorf("its size of %d bytes is over the limit", c.size)
		}
		var err error
		if raw, err = p.dec.DecodeAll(c.data, make([]byte, 0, c.size)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("its encoding %d is not known to this daybook", c.as)
	}
	if sha256.Sum256(raw) != c.hash {
		return nil, errDigest
	}
	return raw, nil
}
