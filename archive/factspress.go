package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"daybook/archive/dictionary"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// maxFacts is the most bytes that the words of an entry's facts have when they are
// compressed.
const maxFacts = 64 << 20

// minBetter is from how many bytes on words are compressed better even where there is
// little time: few entries have so many, and it takes no longer than zstd took.
const minBetter = 4 << 10

// The facts of an entry, as they are stored:
//
//	0  1  0: the words as they are; 1: compressed with zstd; 2: compressed with S2
//	.. .. length of the numbers, uvarint, and the numbers
//	.. .. unless they are compressed: the words
//	.. .. number of the dictionary, uvarint; for zstd 0 is none
//	.. .. length of the words, uvarint
//	.. .. the words: for zstd as blocks (RFC 8878 section 3.1.1.2), the frame around
//	      which is left out, for it says nothing else; for S2 what comes after the
//	      length in a block
//
// New ones are not compressed with zstd: what it makes ready for each entry takes several
// times as long as S2 takes in all.
const (
	factsRaw    = 0
	factsBlocks = 1
	factsS2     = 2
)

// wordsDictionary is what S2 knows before it comes to the words of an entry: up to 64 KiB
// of text, and a first repeat from where it begins (see package s2). It is nil for text
// of less than 16 bytes.
func wordsDictionary(text []byte) *s2.Dict { return s2.MakeDictManual(text, 0) }

// factsPress compresses the facts of entries, each on its own, so that they are read
// without one another. It is safe for concurrent use.
type factsPress struct {
	newest  uint32 // number of the built-in dictionary of new entries
	builtin map[uint32]*s2.Dict
	dec     *zstd.Decoder
	own     *owned
}

func newFactsPress() (factsPress, error) {
	known := dictionary.Facts()
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxFacts),
		zstd.WithDecoderDicts(dictionary.Bytes(known)...))
	if err != nil {
		return factsPress{}, fmt.Errorf("zstd: %w", err)
	}
	p := factsPress{newest: known[len(known)-1].ID, builtin: map[uint32]*s2.Dict{}, dec: dec}
	for _, d := range known {
		in, err := zstd.InspectDictionary(d.Bytes)
		if err != nil {
			return factsPress{}, fmt.Errorf("dictionary %d: %w", d.ID, err)
		}
		p.builtin[d.ID] = wordsDictionary(in.Content())
	}
	p.own, err = newOwned()
	return p, err
}

// pack puts numbers and words together; the words are compressed when that makes them
// smaller, and only when they come back exactly as they were. The dictionary is own, or
// for nil the one that is built in. In a calm they are compressed better.
func (p factsPress) pack(own *ownDictionary, calm bool, numbers, words []byte) []byte {
	id, d := p.newest, p.builtin[p.newest]
	if own != nil && own.words != nil {
		id, d = own.id, own.words
	}
	b := make([]byte, 0, 3*binary.MaxVarintLen32+len(numbers)+max(len(words), s2.MaxEncodedLen(len(words))))
	b = binary.AppendUvarint(append(b, factsS2), uint64(len(numbers)))
	b = append(b, numbers...)
	head := len(b)
	if len(words) <= maxFacts {
		b = binary.AppendUvarint(b, uint64(id))
		at := len(b)
		b = b[:at+compress(d, calm, b[at:cap(b)], words)]
		back, err := d.Decode(nil, b[at:])
		if err == nil && len(b)-head < len(words) && bytes.Equal(back, words) {
			return b
		}
	}
	b[0] = factsRaw
	return append(b[:head], words...)
}

// compress writes words to b as a block of S2, and gives its length; 0 when it has none. b
// has room for s2.MaxEncodedLen. S2 keeps its tables on the stack, 64 KiB or nine times as
// much, and a stack that has grown stays so for a while: each call has one of its own, and
// not that of a session, of which there may be thousands.
func compress(d *s2.Dict, calm bool, b, words []byte) (n int) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if recover() != nil {
				n = 0
			}
		}()
		if calm || len(words) >= minBetter {
			n = len(d.EncodeBetter(b, words))
		} else {
			n = len(d.Encode(b, words))
		}
	}()
	<-done
	return n
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
	id := uint32(f.uvarint(1<<32 - 1))
	block := f.b // a block of S2 begins with the length, and is no longer than that
	size := uint32(f.uvarint(maxFacts))
	if f.bad {
		return nil, nil, errors.New("its facts are malformed")
	}
	if as != factsBlocks && as != factsS2 {
		return nil, nil, fmt.Errorf("its facts are stored in a way, %d, that is not known: it %w", as, errNewer)
	}
	text, dec := p.builtin[id], p.dec
	if id >= dictionary.FirstOwn {
		own, err := p.own.get(id)
		if err != nil {
			return nil, nil, err
		}
		text, dec = own.words, own.blocks
	}
	switch {
	case as == factsBlocks && dec != nil:
		words, err = dec.DecodeAll(frame(id, size, f.b), nil)
	case as == factsS2 && text != nil:
		words, err = text.Decode(nil, block)
	case id < dictionary.FirstOwn:
		err = fmt.Errorf("dictionary %d, that they were compressed with, is not known: it %w", id, errNewer)
	default:
		err = fmt.Errorf("dictionary %d is for another way of storing them", id)
	}
	if err == nil && len(words) != int(size) {
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
