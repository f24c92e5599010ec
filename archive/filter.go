package archive

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

const (
	// filterBits is how many bits of a filter a key takes. With 6, one of sixteen keys or
	// so that are not in a table seems to be in it.
	filterBits = 6
	// mostFilters is how large the filters of the last level may become and still be
	// asked: they must stay in the cache of the catalog's store, for to read one from the
	// disk takes longer than to look up the key.
	mostFilters = 10 << 20
)

// storeFilter has the tables of the catalog's store filter what is looked up for each
// mail that comes in, and as a rule is not there: the keys of rosters and contents. All
// other keys are there when they are looked up, or are not looked up one by one: a
// filter of them would be asked in vain.
type storeFilter struct{ bloom.FilterPolicy }

// Name is found in the tables that have such a filter. One of another name is not asked.
func (storeFilter) Name() string { return "daybook.rosters-and-contents" }

// filtered tells whether a key is in the filters of the tables that it is in.
func filtered(key []byte) bool {
	return len(key) > 0 && (key[0] == keyJoin || key[0] == keyContent)
}

// MayContain is that of pebble.FilterPolicy.
func (f storeFilter) MayContain(kind pebble.FilterType, filter, key []byte) bool {
	return !filtered(key) || f.FilterPolicy.MayContain(kind, filter, key)
}

// NewWriter is that of pebble.FilterPolicy.
func (f storeFilter) NewWriter(kind pebble.FilterType) pebble.FilterWriter {
	return storeFilterWriter{f.FilterPolicy.NewWriter(kind)}
}

type storeFilterWriter struct{ pebble.FilterWriter }

// AddKey is that of pebble.FilterWriter.
func (w storeFilterWriter) AddKey(key []byte) {
	if filtered(key) {
		w.FilterWriter.AddKey(key)
	}
}
