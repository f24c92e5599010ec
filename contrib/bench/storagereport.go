package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printStorage prints how much room the sets of mail took.
func printStorage(out io.Writer, m *measurement) {
	rate := "as fast as they are taken"
	if m.Settings.PerSecond > 0 {
		rate = fmt.Sprintf("%g a second", m.Settings.PerSecond)
	}
	fmt.Fprintf(out, "LMTP with %d connections, messages %s; shares of the raw bytes; zstd: each message for itself at the default level, all as one stream at the best\n\n",
		m.Settings.Senders, rate)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "set\tmessages\traw MB\tledger MB\tcatalog MB\ttotal MB\tledger\tcatalog\ttotal\tallocated\tzstd each\tzstd solid\tmessages/s\tpeak MiB\tread back\t")
	for i := range m.Storage {
		s := &m.Storage[i]
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s", s.Set, s.Messages, megabytes(s.Raw), megabytes(s.Ledger.Bytes), megabytes(s.Catalog.Bytes), megabytes(s.Total.Bytes))
		for _, bytes := range []int64{s.Ledger.Bytes, s.Catalog.Bytes, s.Total.Bytes, s.Total.Allocated, s.Alone, s.Solid} {
			fmt.Fprintf(t, "\t%s", share(bytes, s.Raw))
		}
		fmt.Fprintf(t, "\t%.0f\t%.0f\t%s\t\n", s.Rate, s.PeakMiB, s.difference)
	}
	t.Flush() // its errors are those of a strings.Builder, which has none
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }

// share prints a part of the raw bytes, and nothing when it was not measured.
func share(bytes, raw int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", ratio(float64(bytes), float64(raw)))
}

// String tells in a word or two what came back.
func (d difference) String() string {
	if d == (difference{}) {
		return "exact"
	}
	return fmt.Sprintf("%d missing, %d foreign", d.Missing, d.Foreign)
}
