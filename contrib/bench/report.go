package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// printReport prints the tables of a run.
func printReport(out io.Writer, m *measurement) error {
	var b strings.Builder
	printMachine(&b, &m.Machine)
	fmt.Fprintf(&b, "daybook runs %v\n", m.Slack)
	for _, note := range m.Notes {
		fmt.Fprintf(&b, "not measured: %s\n", note)
	}
	if len(m.Storage) > 0 || len(m.Growth) > 0 {
		if len(m.Storage) > 0 {
			printStorage(&b, m)
		} else {
			printGrowth(&b, m)
		}
		_, err := io.WriteString(out, b.String())
		return err
	}
	fmt.Fprintf(&b, "%d rounds of %g s; medians, with the lowest and highest round in brackets; ratios are of one round, then the median\n",
		m.Settings.Rounds, m.Settings.Seconds)
	if m.Mix != "" {
		fmt.Fprintf(&b, "the mix: %s\n", m.Mix)
	}
	for _, t := range tables() {
		t.print(&b, m)
	}
	printBars(&b, m)
	printProblems(&b, m)
	_, err := io.WriteString(out, b.String())
	return err
}

func printMachine(out io.Writer, m *machine) {
	fmt.Fprintf(out, "%s, %d CPUs (%s), %d MiB, Linux %s, %s; a 4 KB write and its sync take %.2f ms; other programs used %.0f %% of the CPUs\n",
		m.System, m.CPUs, m.Model, m.MemoryMiB, m.Kernel, m.Go, m.SyncMillis, 100*m.Others)
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		versions = append(versions, name+" "+strings.TrimPrefix(m.Versions[name], name+" "))
	}
	if len(versions) > 0 {
		fmt.Fprintln(out, strings.Join(versions, ", "))
	}
}

// brackets prints the median and the spread, in two columns.
func brackets(values []float64, digits int) string {
	if len(values) == 0 {
		return "\t"
	}
	s := spreadOf(values)
	return fmt.Sprintf("%.*f\t[%.*f-%.*f]", digits, s.median, digits, s.low, digits, s.high)
}

// middle prints the median, nothing when there is none.
func middle(values []float64, digits int) string {
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f", digits, spreadOf(values).median)
}

// median prints a figure, and a dash when it is not known.
func median(c *cell, figure func(*figures) float64, digits int) string {
	if v := spreadOf(c.over(figure)).median; v != 0 {
		return fmt.Sprintf("%.*f", digits, v)
	}
	return "-"
}

// printProblems names what makes figures worthless.
func printProblems(out io.Writer, m *measurement) {
	for _, c := range m.Cells {
		for _, f := range c.Rounds {
			switch {
			case f.none():
				fmt.Fprintf(out, "%v: not measured: %s\n", c.subject, f.Problem)
			case f.Failed > 0:
				fmt.Fprintf(out, "%v: %d connections broke off: %s\n", c.subject, f.Failed, f.Problem)
			}
		}
	}
	for _, l := range m.Large {
		l.printProblem(out)
	}
	for _, l := range m.Flood {
		l.printProblem(out)
	}
}

func (l *large) printProblem(out io.Writer) {
	if l.Failed > 0 {
		fmt.Fprintf(out, "%d messages of %d MB: %d connections broke off: %s\n", l.Connections, l.SizeMB, l.Failed, l.Problem)
	}
}

// table is how the cells of a path are printed.
type table struct {
	path    string
	heading string
	columns []column
}

// column is one figure of a cell, or a pair of it and its spread.
type column struct {
	heading string // with a tab where there are two
	value   func(m *measurement, c *cell) string
}

// print prints the cells of the path, nothing when there are none.
func (t *table) print(out io.Writer, m *measurement) {
	var cells []*cell
	for _, c := range m.Cells {
		if c.Path == t.path {
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		return
	}
	sortCells(cells)
	fmt.Fprintf(out, "\n%s\n", t.heading)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "size\tconns\tserver\t")
	for _, column := range t.columns {
		fmt.Fprintf(w, "%s\t", column.heading)
	}
	fmt.Fprintln(w)
	for _, c := range cells {
		fmt.Fprintf(w, "%s\t%d\t%s\t", sizeName(c.SizeKB), c.Connections, c.Server)
		for _, column := range t.columns {
			fmt.Fprintf(w, "%s\t", column.value(m, c))
		}
		fmt.Fprintln(w)
	}
	w.Flush() // its errors are those of a strings.Builder, which has none
}

// sortCells puts those that are compared below each other, the mix last, whatever
// was measured first.
func sortCells(cells []*cell) {
	size := func(c *cell) int {
		if c.SizeKB == mixSize {
			return 1 << 30
		}
		return c.SizeKB
	}
	slices.SortStableFunc(cells, func(a, b *cell) int {
		if d := size(a) - size(b); d != 0 {
			return d
		}
		return a.Connections - b.Connections
	})
}
