package main

// tables are those of a report, in their order.
func tables() []table {
	rate := column{"messages/s\t", func(_ *measurement, c *cell) string { return brackets(c.over(rateOf), 0) }}
	latency := []column{
		number("p50 ms", 2, func(f *figures) float64 { return f.P50 }),
		number("p99 ms", 2, func(f *figures) float64 { return f.P99 }),
	}
	cost := []column{
		number("CPU us/msg", 0, func(f *figures) float64 { return f.CPU }),
		number("written/byte", 2, func(f *figures) float64 { return f.Written }),
		number("stored/byte", 2, func(f *figures) float64 { return f.Stored }),
		number("amplification", 2, func(f *figures) float64 { return f.Amplification }),
		number("peak MiB", 0, func(f *figures) float64 { return f.PeakMiB }),
	}
	more := []column{
		added("p50 more", func(f *figures) float64 { return f.P50 }),
		added("p99 more", func(f *figures) float64 { return f.P99 }),
	}
	mb := number("MB/s", 1, func(f *figures) float64 { return f.Megabytes })
	join := func(parts ...[]column) (all []column) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	all := []table{
		{pathLMTP, "LMTP, beside smtp-sink, which throws mail away, and Dovecot, which keeps one copy of a message, or one per recipient; dovecot-sis has zstd and single instance storage", join(
			[]column{rate, shareOf("of smtp-sink\t"), times("x dovecot", nameDovecot), times("x dovecot-sis", nameDovecotSIS), times("x per recipient", nameDovecotEach), mb}, latency, cost)},
		{pathSync, "One connection, beside a file that takes 4 KB and an fdatasync for each message", join(
			[]column{rate, {"ms/message\t", func(_ *measurement, c *cell) string { return brackets(c.over(timeOf), 3) }},
				longer("times append", nameAppend), longer("times overwrite", nameOverwrite)}, latency)},
		{pathPostfix, "Postfix, fed by smtp-source, beside itself without a milter", []column{
			{"accepted/s\t", rate.value}, shareOf("of no milter\t"),
			times("x answers all", nameEveryStep), times("x no replies", nameNoReply), times("x always_bcc", nameBcc),
			number("delivered/s", 0, func(f *figures) float64 { return f.Delivered }), cost[0], cost[4]}},
	}
	for _, h := range halfLoads() {
		all = append(all, table{h.path, h.heading(), join([]column{rate}, latency, more)})
	}
	return append(all,
		table{pathSendmail, "Sendmail, which asks its milter over TCP, message after message", join(
			[]column{{"ms/message\t", func(_ *measurement, c *cell) string { return brackets(c.over(timeOf), 1) }}, added("more", timeOf)}, latency)},
		table{pathMilter, "Milter, beside a milter that does nothing", join([]column{rate, shareOf("of ceiling\t"), mb}, latency, cost)})
}

func rateOf(f *figures) float64 { return f.Rate }

// timeOf is how long a message takes on one connection, in ms.
func timeOf(f *figures) float64 { return ratio(1000, f.Rate) }

// number is the median of a figure.
func number(heading string, digits int, figure func(*figures) float64) column {
	return column{heading, func(_ *measurement, c *cell) string { return median(c, figure, digits) }}
}

// shareOf is the share of the ceiling, for all that stands beside it.
func shareOf(heading string) column {
	return column{heading, func(m *measurement, c *cell) string { return brackets(m.share(c), 2) }}
}

// times is how many times the rate of another server Daybook reached.
func times(heading, server string) column {
	return column{heading, func(m *measurement, c *cell) string { return middle(m.multiple(c, server), 2) }}
}

// longer is how many times the time of another server Daybook took.
func longer(heading, server string) column {
	return column{heading, func(m *measurement, c *cell) string { return middle(inverse(m.multiple(c, server)), 2) }}
}

func inverse(values []float64) []float64 {
	turned := make([]float64, len(values))
	for i, v := range values {
		turned[i] = ratio(1, v)
	}
	return turned
}

// added is how much more a figure is than without Daybook, in ms.
func added(heading string, figure func(*figures) float64) column {
	return column{heading, func(m *measurement, c *cell) string { return middle(m.more(c, figure), 2) }}
}
