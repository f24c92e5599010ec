package archive

import (
	"math"
	"time"

	"daybook/archive/ledger"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are figures about the archive as it stands.
type Stats struct {
	// Entries and Events are the numbers of each; Last is the highest number
	// given, 0 for none.
	Entries, Events, Last uint64
	// ReceivedBytes is the size of all entries' messages; LedgerBytes and
	// CatalogBytes are what ledger and catalog take on disk.
	ReceivedBytes, LedgerBytes, CatalogBytes uint64
	Segments                                 int
	// Messages is the number of different mails, and Tenants the totals of each tenant,
	// in the order of their names.
	Messages uint64
	Tenants  []TenantStats
	// Doubts is how often something could not be read, of the catalog or of earlier
	// entries, while the catalog was brought up to date. Copies may then stand as
	// messages of their own; when the archive is opened next the catalog is made anew.
	Doubts uint64
	// Waiting is the number of entries in quarantine that nobody has looked at.
	Waiting uint64
	// FreeBytes is the free space of the disk.
	FreeBytes uint64
	// Refused tells why Append would refuse now; nil when it would not.
	Refused error
}

// Stats gives the figures. Those of an archive that was closed are zero, and Refused is
// [ErrClosed].
func (a *Archive) Stats() Stats {
	done, err := a.use()
	if err != nil {
		return Stats{Refused: err}
	}
	defer done()
	s := a.figures()
	s.Tenants, _ = readTenants(a.catalog.reader()) // of a damaged catalog, those that can be read
	return s
}

// figures are those without the tenants. The caller keeps the archive in use.
func (a *Archive) figures() Stats {
	s := Stats{FreeBytes: a.space.available(), Refused: a.space.check()}
	segments, bytes := a.ledger.Size()
	s.Segments, s.LedgerBytes = segments, uint64(bytes)
	s.Last = a.ledger.Mark().Seq - 1
	if st, err := readState(a.catalog.reader()); err == nil {
		s.Entries, s.Messages, s.Events, s.ReceivedBytes, s.Doubts = st.entries, st.messages, st.events, st.received, st.doubts
	}
	s.Waiting, _ = a.catalog.waiting() // of a damaged catalog, those that can be read
	s.CatalogBytes = a.catalog.db.Metrics().DiskSpaceUsage()
	return s
}

// metrics count the commits.
type metrics struct {
	groups  prometheus.Counter
	records prometheus.Counter
	size    prometheus.Histogram
	last    prometheus.Gauge
}

func newMetrics() *metrics {
	return &metrics{
		groups: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "daybook_ledger_commits_total", Help: "Groups of records written and synced at once."}),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "daybook_ledger_records_total", Help: "Records written to the ledger."}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "daybook_ledger_commit_records", Help: "Records in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 12)}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "daybook_ledger_last_commit_timestamp_seconds", Help: "When the last commit was synced, in seconds since 1970."}),
	}
}

// group counts one commit.
func (m *metrics) group(records []ledger.Record) {
	m.groups.Inc()
	m.records.Add(float64(len(records)))
	m.size.Observe(float64(len(records)))
	m.last.Set(float64(time.Now().UnixMilli()) / 1000)
}

// Collectors gives the archive's metrics, to be registered once.
func (a *Archive) Collectors() []prometheus.Collector {
	gauge := func(name, help string, value func(Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 {
				done, err := a.use()
				if err != nil {
					return math.NaN() // nothing is known, which is not nothing
				}
				defer done()
				return value(a.figures())
			})
	}
	return []prometheus.Collector{
		a.metrics.groups, a.metrics.records, a.metrics.size, a.metrics.last, newTenantCollector(a),
		gauge("daybook_archive_entries", "Entries in the archive.", func(s Stats) float64 { return float64(s.Entries) }),
		gauge("daybook_archive_messages", "Messages in the archive: entries that are the same mail are one.", func(s Stats) float64 { return float64(s.Messages) }),
		gauge("daybook_archive_catalog_doubts", "How often something could not be read while the catalog was brought up to date; above 0, copies may stand as messages of their own, and the catalog is made anew when daybook starts again.", func(s Stats) float64 { return float64(s.Doubts) }),
		gauge("daybook_archive_events", "Events in the archive.", func(s Stats) float64 { return float64(s.Events) }),
		gauge("daybook_archive_quarantine_waiting", "Entries in quarantine that nobody has looked at.", func(s Stats) float64 { return float64(s.Waiting) }),
		gauge("daybook_archive_received_bytes", "Size of the messages of all entries.", func(s Stats) float64 { return float64(s.ReceivedBytes) }),
		gauge("daybook_archive_ledger_bytes", "Size of the ledger on disk.", func(s Stats) float64 { return float64(s.LedgerBytes) }),
		gauge("daybook_archive_catalog_bytes", "Size of the catalog on disk.", func(s Stats) float64 { return float64(s.CatalogBytes) }),
		gauge("daybook_archive_free_bytes", "Free space of the archive's disk.", func(s Stats) float64 { return float64(s.FreeBytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "daybook_archive_damage", Help: "Damaged places found when the archive was opened."},
			func() float64 { return float64(len(a.damage)) }),
	}
}
