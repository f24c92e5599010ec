package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// An entry's record, from version 3 on, has the entry's own facts and the small text
// of its message apart, so that the facts are read, and the catalog is made, without
// the texts:
//
//	0  1  3
//	1  .. length of the facts, uvarint
//	.. .. the facts, see factsPress
//	.. .. the text, which may be missing:
//	      1 byte: 0 as it is, 1 compressed in a chain, 2 compressed by itself
//	      in a chain: number of the chain's first entry, uvarint, 0 for this one; and
//	      the text's place in the chain, uvarint, from 0
//	      length of the text, uvarint
//	      the text
//
// A chain is one stream of zstd (RFC 8878), cut into one piece for each of its texts,
// at the ends of blocks.
const entryFormat = 3

// lastFormat is behind the first bytes that later formats may have. The records up to
// version 2, which are CBOR maps, begin with greater ones.
const lastFormat = 0x20

// Ways in which a text is stored.
const (
	textRaw     = 0
	textChained = 1
	textAlone   = 2 // one frame of zstd
)

// element is the text of an entry as it is stored.
type element struct {
	as    byte
	start uint64 // number of the chain's first entry
	index int
	size  int // of the text, in bytes
	data  []byte
}

// is tells whether an element belongs to a chain.
func (e *element) is(start uint64) bool { return e.as == textChained && e.start == start && e.size > 0 }

var errElement = errors.New("its text is malformed")

// appendHead appends what stands before the element's data.
func (e *element) appendHead(b []byte) []byte {
	b = append(b, e.as)
	if e.as == textChained {
		b = binary.AppendUvarint(b, e.start)
		b = binary.AppendUvarint(b, uint64(e.index))
	}
	return binary.AppendUvarint(b, uint64(e.size))
}

// decodeElement reads the text of entry id. Its data is part of b.
func decodeElement(b []byte, id uint64) (e element, err error) {
	if len(b) == 0 {
		return e, nil
	}
	f := fields{b: b[1:]}
	e.as = b[0]
	switch e.as {
	case textRaw, textAlone:
	case textChained:
		if e.start = f.uvarint(1<<63 - 1); e.start == 0 {
			e.start = id
		}
		e.index = int(f.uvarint(maxSpan))
	default:
		return e, fmt.Errorf("its text is stored in a way, %d, that is not known: it %w", e.as, errNewer)
	}
	e.size = int(f.uvarint(maxText3))
	e.data = f.b
	bad := f.bad || e.start > id || (e.start == id) != (e.index == 0 && e.as == textChained) ||
		e.as == textRaw && len(e.data) != e.size || e.as != textRaw && e.size > maxElement
	if bad {
		return element{}, errElement
	}
	return e, nil
}

// maxText3 bounds the text of an entry that is not compressed.
const maxText3 = 16 << 20

// textOf gives the stored text of an entry's record alone.
func textOf(body []byte, id uint64) (element, error) {
	if len(body) == 0 || body[0] != entryFormat {
		return element{}, nil
	}
	f := fields{b: body[1:]}
	f.bytes(f.uvarint(uint64(len(body))))
	if f.bad {
		return element{}, errElement
	}
	return decodeElement(f.b, id)
}

// fields reads what was written one behind the other.
type fields struct {
	b   []byte
	bad bool
}

// uvarint reads a number of at most limit.
func (f *fields) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > limit {
		f.bad = true
		f.b = nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

// varint reads a number with a sign.
func (f *fields) varint() int64 {
	v, n := binary.Varint(f.b)
	if n <= 0 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) byte() byte {
	if b := f.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// bytes reads n bytes.
func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return nil
	}
	b := f.b[:n:n]
	f.b = f.b[n:]
	return b
}
