package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"daybook/archive/dictionary"

	"github.com/klauspost/compress/s2"
)

// factsWith has the dictionaries of the third archive, of zstd, and one of words alone.
func factsWith(t testing.TB) (p factsPress, zstd, words *ownDictionary) {
	t.Helper()
	p, err := newFactsPress()
	if err != nil {
		t.Fatal(err)
	}
	r, err := decodeOwn(recordsOf(t, thirdArchive, typeDictionary)[0])
	if err != nil || r.version != ownZstd {
		t.Fatalf("%+v, %v", r, err)
	}
	if zstd, err = r.open(p.own.dec); err != nil {
		t.Fatal(err)
	}
	var samples [][]byte
	for n := range 300 {
		samples = append(samples, plainWords(t, 1000+n))
	}
	if words, err = newOwnDictionary(dictionary.FirstOwn, latest(samples, maxOwn)); err != nil {
		t.Fatal(err)
	}
	p.own.list = []*ownDictionary{zstd, words}
	return p, zstd, words
}

func plainWords(t testing.TB, n int) []byte {
	t.Helper()
	b, err := FactsWords(plainEntry(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Facts come back as they were, whatever dictionary they were compressed with, and take
// less room with a better one, and in a calm.
func TestFactsWithEveryDictionary(t *testing.T) {
	p, zstd, words := factsWith(t)
	size := func(own *ownDictionary, calm bool) (n int) {
		for i := range 100 {
			n += len(p.pack(own, calm, nil, plainWords(t, 5000+i)))
		}
		return n
	}
	list := func(n int) (b []byte) {
		for i := range n {
			b = append(b, plainWords(t, i)...)
		}
		return b
	}
	all := map[string][]byte{
		"none": nil, "few": []byte("few"), "one entry's": plainWords(t, 7), "many": list(20), "very many": list(3000),
		"noise": noise(300, 1), "much noise": noise(200_000, 1), "the same again and again": bytes.Repeat([]byte("a"), 1<<20),
	}
	for name, own := range map[string]*ownDictionary{"built in": nil, "of zstd": zstd, "of words": words} {
		for _, calm := range []bool{false, true} {
			for what, b := range all {
				packed := p.pack(own, calm, []byte("numbers"), b)
				numbers, back, err := p.unpack(packed)
				if err != nil || string(numbers) != "numbers" || !bytes.Equal(back, b) {
					t.Errorf("%s, calm %v, %s: %q and %d bytes, want %d, %v", name, calm, what, numbers, len(back), len(b), err)
				}
				if small := strings.Contains(what, "few") || strings.Contains(what, "no"); (packed[0] == factsRaw) != small {
					t.Errorf("%s, calm %v, %s: stored in the way %d", name, calm, what, packed[0])
				}
			}
		}
		if plain, calm := size(own, false), size(own, true); calm >= plain {
			t.Errorf("%s: %d bytes in a calm, and else %d", name, calm, plain)
		}
	}
	if a, b, c := size(nil, false), size(zstd, false), size(words, false); a <= b || b <= c {
		t.Errorf("%d bytes with what is built in, %d with a dictionary of zstd, %d with one of words", a, b, c)
	}
}

// What cannot be read says why: it is damaged, its dictionary is missing, or a newer
// daybook wrote it.
func TestFactsThatCannotBeRead(t *testing.T) {
	p, zstd, words := factsWith(t)
	facts := func(as byte, id uint32, block []byte) []byte {
		return append(binary.AppendUvarint([]byte{as, 0}, uint64(id)), block...)
	}
	block := func(own *ownDictionary) []byte { return own.words.Encode(nil, plainWords(t, 1)) }
	long := binary.AppendUvarint(nil, maxFacts+1)
	for _, test := range []struct {
		name  string
		facts []byte
		want  string
		is    error
	}{
		{"cut short", facts(factsS2, words.id, block(words)[:50]), "corrupt", nil},
		{"with another dictionary", facts(factsS2, zstd.id, block(words)), "corrupt", nil},
		{"too long", facts(factsS2, words.id, long), "malformed", nil},
		{"no length", facts(factsS2, words.id, nil), "malformed", nil},
		{"words for zstd", facts(factsBlocks, words.id, block(words)), "another way", nil},
		{"a dictionary that is lost", facts(factsS2, dictionary.FirstOwn+1, block(words)), "both copies are lost", errNoDictionary},
		{"a built-in dictionary to come", facts(factsS2, 9999, block(words)), "newer daybook", errNewer},
		{"a way to come", facts(factsS2+1, dictionary.FirstOwn+1, block(words)), "newer daybook", errNewer},
	} {
		_, _, err := p.unpack(test.facts)
		if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// FuzzFacts takes facts apart. What comes of it is as long as it says, and is the same
// when it is stored again.
func FuzzFacts(f *testing.F) {
	p, zstd, words := factsWith(f)
	for _, b := range recordsOf(f, thirdArchive, typeEntry)[120:140] {
		v := fields{b: b[1:]}
		facts := v.bytes(v.uvarint(1 << 20))
		f.Add(facts)
	}
	for i, own := range []*ownDictionary{nil, zstd, words} {
		for _, calm := range []bool{false, true} {
			b := p.pack(own, calm, fmt.Append(nil, i), plainWords(f, i))
			f.Add(b)
			f.Add(b[:len(b)-9])
			flipped := slices.Clone(b)
			flipped[len(b)/2] ^= 0x10
			f.Add(flipped)
		}
	}
	f.Add(append([]byte{factsS2, 0, 1}, s2.Encode(nil, bytes.Repeat([]byte("a"), 1000))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		numbers, got, err := p.unpack(b)
		if err != nil {
			return
		}
		if len(got) > max(maxFacts, len(b)) {
			t.Fatalf("%d bytes come of %d", len(got), len(b))
		}
		for i, own := range []*ownDictionary{nil, zstd, words} {
			n, again, err := p.unpack(p.pack(own, i == 1, numbers, got))
			if err != nil || !bytes.Equal(n, numbers) || !bytes.Equal(again, got) {
				t.Fatalf("%x and %x are read back as %x and %x: %v", numbers, got, n, again, err)
			}
		}
	})
}

// A session that has archived a mail, and waits for the next one, does not hold the large
// stack that compressing needed.
func TestCompressingLeavesStacksSmall(t *testing.T) {
	const sessions = 300
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	words := []byte(strings.Repeat("anna@acme.example ", 20))
	stacks := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stacks()
	var packed, over sync.WaitGroup
	end := make(chan struct{})
	packed.Add(sessions)
	for n := range sessions {
		over.Go(func() {
			c.facts.pack(nil, n%2 == 0, nil, words)
			packed.Done()
			<-end
		})
	}
	packed.Wait()
	if each := (int64(stacks()) - int64(before)) / sessions; each > 40<<10 {
		t.Errorf("%d bytes of stack are left for each session", each)
	}
	close(end)
	over.Wait()
}
