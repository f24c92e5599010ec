package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Bars for the daemon's peak memory, in MiB. They are printed beside it.
const (
	barSizeKB      = 16
	barConnections = 32
	barMemory      = 256
	barLargeMemory = 512
	barRate        = 1500 // messages a second over LMTP with the same load
)

// printReport prints the tables of a run.
func printReport(out io.Writer, m *measurement) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs (%s), %s; a 4 KB write and its sync take %.2f ms; other programs used %.0f %% of the CPUs\n",
		m.Machine.System, m.Machine.CPUs, m.Machine.Model, m.Machine.Go, m.Machine.SyncMillis, 100*m.Machine.Others)
	if len(m.Storage) > 0 {
		printStorage(&b, m)
		_, err := io.WriteString(out, b.String())
		return err
	}
	fmt.Fprintf(&b, "%d rounds of %g s; medians, with the lowest and highest round in brackets\n",
		m.Settings.Rounds, m.Settings.Seconds)
	for _, path := range m.Settings.Paths {
		fmt.Fprintf(&b, "\n%s\n", heading(path))
		printPath(&b, m, path)
	}
	printBars(&b, m)
	printProblems(&b, m)
	_, err := io.WriteString(out, b.String())
	return err
}

func heading(path string) string {
	if path == pathMilter {
		return "Milter, beside a milter that does nothing"
	}
	return "LMTP, beside smtp-sink, which throws mail away"
}

func printPath(out io.Writer, m *measurement, path string) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "size\tconns\tserver\tmessages/s\t\tof ceiling\t\tMB/s\tp50 ms\tp99 ms\tCPU us/msg\twritten/byte\tpeak MiB\t")
	for _, c := range m.Cells {
		if c.Path != path {
			continue
		}
		fmt.Fprintf(t, "%d KB\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", c.SizeKB, c.Connections, c.Server,
			brackets(c.over(func(f *figures) float64 { return f.Rate }), 0),
			brackets(m.share(c), 2),
			median(c, func(f *figures) float64 { return f.Megabytes }, 1),
			median(c, func(f *figures) float64 { return f.P50 }, 2),
			median(c, func(f *figures) float64 { return f.P99 }, 2),
			median(c, func(f *figures) float64 { return f.CPU }, 0),
			median(c, func(f *figures) float64 { return f.Written }, 2),
			median(c, func(f *figures) float64 { return f.PeakMiB }, 0))
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
}

// brackets prints the median and the spread, in two columns.
func brackets(values []float64, digits int) string {
	if len(values) == 0 {
		return "\t"
	}
	s := spreadOf(values)
	return fmt.Sprintf("%.*f\t[%.*f-%.*f]", digits, s.median, digits, s.low, digits, s.high)
}

// median prints a figure, and nothing when it is not known.
func median(c *cell, figure func(*figures) float64, digits int) string {
	if v := spreadOf(c.over(figure)).median; v != 0 {
		return fmt.Sprintf("%.*f", digits, v)
	}
	return "-"
}

// printBars prints the figures that Daybook promises something about.
func printBars(out io.Writer, m *measurement) {
	fmt.Fprintln(out)
	if c := m.find(subject{pathLMTP, barSizeKB, barConnections, nameDaybook}); c != nil {
		rate := spreadOf(c.over(func(f *figures) float64 { return f.Rate }))
		peak := spreadOf(c.over(func(f *figures) float64 { return f.PeakMiB }))
		fmt.Fprintf(out, "LMTP, %d connections, %d KB: %.0f durable messages/s (bar: over %d), at most %.0f MiB resident (bar: under %d)\n",
			barConnections, barSizeKB, rate.median, barRate, peak.high, barMemory)
	}
	if len(m.Large) == 0 {
		return
	}
	c := &cell{}
	for _, l := range m.Large {
		c.Rounds = append(c.Rounds, l.figures)
	}
	fmt.Fprintf(out, "LMTP, %d messages of %d MB at once: %s MB/s, at most %.0f MiB resident (bar: under %d)\n",
		m.Large[0].Connections, m.Large[0].SizeMB, median(c, func(f *figures) float64 { return f.Megabytes }, 0),
		spreadOf(c.over(func(f *figures) float64 { return f.PeakMiB })).high, barLargeMemory)
}

// printProblems names what makes figures worthless.
func printProblems(out io.Writer, m *measurement) {
	for _, c := range m.Cells {
		for _, f := range c.Rounds {
			if f.Failed > 0 {
				fmt.Fprintf(out, "%s, %d KB, %d connections, %s: %d connections broke off: %s\n",
					c.Path, c.SizeKB, c.Connections, c.Server, f.Failed, f.Problem)
			}
		}
	}
	for _, l := range m.Large {
		if l.Failed > 0 {
			fmt.Fprintf(out, "%d messages of %d MB: %d connections broke off: %s\n", l.Connections, l.SizeMB, l.Failed, l.Problem)
		}
	}
}
