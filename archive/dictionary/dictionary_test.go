package dictionary

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Archives were written with these bytes: one that changes can read them no more.
// A better dictionary gets a line of its own.
func TestDictionariesNeverChange(t *testing.T) {
	want := map[uint32]string{
		1: "2bf1ca89d0a7aa99313ae1a62d1476d5311ae9018772b6c9365e48d1fe794840",
		2: "f19680791d460c638f2fb17018d8444148ff939f550b60c2bc5393260f0a75df",
	}
	for _, d := range append(Facts(), Text()...) {
		if got := fmt.Sprintf("%x", sha256.Sum256(d.Bytes)); got != want[d.ID] {
			t.Errorf("dictionary %d has the SHA-256 %s, want %q", d.ID, got, want[d.ID])
		}
		delete(want, d.ID)
		in, err := zstd.InspectDictionary(d.Bytes)
		if err != nil || in.ID() != d.ID || d.ID >= FirstOwn {
			t.Errorf("dictionary %d: %v", d.ID, err)
		}
	}
	for id := range want {
		t.Errorf("dictionary %d is gone", id)
	}
}
