package main

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// measurement is a whole run, as it is written with --json.
type measurement struct {
	When     time.Time `json:"when"`
	Machine  machine   `json:"machine"`
	Settings settings  `json:"settings"`
	Cells    []*cell   `json:"cells"`
	Large    []large   `json:"large,omitempty"`
	Storage  []stored  `json:"storage,omitempty"`
}

// machine is the kind of machine that it ran on.
type machine struct {
	CPUs   int    `json:"cpus"`
	Model  string `json:"model,omitempty"`
	Go     string `json:"go"`
	System string `json:"system"`
	// SyncMillis is the median time to write 4 KB to a file and sync it, alone.
	SyncMillis float64 `json:"sync_ms"`
	// Others is the part of the processors that other programs used meanwhile.
	Others float64 `json:"others"`
}

// subject is what a figure is about.
type subject struct {
	Path        string `json:"path"`
	SizeKB      int    `json:"size_kb"`
	Connections int    `json:"connections"`
	Server      string `json:"server"`
}

// cell is one subject in all rounds.
type cell struct {
	subject
	Rounds []figures `json:"rounds"`
}

// figures are what one round gave. Those of a process are 0 where it is not
// known: for the milter that runs in this one.
type figures struct {
	Messages  int     `json:"messages"`
	Rate      float64 `json:"messages_per_second"`
	Megabytes float64 `json:"mb_per_second"` // 10^6 bytes of message, before dot-stuffing
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	CPU       float64 `json:"cpu_us_per_message"`
	Written   float64 `json:"written_per_byte"`
	PeakMiB   float64 `json:"peak_mib"`
	Failed    int     `json:"failed,omitempty"`
	Problem   string  `json:"problem,omitempty"`
}

// large is one round of large messages all at once.
type large struct {
	Connections int `json:"connections"`
	SizeMB      int `json:"size_mb"`
	figures
}

// newFigures makes figures of a load that took so many bytes, and of what the
// process had used before and after it.
func newFigures(o *outcome, bytes float64, before, after usage) figures {
	n := float64(len(o.waits))
	return figures{
		Messages:  len(o.waits),
		Rate:      ratio(n, o.seconds),
		Megabytes: ratio(bytes/1e6, o.seconds),
		P50:       quantile(o.waits, 0.5),
		P99:       quantile(o.waits, 0.99),
		CPU:       ratio((after.cpu-before.cpu)*1e6, n),
		Written:   ratio(after.written-before.written, bytes),
		PeakMiB:   float64(after.peak) / (1 << 20),
		Failed:    o.failed,
		Problem:   o.problem,
	}
}

// over gives one figure of all rounds.
func (c *cell) over(figure func(*figures) float64) []float64 {
	values := make([]float64, len(c.Rounds))
	for i := range c.Rounds {
		values[i] = figure(&c.Rounds[i])
	}
	return values
}

// find gives the cell of a subject, nil when it was not measured.
func (m *measurement) find(s subject) *cell {
	for _, c := range m.Cells {
		if c.subject == s {
			return c
		}
	}
	return nil
}

// add keeps the figures of one more round.
func (m *measurement) add(s subject, f figures) {
	c := m.find(s)
	if c == nil {
		c = &cell{subject: s}
		m.Cells = append(m.Cells, c)
	}
	c.Rounds = append(c.Rounds, f)
}

// ceilingOf gives the cell that another is to be held against, nil when it is
// one itself.
func (m *measurement) ceilingOf(s subject) *cell {
	if s.Server != nameDaybook {
		return nil
	}
	s.Server = ceiling(s.Path)
	return m.find(s)
}

// share is how much of the ceiling's rate a cell reached, round by round: what
// is compared ran one after the other.
func (m *measurement) share(c *cell) []float64 {
	top := m.ceilingOf(c.subject)
	if top == nil {
		return nil
	}
	var shares []float64
	for i := range min(len(c.Rounds), len(top.Rounds)) {
		shares = append(shares, ratio(c.Rounds[i].Rate, top.Rounds[i].Rate))
	}
	return shares
}

// failures counts the connections that broke off.
func (m *measurement) failures() int {
	n := 0
	for _, c := range m.Cells {
		for _, f := range c.Rounds {
			n += f.Failed
		}
	}
	for _, l := range m.Large {
		n += l.Failed
	}
	return n
}

// describeMachine tells what a run depends on, without naming the machine.
func describeMachine(work string) (machine, error) {
	m := machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Model = strings.TrimSpace(value)
				break
			}
		}
	}
	var err error
	m.SyncMillis, err = syncTime(work)
	return m, err
}

// syncTime measures a small write with its sync: what one message alone cannot
// be faster than.
func syncTime(dir string) (millis float64, err error) {
	f, err := os.CreateTemp(dir, "sync-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	const times = 51
	block := make([]byte, 4<<10)
	var took []float64
	for range times {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(began))/float64(time.Millisecond))
	}
	return spreadOf(took).median, nil
}

// differing counts the messages that came back as others than they were sent.
func (m *measurement) differing() int {
	n := 0
	for _, s := range m.Storage {
		n += s.Missing + s.Foreign
	}
	return n
}
