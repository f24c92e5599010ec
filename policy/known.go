package policy

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"strings"
)

// known are the addresses of a tenant that are in its lists. They are kept as
// keyed hashes, so that millions of them fit: an address takes 5.3 bytes, a secondary
// one 4 more, and the text of a primary address is kept where it has secondary ones.
//
// An address that is not in the lists is taken for a known one with a probability
// of about 12 in 2^40, one in ninety thousand million: twelve hashes share a bucket
// and 40 bits of each are compared. The key is new for each start of the program, so
// nobody can choose such an address.
type known struct {
	seed        maphash.Seed
	primaries   hashTable
	secondaries hashTable
	// texts has the primary addresses that have secondary ones, see [addText].
	texts   []byte
	domains []string // those of the tenant
}

// lookup tells whether an address, as [splitAddress] gives it, in one of the
// tenant's domains is known, and its primary address: the one that the list names
// first in its line, or itself. Without a list all are known. An extension behind
// the delimiter does not count, unless the list has the address with it.
func (t *Tenant) lookup(local, domain string) (primary string, known bool) {
	if t.known == nil {
		base, _ := t.withoutExtension(local)
		return base + "@" + domain, true
	}
	if primary, known = t.known.find(local, domain); known {
		return primary, true
	}
	if base, ok := t.withoutExtension(local); ok {
		return t.known.find(base, domain)
	}
	return "", false
}

// withoutExtension cuts the extension off a local part, and tells whether it has
// one.
func (t *Tenant) withoutExtension(local string) (string, bool) {
	if t.Delimiter == "" || local == "" || local[0] == '"' {
		return local, false
	}
	base, _, found := strings.Cut(local, t.Delimiter)
	if !found || base == "" {
		return local, false
	}
	return base, true
}

// find looks an address up as it is.
func (k *known) find(local, domain string) (primary string, ok bool) {
	if len(local) > maxLocal || len(domain) > maxDomain {
		return "", false
	}
	var buf [maxLocal + 1 + maxDomain]byte
	address := append(append(append(buf[:0], local...), '@'), domain...)
	hash := maphash.Bytes(k.seed, address)
	if k.primaries.find(hash) >= 0 {
		return string(address), true
	}
	if i := k.secondaries.find(hash); i >= 0 {
		return textAt(k.texts, k.secondaries.values[i], k.domains), true
	}
	return "", false
}

// size is the memory that the addresses take, in bytes.
func (k *known) size() int {
	return k.primaries.size() + k.secondaries.size() + cap(k.texts)
}

// hashTable finds hashes. Its buckets lie one behind the other in slots; the upper
// bits of a hash choose the bucket, the lower 40 bits are kept.
type hashTable struct {
	starts []uint32 // bucket i is from starts[i] up to starts[i+1]
	slots  []byte   // slotSize bytes each
	values []uint32 // one for each slot, or nil
}

const (
	slotSize   = 5
	bucketSize = 12 // on average
)

// newHashTable makes a table of hashes and, unless nil, the value of each.
func newHashTable(hashes []uint64, values []uint32) hashTable {
	if len(hashes) == 0 {
		return hashTable{}
	}
	buckets := len(hashes)/bucketSize + 1
	t := hashTable{starts: make([]uint32, buckets+1), slots: make([]byte, len(hashes)*slotSize)}
	if values != nil {
		t.values = make([]uint32, len(hashes))
	}
	for _, h := range hashes {
		t.starts[t.bucket(h)]++
	}
	sum := uint32(0)
	for i, n := range t.starts {
		sum += n
		t.starts[i] = sum
	}
	// Each start is the end of its bucket now, and comes down as the bucket fills.
	for i, h := range hashes {
		b := t.bucket(h)
		t.starts[b]--
		at := t.starts[b]
		slot := t.slots[at*slotSize : at*slotSize+slotSize]
		binary.LittleEndian.PutUint32(slot, uint32(h))
		slot[4] = byte(h >> 32)
		if values != nil {
			t.values[at] = values[i]
		}
	}
	return t
}

func (t *hashTable) bucket(hash uint64) int {
	b, _ := bits.Mul64(hash, uint64(len(t.starts)-1))
	return int(b)
}

// find gives the slot of a hash, or -1.
func (t *hashTable) find(hash uint64) int {
	if len(t.starts) == 0 {
		return -1
	}
	b := t.bucket(hash)
	low, high := uint32(hash), byte(hash>>32)
	for i := int(t.starts[b]); i < int(t.starts[b+1]); i++ {
		slot := t.slots[i*slotSize : i*slotSize+slotSize]
		if binary.LittleEndian.Uint32(slot) == low && slot[4] == high {
			return i
		}
	}
	return -1
}

func (t *hashTable) size() int { return cap(t.slots) + 4*cap(t.starts) + 4*cap(t.values) }

// addText appends an address: the number of its domain in the tenant's list from 1
// on, and the local part with its length before it. Number 0 is for a domain that
// falls under a form with a star, and for those beyond 255: then the whole address
// follows.
func addText(texts, local, domain []byte, number int) []byte {
	if number < 0 || number > 254 {
		texts = append(texts, 0)
		texts = binary.AppendUvarint(texts, uint64(len(local)+1+len(domain)))
		return append(append(append(texts, local...), '@'), domain...)
	}
	texts = append(texts, byte(number+1))
	texts = binary.AppendUvarint(texts, uint64(len(local)))
	return append(texts, local...)
}

// textAt gives an address that addText wrote.
func textAt(texts []byte, at uint32, domains []string) string {
	number := int(texts[at])
	n, width := binary.Uvarint(texts[at+1:])
	text := texts[int(at)+1+width:][:n]
	if number == 0 {
		return string(text)
	}
	return string(bytes.Join([][]byte{text, []byte(domains[number-1])}, []byte("@")))
}
