package main

import (
	"fmt"
	"iter"
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
	// Slack is the daemon's, in nanoseconds.
	Slack   timerSlack `json:"timer_slack_ns,omitempty"`
	Mix     string     `json:"mix,omitempty"`   // what the mix is made of
	Notes   []string   `json:"notes,omitempty"` // what was not measured, and why
	Cells   []*cell    `json:"cells"`
	Large   []large    `json:"large,omitempty"`
	Flood   []flood    `json:"flood,omitempty"`
	Storage []stored   `json:"storage,omitempty"`
	Growth  []grown    `json:"growth,omitempty"`
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
	// MemoryMiB is the memory of the machine.
	MemoryMiB uint64 `json:"memory_mib,omitempty"`
	// Kernel is the version of Linux.
	Kernel string `json:"kernel,omitempty"`
	// Versions of the programs.
	Versions map[string]string `json:"versions,omitempty"`
}

// subject is what a figure is about. The size of the mix is mixSize.
type subject struct {
	Path        string `json:"path"`
	SizeKB      int    `json:"size_kb"`
	Connections int    `json:"connections"`
	Server      string `json:"server"`
}

func (s subject) String() string {
	return fmt.Sprintf("%s, %s, %d connections, %s", s.Path, sizeName(s.SizeKB), s.Connections, s.Server)
}

// own tells whether it is a figure of Daybook's.
func (s subject) own() bool {
	return s.Server == nameDaybook || s.Server == nameDaybookTCP || s.Server == nameDaybookBDAT
}

// cell is one subject in all rounds.
type cell struct {
	subject
	Rounds []figures `json:"rounds"`
}

// figures are what one round gave. Those of a process are 0 where there is none.
type figures struct {
	Messages  int     `json:"messages"`
	Rate      float64 `json:"messages_per_second"`
	Megabytes float64 `json:"mb_per_second"` // 10^6 bytes of message, before dot-stuffing
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	CPU       float64 `json:"cpu_us_per_message"`
	Written   float64 `json:"written_per_byte"`
	// Stored is what the server's files took when it had stopped, for each byte of
	// message, and Amplification what was written for each byte of that.
	Stored        float64 `json:"stored_per_byte,omitempty"`
	Amplification float64 `json:"amplification,omitempty"`
	PeakMiB       float64 `json:"peak_mib"`
	// Delivered is the rate up to the moment when Postfix had passed all on.
	Delivered float64 `json:"delivered_per_second,omitempty"`
	Failed    int     `json:"failed,omitempty"`
	Problem   string  `json:"problem,omitempty"`
}

// none tells that there is nothing but the problem that stood in the way.
func (f *figures) none() bool { return f.Rate == 0 && f.Problem != "" }

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

// settle stops a server that was sent so many bytes in all, and sees what it wrote
// and what it keeps. What a process writes while it stops counts.
func (f *figures) settle(s *server, bytes float64, last usage) error {
	if err := s.stop(); err != nil {
		return err
	}
	written := max(last.written, s.process.written)
	f.Written = ratio(written, bytes)
	if s.data == "" {
		return nil
	}
	kept, err := extentOf(s.data)
	f.Stored = ratio(float64(kept.Bytes), bytes)
	f.Amplification = ratio(written, float64(kept.Bytes))
	return err
}

// over gives one figure of all rounds that have it.
func (c *cell) over(figure func(*figures) float64) []float64 {
	var values []float64
	for i := range c.Rounds {
		if f := &c.Rounds[i]; !f.none() {
			values = append(values, figure(f))
		}
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
	if s.Server == ceiling(s.Path) {
		return nil
	}
	s.Server = ceiling(s.Path)
	return m.find(s)
}

// more is by how much a figure is higher than that of the ceiling, round by round.
func (m *measurement) more(c *cell, figure func(*figures) float64) []float64 {
	if c == nil {
		return nil
	}
	top := m.ceilingOf(c.subject)
	if top == nil {
		return nil
	}
	var differences []float64
	for x, y := range inBoth(c, top) {
		differences = append(differences, figure(x)-figure(y))
	}
	return differences
}

// share is how much of the ceiling's rate a cell reached, round by round: what
// is compared ran one after the other. Here and below, the cell may be missing.
func (m *measurement) share(c *cell) []float64 {
	if c == nil {
		return nil
	}
	return byRound(c, m.ceilingOf(c.subject), func(f *figures) float64 { return f.Rate })
}

// multiple is how many times the rate of another server of its group Daybook
// reached, round by round.
func (m *measurement) multiple(c *cell, server string) []float64 {
	if c == nil || !c.own() {
		return nil
	}
	s := c.subject
	s.Server = server
	return byRound(c, m.find(s), func(f *figures) float64 { return f.Rate })
}

// byRound divides a figure of one cell by that of another, round by round.
func byRound(a, b *cell, figure func(*figures) float64) []float64 {
	if a == nil || b == nil {
		return nil
	}
	var ratios []float64
	for x, y := range inBoth(a, b) {
		ratios = append(ratios, ratio(figure(x), figure(y)))
	}
	return ratios
}

// inBoth gives the figures of the rounds that two cells have both.
func inBoth(a, b *cell) iter.Seq2[*figures, *figures] {
	return func(yield func(x, y *figures) bool) {
		for i := range min(len(a.Rounds), len(b.Rounds)) {
			x, y := &a.Rounds[i], &b.Rounds[i]
			if !x.none() && !y.none() && !yield(x, y) {
				return
			}
		}
	}
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
	for _, l := range m.Flood {
		n += l.Failed
	}
	return n
}

// unmeasured counts the figures that could not be measured.
func (m *measurement) unmeasured() int {
	n := 0
	for _, c := range m.Cells {
		n += len(c.Rounds) - len(c.over(rateOf))
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
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		if kb, err := parseField(info, "MemTotal"); err == nil {
			m.MemoryMiB = kb >> 10
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
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
