package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
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
	printServed(out, m)
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

// printServed prints how the daemon did at each number of entries.
func printServed(out io.Writer, m *measurement) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "entries\tmessages/s\twith few\tof that\t\tCPU us/msg\twith few\tpeak MiB\twith few\t")
	found := false
	for _, g := range m.Growth {
		if g.Served == nil || g.Beside == nil {
			continue
		}
		found = true
		fmt.Fprintf(t, "%d\t", g.Entries)
		for i, figure := range []func(*figures) float64{rateOf, func(f *figures) float64 { return f.CPU }, func(f *figures) float64 { return f.PeakMiB }} {
			fmt.Fprintf(t, "%s\t%s\t", median(g.Served, figure, 0), median(g.Beside, figure, 0))
			if i == 0 {
				fmt.Fprintf(t, "%s\t", brackets(byRound(g.Served, g.Beside, rateOf), 2))
			}
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t)
	t.Flush() // its errors are those of a strings.Builder, which has none
	if found {
		fmt.Fprintf(out, "the daemon, %d KB by LMTP on %d connections, in turn with one whose archive has few entries; %d rounds of %g s\n\n%s",
			growKB, growConnections, m.Settings.Rounds, m.Settings.Seconds, b.String())
	}
}

// compareGrowth prints a line for each number of entries that both runs have, nothing
// when there is none, and tells whether there is one.
func compareGrowth(out *strings.Builder, before, after *measurement) (found bool) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, is := range after.Growth {
		i := slices.IndexFunc(before.Growth, func(was grown) bool { return was.Entries == is.Entries })
		if i < 0 {
			continue
		}
		if !found {
			fmt.Fprint(t, "entries\tappends/s\tby LMTP\tledger\tcatalog\tresident\tpeak memory\topen\tafter a kill\t")
			for _, l := range is.Lookups {
				fmt.Fprintf(t, "%s\t", l.Name)
			}
			fmt.Fprintln(t)
			found = true
		}
		was := before.Growth[i]
		fmt.Fprintf(t, "%d", is.Entries)
		for _, figure := range []func(*grown) float64{
			func(g *grown) float64 { return g.Rate },
			served,
			func(g *grown) float64 { return float64(g.Ledger.Bytes) },
			func(g *grown) float64 { return float64(g.Catalog.Bytes) },
			func(g *grown) float64 { return g.ResidentMiB },
			func(g *grown) float64 { return g.PeakMiB },
			func(g *grown) float64 { return g.Open },
			func(g *grown) float64 { return g.Unclean },
		} {
			fmt.Fprintf(t, "\t%.2f", ratio(figure(&is), figure(&was)))
		}
		for _, l := range is.Lookups {
			var old lookup
			if i := slices.IndexFunc(was.Lookups, func(o lookup) bool { return o.Name == l.Name }); i >= 0 {
				old = was.Lookups[i]
			}
			fmt.Fprintf(t, "\t%.2f / %.2f", ratio(l.P50, old.P50), ratio(l.P99, old.P99))
		}
		fmt.Fprintln(t, "\t")
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
	out.WriteString(b.String())
	return found
}

// served is the rate of the daemon, 0 when it was not measured.
func served(g *grown) float64 {
	if g.Served == nil {
		return 0
	}
	return spreadOf(g.Served.over(rateOf)).median
}
