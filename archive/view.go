package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

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

	mu   sync.Mutex
	list []*view // the one that was used last comes first
}

// view is a chain, decompressed from its beginning up to some text.
type view struct {
	start uint64

	mu   sync.Mutex
	dec  *zstd.Decoder
	in   bytes.Buffer
	ids  []uint64 // entries whose texts are in raw
	ends []int    // where they end in it
	raw  []byte
}

// get gives the view of a chain.
func (v *views) get(start uint64) (*view, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.list, func(w *view) bool { return w.start == start })
	if i < 0 {
		w := &view{start: start}
		var err error
		if w.dec, err = newChainDecoder(v.dictionaries); err != nil {
			return nil, err
		}
		v.list = append(v.list[:min(len(v.list), maxViews-1)], w)
		i = len(v.list) - 1
	}
	w := v.list[i]
	copy(v.list[1:i+1], v.list[:i])
	v.list[0] = w
	return w, nil
}

// text gives an entry's text. It is not to be changed.
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
	v.mu.Lock()
	defer v.mu.Unlock()
	if i, found := slices.BinarySearch(v.ids, id); found {
		return v.at(i), nil
	}
	if err := a.extend(ctx, v, id); err != nil {
		return nil, err
	}
	if n := len(v.ids); n > 0 && v.ids[n-1] == id {
		return v.at(n - 1), nil
	}
	return nil, &Damage{Entry: id, Reason: "its text does not stand in the chain that it belongs to"}
}

// at gives text i of a view.
func (v *view) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = v.ends[i-1]
	}
	return v.raw[begin:v.ends[i]:v.ends[i]]
}

// extend reads a chain on, up to an entry.
func (a *Archive) extend(ctx context.Context, v *view, id uint64) error {
	from := a.catalog.reader()
	after := v.start - 1
	if n := len(v.ids); n > 0 {
		after = v.ids[n-1]
	}
	if id-v.start > maxReach {
		return &Damage{Entry: id, Reason: "its text is too far from where its chain begins"}
	}
	var broken, failed error // broken: why an entry that may be of the chain cannot be read
	low, high := seqKey(keyEntry, after+1), prefixEnd(seqKey(keyEntry, id))
	err := walk(ctx, from, low, high, false, func(it *pebble.Iterator) bool {
		n := keySeq(it.Key())
		e, err := a.elementIn(it.Value(), n)
		switch d := (*Damage)(nil); {
		case errors.As(err, &d):
			broken = err
		case err != nil:
			failed = err
		case e.is(v.start) && e.index != len(v.ids):
			failed = missing(id, broken)
		case e.is(v.start):
			if err := v.add(n, &e); err != nil {
				failed = &Damage{Entry: id, Reason: fmt.Sprintf("its text is compressed with that of entry %d, which is damaged: %v", n, err)}
			}
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// missing is the damage of an entry whose text was compressed with one that is gone.
func missing(id uint64, why error) error {
	reason := "its text is compressed with that of an entry which is lost"
	if why != nil {
		reason = fmt.Sprintf("its text is compressed with that of an entry which is damaged (%v)", why)
	}
	return &Damage{Entry: id, Reason: reason}
}

// element gives the text of an entry as it is stored.
func (a *Archive) element(id uint64) (element, error) {
	v, closer, err := a.catalog.reader().Get(seqKey(keyEntry, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return element{}, ErrNotFound
	}
	if err != nil {
		return element{}, catalogError(err)
	}
	defer closer.Close()
	return a.elementIn(v, id)
}

// elementIn is element with what the catalog has of the entry.
func (a *Archive) elementIn(value []byte, id uint64) (element, error) {
	at, _, ok := decodeLocation(value)
	if !ok {
		return element{}, catalogError(errLocation)
	}
	r, err := a.record(at, typeEntry, id)
	if err != nil {
		return element{}, err
	}
	e, err := textOf(r.Body, id)
	if err != nil {
		return element{}, damaged(id, at, err.Error())
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
		v.ids, v.ends, v.raw = nil, nil, nil // the decoder cannot go on
		return err
	}
	v.raw, v.ids, v.ends = raw, append(v.ids, id), append(v.ends, len(raw))
	return nil
}
