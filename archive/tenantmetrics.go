package archive

import (
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// maxTenantSeries is how many tenants have metrics of their own, in the order of
// their names. The others are summed up under the empty name, which none has.
const maxTenantSeries = 1000

// tenantCollector gives the totals of tenants as metrics.
type tenantCollector struct {
	archive                              *Archive
	entries, messages, joined, collision *prometheus.Desc
	received, stored                     *prometheus.Desc
}

func newTenantCollector(a *Archive) *tenantCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("daybook_tenant_"+name, help, append([]string{"tenant"}, labels...), nil)
	}
	return &tenantCollector{
		archive:   a,
		entries:   desc("entries", "Entries of a tenant."),
		messages:  desc("messages", "Messages of a tenant: entries that are the same mail are one."),
		joined:    desc("joined", "Entries that were joined to the message of an earlier one.", "reason"),
		collision: desc("collisions", "Messages with the Message-ID of an earlier one and another content."),
		received:  desc("received_bytes", "Size of the messages of a tenant's entries."),
		stored:    desc("stored_bytes", "What the ledger's records of a tenant take."),
	}
}

// Describe gives the metrics' descriptions (prometheus.Collector).
func (c *tenantCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.entries, c.messages, c.joined, c.collision, c.received, c.stored} {
		to <- d
	}
}

// Collect gives the metrics (prometheus.Collector). Of a damaged catalog these are
// the ones that can be read, of an archive that was closed none.
func (c *tenantCollector) Collect(to chan<- prometheus.Metric) {
	done, err := c.archive.use()
	if err != nil {
		return
	}
	defer done()
	list, _ := readTenants(c.archive.catalog.reader())
	for _, t := range series(list) {
		gauge := func(d *prometheus.Desc, value uint64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), append([]string{t.Tenant}, labels...)...)
		}
		gauge(c.entries, t.Entries)
		gauge(c.messages, t.Messages)
		for _, why := range reasons() {
			gauge(c.joined, t.Joined(why), string(why))
		}
		gauge(c.collision, t.Collisions)
		gauge(c.received, t.ReceivedBytes)
		gauge(c.stored, t.StoredBytes)
	}
}

// series sums up the tenants that have no metrics of their own: those beyond the
// limit, and those whose name cannot be a label.
func series(list []TenantStats) []TenantStats {
	var own []TenantStats
	rest, some := TenantStats{}, false
	for _, t := range list {
		if len(own) == maxTenantSeries || !utf8.ValidString(t.Tenant) {
			rest.plus(t.TenantTotals)
			some = true
			continue
		}
		own = append(own, t)
	}
	if some {
		own = append(own, rest)
	}
	return own
}
