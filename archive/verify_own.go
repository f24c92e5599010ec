package archive

import (
	"encoding/binary"
	"fmt"

	"daybook/archive/ledger"
)

// dictionary checks that a dictionary can be used.
func (v *verifier) dictionary(r ledger.Record) {
	if v.end.Before(r.At.End()) {
		return
	}
	own, err := decodeOwn(r.Body)
	if err == nil {
		_, err = own.open(v.a.codec.facts.own.dec)
	}
	if err != nil {
		v.damage(*damaged(0, r.At, err.Error()))
		return
	}
	v.copies[string(ownCopyKey(own.id, own.copy))] = r.At
}

// dictionaries compares where the catalog has the copies of dictionaries with where
// they are, and names those that are lost.
func (v *verifier) dictionaries(have *tally) {
	for key, at := range have.copies {
		id := binary.BigEndian.Uint32([]byte(key[1:]))
		there, ok := v.copies[key]
		switch {
		case !ok:
			tenant := "a tenant"
			if r, err := ownIn(v.from, id); err == nil {
				tenant = r.tenant
			}
			v.damage(*damaged(0, at, fmt.Sprintf("copy %d of dictionary %d of %s, with which facts of entries are compressed, is lost", key[5]+1, id, tenant)))
		case there != at:
			v.damage(*damaged(0, there, fmt.Sprintf("the catalog has another place for a copy of dictionary %d; run `daybook rebuild`", id)))
		}
	}
	for key, at := range v.copies {
		if _, ok := have.copies[key]; !ok {
			v.damage(*damaged(0, at, "the catalog does not know this copy of a dictionary; run `daybook rebuild`"))
		}
	}
}
