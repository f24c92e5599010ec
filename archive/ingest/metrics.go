package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of all sources.
type metrics struct {
	messages  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

func newMetrics() *metrics {
	return &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_messages_total", Help: "Messages that came in, by source and by what became of them."}, []string{"source", "outcome"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_decisions_total", Help: "Decisions about messages, one a tenant, by source, tenant, action and what decided."},
			[]string{"source", "tenant", "action", "rule"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_refusals_total", Help: "Peers and recipients that were not taken, by listener and reason: network, recipient, tls, login or suspended."},
			[]string{"listener", "reason"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_received_bytes_total", Help: "Size of the messages taken, by source."}, []string{"source"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "daybook_message_seconds", Help: "Time from the first byte of a message to its reply, by source.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18)}, []string{"source"}),
	}
}

func (m *metrics) message(source string, o outcome, size int64, took time.Duration) {
	m.messages.WithLabelValues(source, string(o)).Inc()
	if o.kept() {
		m.bytes.WithLabelValues(source).Add(float64(size))
		m.seconds.WithLabelValues(source).Observe(took.Seconds())
	}
}

func (m *metrics) decided(source string, records []record) {
	for i := range records {
		r := &records[i]
		m.decisions.WithLabelValues(source, r.Tenant, string(r.Action), r.Rule).Inc()
	}
}

// Collectors gives the metrics, to be registered once.
func (i *Ingest) Collectors() []prometheus.Collector {
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "daybook_messages_in_flight", Help: "Messages that are coming in now."},
		func() float64 {
			n := 0
			for _, s := range i.Status() {
				n += s.InFlight
			}
			return float64(n)
		})
	value := func(f func(InFlight) float64) func() float64 { return func() float64 { return f(i.InFlight()) } }
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "daybook_in_flight_bytes", Help: "What messages that are coming in have taken of max_in_flight."},
			value(func(f InFlight) float64 { return float64(f.Bytes) })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "daybook_in_flight_limit_bytes", Help: "max_in_flight: what all messages that are coming in may take of memory and spool."},
			value(func(f InFlight) float64 { return float64(f.Limit) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "daybook_in_flight_waits_total", Help: "How often a message had to wait for room in max_in_flight."},
			value(func(f InFlight) float64 { return float64(f.Waits) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "daybook_in_flight_refusals_total", Help: "Messages that were told to come again for want of room in max_in_flight."},
			value(func(f InFlight) float64 { return float64(f.Refused) })),
		i.metrics.messages, i.metrics.decisions, i.metrics.refusals, i.metrics.bytes, i.metrics.seconds, inFlight, states{i},
	}
}

// states collects how the sources fare when it is asked (prometheus.Collector): a
// source that no policy has any more is not there either.
type states struct{ ingest *Ingest }

func (s states) desc() *prometheus.Desc {
	return prometheus.NewDesc("daybook_source_up",
		"1 for a source that runs or awaits its first message, 0 for one that is down, suspended or in error, by source and state.",
		[]string{"source", "state"}, nil)
}

// Describe gives the metric's description.
func (s states) Describe(to chan<- *prometheus.Desc) { to <- s.desc() }

// Collect gives one value for each source.
func (s states) Collect(to chan<- prometheus.Metric) {
	for _, st := range s.ingest.Status() {
		up := 0.0
		if st.State == StateRunning || st.State == StateAwaiting {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(s.desc(), prometheus.GaugeValue, up, st.Name, string(st.State))
	}
}
