package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"

	"daybook/archive"
)

func newTenants(list []archive.TenantStats) []tenantStatus {
	out := make([]tenantStatus, 0, len(list))
	for i := range list {
		t := &list[i]
		out = append(out, tenantStatus{
			Tenant: valid(t.Tenant), Entries: t.Entries, Messages: t.Messages, Collisions: t.Collisions,
			Joined:        joins{Resend: t.Resends, Exact: t.ExactCopies, Content: t.ContentCopies, MessageID: t.MessageIDCopies},
			ReceivedBytes: t.ReceivedBytes, StoredBytes: t.StoredBytes,
		})
	}
	return out
}

// all is the number of entries that were joined.
func (j *joins) all() uint64 { return j.Resend + j.Exact + j.Content + j.MessageID }

// sumTenants adds up what came in for all tenants.
func sumTenants(list []tenantStatus) (sum tenantStatus) {
	for i := range list {
		t := &list[i]
		sum.Joined.Resend += t.Joined.Resend
		sum.Joined.Exact += t.Joined.Exact
		sum.Joined.Content += t.Joined.Content
		sum.Joined.MessageID += t.Joined.MessageID
		sum.Collisions += t.Collisions
		sum.ReceivedBytes += t.ReceivedBytes
		sum.StoredBytes += t.StoredBytes
	}
	return sum
}

// joinedLine says how many entries were joined, and why.
func joinedLine(t *tenantStatus) string {
	j := &t.Joined
	text := plural(j.all(), "entry", "entries")
	if j.all() > 0 {
		text += fmt.Sprintf(": %d resend, %d exact, %d content, %d message-id", j.Resend, j.Exact, j.Content, j.MessageID)
	}
	if t.Collisions > 0 {
		text += "; " + plural(t.Collisions, "collision", "collisions")
	}
	return text
}

// ratio gives what is stored of what was received; "-" where that is nothing.
func (t *tenantStatus) ratio() string {
	if t.ReceivedBytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(t.StoredBytes)/float64(t.ReceivedBytes))
}

// topTenants is how many tenants the status shows: those that received most.
const topTenants = 10

func printTenants(w io.Writer, list []tenantStatus) error {
	if len(list) == 0 {
		return nil
	}
	top := slices.Clone(list)
	slices.SortStableFunc(top, func(a, b tenantStatus) int { return cmp.Compare(b.ReceivedBytes, a.ReceivedBytes) })
	top = top[:min(len(top), topTenants)]
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	t := newTable(w, "TENANT", ">ENTRIES", ">MESSAGES", ">JOINED", ">RECEIVED", ">STORED", ">RATIO")
	for i := range top {
		s := &top[i]
		if err := t.row(s.Tenant, strconv.FormatUint(s.Entries, 10), strconv.FormatUint(s.Messages, 10), strconv.FormatUint(s.Joined.all(), 10),
			readableSize(s.ReceivedBytes), readableSize(s.StoredBytes), s.ratio()); err != nil {
			return err
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := len(list) - len(top); more > 0 {
		_, err := fmt.Fprintf(w, "and %s: see --json\n", plural(more, "more tenant", "more tenants"))
		return err
	}
	return nil
}
