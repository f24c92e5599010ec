package archive

import (
	"strings"

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

// storeFilter is a filter of the keys of some kinds in the tables of the catalog's
// store. The last level has one of rosters, which are looked up for each mail that comes
// in and as a rule are not there: see pass.seek. All else is looked up by Get of Pebble,
// which asks no filter of the last level, so there it would only take room. A level above
// has one of whatever is looked up by its whole key, for most of that is further down. A
// key that is found by its beginning is never asked for.
type storeFilter struct {
	bloom.FilterPolicy
	// name stands in the tables, and one of another name is not asked. kinds are the first
	// bytes of the keys that are in the filter. With other kinds it must have another name,
	// or keys would be taken for missing that older tables have.
	name, kinds string
}

func lastFilter() storeFilter {
	return storeFilter{bloom.FilterPolicy(filterBits), "daybook.rosters", string([]byte{keyJoin})}
}

func upperFilter() storeFilter {
	return storeFilter{bloom.FilterPolicy(filterBits), "daybook.looked-up", string([]byte{keyJoin, keyContent, keyEntry, keyTime})}
}

// Name is that of pebble.FilterPolicy.
func (f storeFilter) Name() string { return f.name }

// has tells whether a key is in the filters of the tables that it is in.
func (f storeFilter) has(key []byte) bool {
	return len(key) > 0 && strings.IndexByte(f.kinds, key[0]) >= 0
}

// MayContain is that of pebble.FilterPolicy.
func (f storeFilter) MayContain(kind pebble.FilterType, filter, key []byte) bool {
	return !f.has(key) || f.FilterPolicy.MayContain(kind, filter, key)
}

// NewWriter is that of pebble.FilterPolicy.
func (f storeFilter) NewWriter(kind pebble.FilterType) pebble.FilterWriter {
	return storeFilterWriter{f.FilterPolicy.NewWriter(kind), f}
}

type storeFilterWriter struct {
	pebble.FilterWriter
	filter storeFilter
}

// AddKey is that of pebble.FilterWriter.
func (w storeFilterWriter) AddKey(key []byte) {
	if w.filter.has(key) {
		w.FilterWriter.AddKey(key)
	}
}
