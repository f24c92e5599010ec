package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
	"github.com/klauspost/compress/zstd"
)

// maxReach bounds how far from the first entry of its chain an entry is looked for. Those
// that wait to be written do not know how many do.
const maxReach = 64 * maxSpan

// maxViews is how many chains are kept decompressed for reading.
const maxViews = 4

// views are chains as far as they were read. Each takes a little over twice maxChain
// of memory.
type views struct {
	dictionaries [][]byte

	mu    sync.Mutex
	list  []*view // the one that was used last comes first
	spare *view   // one that is not in the list any more, and has room
}

// view is a chain, decompressed from its beginning up to some text.
type view struct {
	start uint64
	users int  // owned by views.mu
	gone  bool // it is not in the list any more; owned by views.mu as well

	mu   sync.Mutex
	dec  *zstd.Decoder
	in   bytes.Buffer
	ids  []uint64 // entries whose texts are in raw
	ends []int    // where they end in it
	raw  []byte
}

// get gives the view of a chain. The caller puts it back.
func (v *views) get(start uint64) (*view, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.list, func(w *view) bool { return w.start == start })
	if i < 0 {
		w, err := v.begin(start)
		if err != nil {
			return nil, err
		}
		v.list = append(v.list, w)
		i = len(v.list) - 1
	}
	w := v.list[i]
	copy(v.list[1:i+1], v.list[:i])
	v.list[0] = w
	w.users++
	return w, nil
}

// begin makes a view of a chain, in the room of the one that was used longest ago when
// there are enough, and nobody uses that. v.mu is held.
func (v *views) begin(start uint64) (*view, error) {
	if n := len(v.list); n == maxViews {
		last := v.list[n-1]
		v.list[n-1], v.list = nil, v.list[:n-1]
		if last.gone = true; last.users == 0 {
			v.spare = last
		}
	}
	w := v.spare
	if v.spare = nil; w == nil {
		dec, err := newChainDecoder(v.dictionaries)
		if err != nil {
			return nil, err
		}
		return &view{start: start, dec: dec}, nil
	}
	w.start, w.gone = start, false
	w.clear()
	return w, nil
}

// put gives a view back.
func (v *views) put(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w.users--; w.users == 0 && w.gone {
		v.spare = w
	}
}

// clear forgets what was read, and keeps the room for it.
func (v *view) clear() { v.ids, v.ends, v.raw = v.ids[:0], v.ends[:0], v.raw[:0] }

// text gives an entry's text.
func (a *Archive) text(ctx context.Context, id uint64, e *element) ([]byte, error) {
	if e.as != textChained || e.size == 0 {
		raw, err := a.press.alone(e)
		if err != nil {
			err = &Damage{Entry: id, Reason: "its text: " + err.Error()}
		}
		return raw, err
	}
	v, err := a.views.get(e.start)
	if err != nil {
		return nil, err
	}
	defer a.views.put(v)
	v.mu.Lock()
	defer v.mu.Unlock()
	i, found := slices.BinarySearch(v.ids, id)
	if !found {
		if err := a.extend(ctx, v, id); err != nil {
			return nil, err
		}
		i = len(v.ids) - 1
	}
	if i < 0 || v.ids[i] != id {
		return nil, &Damage{Entry: id, Reason: "its text does not stand in the chain that it belongs to"}
	}
	return slices.Clone(v.at(i)), nil // the view's room may be another chain's soon
}

// at gives text i of a view.
func (v *view) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = v.ends[i-1]
	}
	return v.raw[begin:v.ends[i]:v.ends[i]]
}

// ahead is how many entries are looked up before their records are read.
const ahead = 512

// extend reads a chain on, up to an entry.
func (a *Archive) extend(ctx context.Context, v *view, id uint64) error {
	after := v.start - 1
	if n := len(v.ids); n > 0 {
		after = v.ids[n-1]
	}
	if id-v.start > maxReach {
		return &Damage{Entry: id, Reason: "its text is too far from where its chain begins"}
	}
	x := extension{a: a, v: v, id: id}
	low, high := seqKey(keyEntry, after+1), prefixEnd(seqKey(keyEntry, id))
	err := walk(ctx, a.catalog.reader(), low, high, false, func(it *pebble.Iterator) bool {
		at, _, ok := decodeLocation(it.Value())
		if !ok {
			x.failed = catalogError(errLocation)
			return false
		}
		x.ids, x.at = append(x.ids, keySeq(it.Key())), append(x.at, at)
		return len(x.ids) < ahead || x.read()
	})
	if err == nil && x.failed == nil {
		x.read()
	}
	if x.failed != nil {
		return x.failed
	}
	return err
}

// extension is one call of extend.
type extension struct {
	a      *Archive
	v      *view
	id     uint64
	ids    []uint64 // entries that are to be read next
	at     []ledger.Location
	broken error // why an entry that may be of the chain cannot be read
	failed error
}

// read reads the entries that were looked up, and adds the texts that are of the chain.
// It tells whether to go on.
func (x *extension) read() bool {
	x.a.ledger.ReadEach(x.at, func(i int, r ledger.Record, err error) bool {
		n := x.ids[i]
		e := element{}
		if err = asRecord(r, err, x.at[i], typeEntry, n); err == nil {
			e, err = textIn(r)
		}
		switch d := (*Damage)(nil); {
		case errors.As(err, &d):
			x.broken = err
		case err != nil:
			x.failed = err
		case e.is(x.v.start) && e.index != len(x.v.ids):
			x.failed = missing(x.id, x.broken)
		case e.is(x.v.start):
			if err := x.v.add(n, &e); err != nil {
				x.failed = &Damage{Entry: x.id, Reason: fmt.Sprintf("its text is compressed with that of entry %d, which is damaged: %v", n, err)}
			}
		}
		return x.failed == nil
	})
	x.ids, x.at = x.ids[:0], x.at[:0]
	return x.failed == nil
}

// missing is the damage of an entry whose text was compressed with one that is gone.
func missing(id uint64, why error) error {
	reason := "its text is compressed with that of an entry which is lost"
	if why != nil {
		reason = fmt.Sprintf("its text is compressed with that of an entry which is damaged (%v)", why)
	}
	return &Damage{Entry: id, Reason: reason}
}

// textIn gives the stored text of an entry's record.
func textIn(r ledger.Record) (element, error) {
	e, err := textOf(r.Body, r.Seq)
	if err != nil {
		return element{}, damaged(r.Seq, r.At, err.Error())
	}
	return e, nil
}

// room gives the texts with so many more bytes behind them. It grows in large steps:
// most chains that are read are long.
func (v *view) room(size int) []byte {
	n := len(v.raw) + size
	if n > cap(v.raw) {
		const least = 256 << 10
		v.raw = append(make([]byte, 0, max(n, min(4*cap(v.raw), maxChain), least)), v.raw...)
	}
	return v.raw[:n]
}

// add decompresses the next text of the chain.
func (v *view) add(id uint64, e *element) error {
	if len(v.raw)+e.size > maxChain {
		return errors.New("its chain is longer than it may be")
	}
	v.in.Reset()
	v.in.Write(e.data)
	if len(v.ids) == 0 {
		if err := v.dec.Reset(endless{&v.in}); err != nil {
			return err
		}
	}
	n := len(v.raw)
	raw := v.room(e.size)
	if _, err := io.ReadFull(v.dec, raw[n:]); err != nil {
		v.clear() // the decoder cannot go on
		return err
	}
	v.raw, v.ids, v.ends = raw, append(v.ids, id), append(v.ends, len(raw))
	return nil
}
