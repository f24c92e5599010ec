package ingest

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// outcome is what became of a message; it is the message of its log line and a
// label of its metric.
type outcome string

const (
	archived   outcome = "archived"
	tempfailed outcome = "tempfailed"
	refused    outcome = "refused"     // larger than the advertised SIZE
	passed     outcome = "let through" // without being archived
	aborted    outcome = "aborted"     // by the peer, before its end
)

// SourceStatus tells how a source fares.
type SourceStatus struct {
	Source
	// Last is when the last message was archived; zero when none was.
	Last time.Time
	// Counts are the messages since the start, by outcome: "archived",
	// "tempfailed", "refused", "let through", "aborted".
	Counts map[string]uint64
	// Bytes are those of the archived messages.
	Bytes uint64
	// InFlight is the number of messages that are coming in now.
	InFlight int
	// LastError is the last trouble with a message, and LastErrorAt when it was.
	LastError   string
	LastErrorAt time.Time
}

// tally counts the messages of a source.
type tally struct {
	mu       sync.Mutex
	counts   map[outcome]uint64
	bytes    uint64
	inFlight int
	last     time.Time
	err      error
	errAt    time.Time
}

func (t *tally) begin() { t.move(1) }
func (t *tally) end()   { t.move(-1) }

func (t *tally) move(by int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight += by
}

func (t *tally) count(o outcome, size int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[outcome]uint64{}
	}
	t.counts[o]++
	if o == archived {
		t.last = time.Now()
		t.bytes += uint64(size)
	}
	if err != nil {
		t.err, t.errAt = err, time.Now()
	}
}

func (t *tally) status(s Source) SourceStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := SourceStatus{
		Source: s, Last: t.last, Bytes: t.bytes, InFlight: t.inFlight, Counts: map[string]uint64{}, LastErrorAt: t.errAt,
	}
	for o, n := range t.counts {
		st.Counts[string(o)] = n
	}
	if t.err != nil {
		st.LastError = t.err.Error()
	}
	return st
}

// Status tells how every source fares, in the order in which they were made.
func (i *Ingest) Status() []SourceStatus {
	i.mu.Lock()
	defer i.mu.Unlock()
	var list []SourceStatus
	for _, s := range i.sources {
		list = append(list, s.status(s.Source))
	}
	return list
}

// metrics are those of all sources.
type metrics struct {
	messages *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	return &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_messages_total", Help: "Messages that came in, by source and by what became of them."}, []string{"source", "outcome"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "daybook_received_bytes_total", Help: "Size of the messages archived, by source."}, []string{"source"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "daybook_message_seconds", Help: "Time from the first byte of a message to its reply, by source.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18)}, []string{"source"}),
	}
}

func (m *metrics) message(source string, o outcome, size int64, took time.Duration) {
	m.messages.WithLabelValues(source, string(o)).Inc()
	if o == archived {
		m.bytes.WithLabelValues(source).Add(float64(size))
		m.seconds.WithLabelValues(source).Observe(took.Seconds())
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
	return []prometheus.Collector{i.metrics.messages, i.metrics.bytes, i.metrics.seconds, inFlight}
}
