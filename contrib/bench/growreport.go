package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printGrowth prints how an archive did as it grew.
func printGrowth(out io.Writer, m *measurement) {
	fmt.Fprintf(out, "an archive that grows, %d writers, messages of 250 to 700 bytes; bytes are per entry, opening is in seconds\n\n", growWriters)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "entries\tappends/s\tof the first\tledger\tcatalog\theap MiB\tresident MiB\tpeak MiB\topen\tafter a kill\t")
	for i := range m.Growth {
		g := &m.Growth[i]
		rate, share, unclean := "-", "-", "-"
		if g.Rate > 0 {
			rate, unclean = fmt.Sprintf("%.0f", g.Rate), fmt.Sprintf("%.2f", g.Unclean)
			share = fmt.Sprintf("%.2f", ratio(g.Rate, m.Growth[0].Rate))
		}
		per := func(n int64) float64 { return ratio(float64(n), float64(g.Entries)) }
		fmt.Fprintf(t, "%d\t%s\t%s\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.2f\t%s\t\n", g.Entries, rate, share,
			per(g.Ledger.Bytes), per(g.Catalog.Bytes), g.HeapMiB, g.ResidentMiB, g.PeakMiB, g.Open, unclean)
	}
	fmt.Fprintln(t)
	t.Flush() // its errors are those of a strings.Builder, which has none
	if len(m.Growth) == 0 {
		return
	}
	fmt.Fprintf(out, "how long it takes to find something, p50 / p99 in ms; listings are of %d entries\n\n", growLimit)
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "entries\t")
	for _, l := range m.Growth[0].Lookups {
		fmt.Fprintf(t, "%s\t", l.Name)
	}
	fmt.Fprintln(t)
	for _, g := range m.Growth {
		fmt.Fprintf(t, "%d\t", g.Entries)
		for _, l := range g.Lookups {
			fmt.Fprintf(t, "%.2f / %.2f\t", l.P50, l.P99)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}
