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
	fmt.Fprintf(&b, "before: %s, %d CPUs, %s\nafter:  %s, %d CPUs, %s\nafter / before, by medians:\n\n",
		before.When.Format("2006-01-02 15:04"), before.Machine.CPUs, before.Machine.Go,
		after.When.Format("2006-01-02 15:04"), after.Machine.CPUs, after.Machine.Go)
	found := compareRates(&b, before, after)
	if compareStorage(&b, before, after) {
		found = true
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
	fmt.Fprintln(t, "path\tsize\tconns\tmessages/s\tof ceiling\tp50\tp99\tCPU/msg\twritten\tpeak memory\t")
	for _, c := range after.Cells {
		old := before.find(c.subject)
		if !c.own() || old == nil {
			continue
		}
		found = true
		fmt.Fprintf(t, "%s\t%s\t%d", c.Path, sizeName(c.SizeKB), c.Connections)
		change := func(was, is []float64) {
			fmt.Fprintf(t, "\t%.2f", ratio(spreadOf(is).median, spreadOf(was).median))
		}
		each := func(figure func(*figures) float64) { change(old.over(figure), c.over(figure)) }
		each(func(f *figures) float64 { return f.Rate })
		change(before.share(old), after.share(c))
		each(func(f *figures) float64 { return f.P50 })
		each(func(f *figures) float64 { return f.P99 })
		each(func(f *figures) float64 { return f.CPU })
		each(func(f *figures) float64 { return f.Written })
		each(func(f *figures) float64 { return f.PeakMiB })
		fmt.Fprintln(t, "\t")
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
	if found {
		out.WriteString(b.String())
	}
	return found
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
