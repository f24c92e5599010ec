package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// printComparison prints what became of Daybook's figures between two runs:
// after divided by before.
func printComparison(out io.Writer, before, after *measurement) error {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s, %d CPUs, %s, daybook %v\nafter:  %s, %d CPUs, %s, daybook %v\nafter / before, by medians:\n\n",
		before.When.Format("2006-01-02 15:04"), before.Machine.CPUs, before.Machine.Go, before.Slack,
		after.When.Format("2006-01-02 15:04"), after.Machine.CPUs, after.Machine.Go, after.Slack)
	found := false
	for _, compare := range []func(out *strings.Builder, before, after *measurement) bool{compareRates, compareLarge, compareStorage, compareGrowth} {
		if compare(&b, before, after) {
			found = true
		}
	}
	if !found {
		return fmt.Errorf("the two runs have no figure in common")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// compareRates prints a line for each subject of both runs, nothing when there is
// none, and tells whether there is one.
func compareRates(out *strings.Builder, before, after *measurement) (found bool) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "path\tserver\tsize\tconns\tmessages/s\tof ceiling\tp50\tp99\tCPU/msg\twritten\tstored\tamplification\tpeak memory\t")
	for _, c := range after.Cells {
		old := before.find(c.subject)
		if !c.own() || old == nil {
			continue
		}
		found = true
		fmt.Fprintf(t, "%s\t%s\t%s\t%d", c.Path, c.Server, sizeName(c.SizeKB), c.Connections)
		each := func(figure func(*figures) float64) { printChange(t, old.over(figure), c.over(figure)) }
		each(rateOf)
		printChange(t, before.share(old), after.share(c))
		each(func(f *figures) float64 { return f.P50 })
		each(func(f *figures) float64 { return f.P99 })
		each(func(f *figures) float64 { return f.CPU })
		each(func(f *figures) float64 { return f.Written })
		each(func(f *figures) float64 { return f.Stored })
		each(func(f *figures) float64 { return f.Amplification })
		each(func(f *figures) float64 { return f.PeakMiB })
		fmt.Fprintln(t, "\t")
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
	if found {
		out.WriteString(b.String())
	}
	return found
}

// printChange prints what became of a figure: nothing when it was not measured.
func printChange(t io.Writer, was, is []float64) {
	before, after := spreadOf(was).median, spreadOf(is).median
	if before == 0 && after == 0 {
		fmt.Fprint(t, "\t-")
		return
	}
	fmt.Fprintf(t, "\t%.2f", ratio(after, before))
}

// compareLarge prints a line for what both runs have of large messages all at once,
// and tells whether there is one.
func compareLarge(out *strings.Builder, before, after *measurement) (found bool) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "all at once\tMB/s\tpeak memory\t")
	line := func(was, is []large) {
		if len(was) == 0 || len(is) == 0 {
			return
		}
		found = true
		fmt.Fprintf(t, "%d x %d MB", is[0].Connections, is[0].SizeMB)
		for _, figure := range []func(l large) float64{
			func(l large) float64 { return l.Megabytes }, func(l large) float64 { return l.PeakMiB },
		} {
			printChange(t, figuresOf(was, figure), figuresOf(is, figure))
		}
		fmt.Fprintln(t, "\t")
	}
	line(before.Large, after.Large)
	loads := func(floods []flood) []large { return figuresOf(floods, func(f flood) large { return f.large }) }
	line(loads(before.Flood), loads(after.Flood))
	t.Flush() // its errors are those of a strings.Builder, which has none
	if found {
		out.WriteString("\n" + b.String())
	}
	return found
}

// figuresOf gives one figure of each.
func figuresOf[T, F any](all []T, figure func(T) F) []F {
	values := make([]F, len(all))
	for i, one := range all {
		values[i] = figure(one)
	}
	return values
}

// compareStorage prints a line for each set of mail of both runs, nothing when
// there is none, and tells whether there is one. Sets are the same when their
// names and their raw bytes are.
func compareStorage(out *strings.Builder, before, after *measurement) (found bool) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "set\tledger\tcatalog\ttotal\tallocated\tmessages/s\tpeak memory\t")
	for _, is := range after.Storage {
		i := slices.IndexFunc(before.Storage, func(was stored) bool { return was.Set == is.Set && was.Raw == is.Raw })
		if i < 0 {
			continue
		}
		found = true
		was := before.Storage[i]
		fmt.Fprint(t, is.Set)
		for _, figure := range []func(*stored) float64{
			func(s *stored) float64 { return float64(s.Ledger.Bytes) },
			func(s *stored) float64 { return float64(s.Catalog.Bytes) },
			func(s *stored) float64 { return float64(s.Total.Bytes) },
			func(s *stored) float64 { return float64(s.Total.Allocated) },
			func(s *stored) float64 { return s.Rate },
			func(s *stored) float64 { return s.PeakMiB },
		} {
			fmt.Fprintf(t, "\t%.3f", ratio(figure(&is), figure(&was)))
		}
		fmt.Fprintln(t, "\t")
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
	if found {
		out.WriteString(b.String())
	}
	return found
}
