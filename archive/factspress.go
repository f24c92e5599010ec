package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"daybook/archive/dictionary"

	"github.com/klauspost/compress/zstd"
)

// maxFacts is the most bytes that the facts of an entry have.
const maxFacts = 64 << 20

// The facts of an entry, as they are stored:
//
//	0  1  0: the words as they are; 1: compressed
//	.. .. length of the numbers, uvarint, and the numbers
//	.. .. unless they are compressed: the words
//	.. .. number of the dictionary, uvarint, 0 for none
//	.. .. length of the words, uvarint
//	.. .. the words, as blocks of zstd (RFC 8878 section 3.1.1.2)
//
// The frame around the blocks is left out: it says nothing else.
const (
	factsRaw    = 0
	factsBlocks = 1
)

// factsPress compresses the facts of entries, each on its own, so that they are read
// without one another. It is safe for concurrent use.
type factsPress struct {
	builtin uint32 // number of the dictionary of enc
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	own     *owned
}

func newFactsPress() (factsPress, error) {
	known := dictionary.Facts()
	newest := known[len(known)-1]
	enc, err := newFactsEncoder(newest.Bytes, runtime.GOMAXPROCS(0))
	if err != nil {
		return factsPress{}, fmt.Errorf("zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxFacts),
		zstd.WithDecoderDicts(dictionary.Bytes(known)...))
	if err != nil {
		return factsPress{}, fmt.Errorf("zstd: %w", err)
	}
	own, err := newOwned()
	return factsPress{newest.ID, enc, dec, own}, err
}

// newFactsEncoder makes an encoder with a dictionary. On so few bytes the fast level is
// hardly behind the others, which spend most of their time on making ready what they
// know of the dictionary.
func newFactsEncoder(raw []byte, coders int) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<18),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithEncoderDict(raw), zstd.WithEncoderConcurrency(coders))
}

// pack puts numbers and words together; the words are compressed when that makes them
// smaller, and only when they come back exactly as they were. The dictionary is own, or
// for nil the one that is built in.
func (p factsPress) pack(own *ownDictionary, numbers, words []byte) []byte {
	id, enc, dec := p.builtin, p.enc, p.dec
	if own != nil && own.encoder() != nil {
		id, enc, dec = own.id, own.encoder(), own.dec
	}
	b := binary.AppendUvarint(append(make([]byte, 0, 16+len(numbers)+len(words)), factsBlocks), uint64(len(numbers)))
	b = append(b, numbers...)
	head := len(b)
	if blocks := blocks(enc, id, words); len(blocks) > 0 {
		b = binary.AppendUvarint(b, uint64(id))
		b = append(binary.AppendUvarint(b, uint64(len(words))), blocks...)
		back, err := dec.DecodeAll(frame(id, uint32(len(words)), blocks), nil)
		if err == nil && len(b)-head < len(words) && bytes.Equal(back, words) {
			return b
		}
	}
	b[0] = factsRaw
	return append(b[:head], words...)
}

// blocks gives the blocks of the words' frame; none when the frame is not understood.
func blocks(enc *zstd.Encoder, dictionary uint32, words []byte) []byte {
	frame := enc.EncodeAll(words, make([]byte, 0, len(words)+32))
	var h zstd.Header
	if err := h.Decode(frame); err != nil || h.HasCheckSum || h.DictionaryID != dictionary {
		return nil
	}
	return frame[h.HeaderSize:]
}

// unpack takes facts apart. What it gives may be part of b. The error is
// errNoDictionary when the dictionary is missing.
func (p factsPress) unpack(b []byte) (numbers, words []byte, err error) {
	f := fields{b: b}
	as := f.byte()
	numbers = f.bytes(f.uvarint(uint64(len(b))))
	if as == factsRaw && !f.bad {
		return numbers, f.b, nil
	}
	id := f.uvarint(1<<32 - 1)
	size := f.uvarint(maxFacts)
	if f.bad {
		return nil, nil, errors.New("its facts are malformed")
	}
	if as != factsBlocks {
		return nil, nil, fmt.Errorf("its facts are stored in a way, %d, that is not known: it %w", as, errNewer)
	}
	dec := p.dec
	if id >= dictionary.FirstOwn {
		own, err := p.own.get(uint32(id))
		if err != nil {
			return nil, nil, err
		}
		dec = own.dec
	}
	words, err = dec.DecodeAll(frame(uint32(id), uint32(size), f.b), nil)
	if err == nil && uint64(len(words)) != size {
		err = errors.New("they have another length than they should")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("its facts: %w", err)
	}
	return numbers, words, nil
}

// frame puts the frame around blocks (RFC 8878 section 3.1.1.1): one segment, with
// its size and the number of its dictionary.
func frame(dictionary, size uint32, blocks []byte) []byte {
	const sizeOf4, oneSegment, dictionaryOf4 = 2 << 6, 1 << 5, 3
	b := append(make([]byte, 0, 13+len(blocks)), 0x28, 0xb5, 0x2f, 0xfd, sizeOf4|oneSegment)
	if dictionary != 0 {
		b[4] |= dictionaryOf4
		b = binary.LittleEndian.AppendUint32(b, dictionary)
	}
	return append(binary.LittleEndian.AppendUint32(b, size), blocks...)
}
