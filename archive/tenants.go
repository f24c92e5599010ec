package archive

import (
	"encoding/binary"
	"errors"
	"math"

	"daybook/archive/ledger"

	"github.com/cockroachdb/pebble/v2"
)

// TenantTotals count what has come in for a tenant, from the beginning on; only
// StoredBytes becomes less when contents are given up.
type TenantTotals struct {
	// Entries is the number of receipts, and Messages that of different mails.
	Entries, Messages uint64
	// Resends, ExactCopies, ContentCopies and MessageIDCopies are the entries that were
	// joined, by [Reason].
	Resends, ExactCopies, ContentCopies, MessageIDCopies uint64
	// ReceivedBytes is the size of all entries' messages, and StoredBytes that of the
	// records that were written to the ledger for them.
	ReceivedBytes, StoredBytes uint64
	// Collisions is the number of messages with the Message-ID of an earlier one and
	// another content.
	Collisions uint64
}

// TenantStats are the totals of one tenant.
type TenantStats struct {
	Tenant string
	TenantTotals
}

// Joined is the number of entries that were joined for a reason.
func (t *TenantTotals) Joined(why Reason) uint64 {
	if n := t.joined(why); n != nil {
		return *n
	}
	return 0
}

func (t *TenantTotals) joined(why Reason) *uint64 {
	switch why {
	case ReasonResend:
		return &t.Resends
	case ReasonExact:
		return &t.ExactCopies
	case ReasonContent:
		return &t.ContentCopies
	case ReasonMessageID:
		return &t.MessageIDCopies
	}
	return nil
}

// add counts one entry, whose record takes so many bytes.
func (t *TenantTotals) add(e *Entry, j joined, stored uint64) {
	t.Entries++
	t.ReceivedBytes += uint64(e.Size)
	t.StoredBytes += stored
	if n := t.joined(j.reason); n != nil {
		*n++
		return
	}
	t.Messages++
	if j.collides != 0 {
		t.Collisions++
	}
}

// plus adds the totals of another tenant.
func (t *TenantTotals) plus(o TenantTotals) {
	to, from := t.fields(), o.fields()
	for i := range to {
		*to[i] += *from[i]
	}
}

// fields are the totals in the order in which the catalog has them.
func (t *TenantTotals) fields() [9]*uint64 {
	return [...]*uint64{
		&t.Entries, &t.Messages, &t.Resends, &t.ExactCopies, &t.ContentCopies, &t.MessageIDCopies,
		&t.ReceivedBytes, &t.StoredBytes, &t.Collisions,
	}
}

// encode writes the totals down for the catalog, as varints.
func (t TenantTotals) encode() []byte {
	var b []byte
	for _, v := range t.fields() {
		b = binary.AppendUvarint(b, *v)
	}
	return b
}

func decodeTenant(b []byte) (t TenantTotals, err error) {
	c := &fields{b: b}
	for _, v := range t.fields() {
		*v = c.uvarint(math.MaxUint64)
	}
	if c.bad || len(c.b) > 0 {
		return TenantTotals{}, errors.New("the totals of a tenant are damaged")
	}
	return t, nil
}

// length is what a record takes in the ledger, in bytes.
func length(r *ledger.Record) uint64 { return uint64(r.At.End().Offset - r.At.Offset) }

// count counts an entry among its tenant's.
func (k *catalog) count(r *ledger.Record, e *Entry, j joined, s *state) {
	t := k.tenant(e.Tenant, s)
	t.add(e, j, length(r))
	if j.reason == "" {
		s.messages++
	}
	k.pass.tenants[e.Tenant] = t
}

// tenant gives a tenant's totals as the records so far have left them. The catalog is
// asked once for each tenant; trouble with it is noted, and capture goes on.
func (k *catalog) tenant(name string, s *state) TenantTotals {
	if t, ok := k.pass.tenants[name]; ok {
		return t
	}
	if t, ok := k.tenants[name]; ok {
		return t
	}
	t, err := tenantIn(k.reader(), name)
	if err != nil {
		s.doubts++
	}
	return t
}

// tenantIn gives a tenant's totals; none when there is no such tenant.
func tenantIn(from pebble.Reader, name string) (TenantTotals, error) {
	v, closer, err := from.Get(tenantKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return TenantTotals{}, nil
	}
	if err != nil {
		return TenantTotals{}, err
	}
	defer closer.Close()
	return decodeTenant(v)
}

// writeTenants writes the totals that have changed.
func (p *pass) writeTenants(b *pebble.Batch) error {
	for name, t := range p.tenants {
		if err := b.Set(tenantKey(name), t.encode(), nil); err != nil {
			return err
		}
	}
	return nil
}

// readTenants gives the totals of all tenants, in the order of their names.
func readTenants(from pebble.Reader) ([]TenantStats, error) {
	prefix := []byte{keyTenant}
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: prefixEnd(prefix)})
	if err != nil {
		return nil, catalogError(err)
	}
	var list []TenantStats
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var t TenantTotals
		t, err = decodeTenant(it.Value())
		list = append(list, TenantStats{string(it.Key()[1:]), t})
	}
	if err := errors.Join(err, it.Error(), it.Close()); err != nil {
		return list, catalogError(err)
	}
	return list, nil
}
