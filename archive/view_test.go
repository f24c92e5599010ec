package archive

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Many read texts of more chains than are kept decompressed, at the same time, while
// others give up their reading halfway.
func TestManyReadManyChains(t *testing.T) {
	a := open(t, "data", Options{FS: vfs.NewMem()})
	r := rand.New(rand.NewPCG(9, 1))
	mails := map[uint64][]byte{}
	for n := range 40 * maxLanes {
		m := letter(n, r)
		one := receipt(m, "a@b", "c@d")
		one.Tenant = fmt.Sprintf("tenant%d", n%maxLanes)
		mails[appendOne(t, a, one).ID] = m
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(g)))
			for range 60 {
				id := 1 + r.Uint64N(uint64(len(mails)))
				if g%4 == 0 {
					_ = a.WriteTo(ended, id, &bytes.Buffer{}) // fails, as a rule
				}
				var b bytes.Buffer
				if err := a.WriteTo(t.Context(), id, &b); err != nil || !bytes.Equal(b.Bytes(), mails[id]) {
					t.Errorf("entry %d: %d bytes, %v", id, b.Len(), err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(a.views.list); n != maxViews {
		t.Errorf("%d views are kept", n)
	}
	for _, v := range append(a.views.list, a.views.spare) {
		if v != nil && v.users != 0 {
			t.Errorf("the view of chain %d is in use", v.start)
		}
	}
}

// A text that was read stays as it is when the room for it is used again.
func TestTextsOfAViewStay(t *testing.T) {
	a := open(t, "data", Options{FS: vfs.NewMem()})
	r := rand.New(rand.NewPCG(10, 1))
	texts := map[uint64][]byte{}
	read := func(id uint64) []byte {
		e, err := a.element(id)
		if err != nil {
			t.Fatal(err)
		}
		text, err := a.text(t.Context(), id, &e)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for n := range 3 * maxLanes {
		one := receipt(letter(n, r), "a@b", "c@d")
		one.Tenant = fmt.Sprintf("tenant%d", n%maxLanes)
		id := appendOne(t, a, one).ID
		texts[id] = read(id)
	}
	for id, text := range texts {
		if !bytes.Equal(read(id), text) {
			t.Errorf("the text of entry %d has changed", id)
		}
	}
}
