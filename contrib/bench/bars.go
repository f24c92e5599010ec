package main

import (
	"fmt"
	"io"
)

// Bars that Daybook is to reach. They stand beside the figures; nothing fails.
const (
	barConnections = 32
	barCrowd       = 128
)

// bar is a figure that Daybook promises something about.
type bar struct {
	what   string
	digits int
	unit   string
	values []float64
	// worst: the highest round counts, and not the median.
	worst   bool
	promise string
}

// bars are those of a run, without those that were not measured.
func bars(m *measurement) []bar {
	lmtp := func(kb, connections int) *cell { return m.find(subject{pathLMTP, kb, connections, nameDaybook}) }
	mix, small, crowd := lmtp(mixSize, barConnections), lmtp(4, barConnections), lmtp(mixSize, barCrowd)
	sync, chunks := m.find(subject{pathSync, 4, 1, nameDaybook}), m.find(subject{pathSync, 4, 1, nameDaybookBDAT})
	postfix := m.find(subject{pathPostfix, postfixKB, postfixSessions, nameDaybook})
	sendmail := m.find(subject{pathSendmail, postfixKB, 1, nameDaybookTCP})
	all := []bar{
		{"LMTP, mix, 32 connections", 2, " of smtp-sink", m.share(mix), false, "at least 0.5"},
		{"LMTP, mix, 32 connections", 1, " x Dovecot with zstd and single instance", m.multiple(mix, nameDovecotSIS), false, "at least 5"},
		{"LMTP, mix, 32 connections", 1, " x the same Dovecot with a copy for each recipient", m.multiple(mix, nameDovecotEach), false, "at least 5"},
		{"LMTP, 4 KB, 32 connections", 2, " of smtp-sink", m.share(small), false, "at least 0.35"},
		{"LMTP, 4 KB, one connection", 2, " times a write of 4 KB and its fdatasync", inverse(m.multiple(sync, nameAppend)), false, "at most 2"},
		{"LMTP, 4 KB, one connection that sends by BDAT", 2, " times a write of 4 KB and its fdatasync", inverse(m.multiple(chunks, nameAppend)), false, "at most 2"},
		{"LMTP, mix, 32 connections, written for each byte", 2, "", of(mix, func(f *figures) float64 { return f.Written }), false, "under 0.7"},
		{"LMTP, mix, 32 connections, amplification", 2, "", of(mix, func(f *figures) float64 { return f.Amplification }), false, "under 1.15"},
		{"LMTP, mix, 128 connections, memory at most", 0, " MiB", of(crowd, func(f *figures) float64 { return f.PeakMiB }), true, "under 300"},
		{"Postfix with Daybook's milter", 2, " of no milter", m.share(postfix), false, "at least 0.65"},
		{"Postfix with Daybook's milter", 2, " x a do-nothing milter that answers all", m.multiple(postfix, nameEveryStep), false, "at least 1.05"},
		{"Postfix with Daybook's milter", 2, " x always_bcc to Dovecot", m.multiple(postfix, nameBcc), false, "at least 1.4"},
	}
	all = append(all, halfLoadBars(m)...)
	all = append(all, bar{"Sendmail over TCP", 1, " ms a message more with Daybook", m.more(sendmail, timeOf), false, "no stall of 40"})
	var measured []bar
	for _, b := range append(all, largeBars(m)...) {
		if len(b.values) > 0 {
			measured = append(measured, b)
		}
	}
	return measured
}

// halfLoadBars are those of the waits for Postfix.
func halfLoadBars(m *measurement) (list []bar) {
	for _, h := range halfLoads() {
		what := "Postfix at half of its rate " + h.rate()
		if h.services {
			what += ", as services"
		}
		c := m.find(subject{h.path, postfixKB, latencyConnections, nameDaybook})
		more := m.more(c, func(f *figures) float64 { return f.P99 })
		list = append(list, bar{what + ", p99", 2, " ms more with Daybook", more, false, "under 5"})
	}
	return list
}

// largeBars are those of large messages all at once.
func largeBars(m *measurement) []bar {
	var list []bar
	add := func(l large, peaks []float64) {
		list = append(list, bar{fmt.Sprintf("%d messages of %d MB at once, memory at most", l.Connections, l.SizeMB), 0, " MiB", peaks, true, "under 512"})
	}
	var peaks []float64
	for _, l := range m.Large {
		peaks = append(peaks, l.PeakMiB)
	}
	if len(m.Large) > 0 {
		add(m.Large[0], peaks)
	}
	peaks = nil
	for _, l := range m.Flood {
		peaks = append(peaks, l.PeakMiB)
	}
	if len(m.Flood) > 0 {
		add(m.Flood[0].large, peaks)
	}
	return list
}

// of gives a figure of all rounds, nothing when there is no such cell.
func of(c *cell, figure func(*figures) float64) []float64 {
	if c == nil {
		return nil
	}
	return c.over(figure)
}

// printBars prints the figures that Daybook promises something about.
func printBars(out io.Writer, m *measurement) {
	fmt.Fprintln(out)
	for _, b := range bars(m) {
		s := spreadOf(b.values)
		value := s.median
		if b.worst {
			value = s.high
		}
		fmt.Fprintf(out, "%s: %.*f%s (bar: %s)\n", b.what, b.digits, value, b.unit, b.promise)
	}
	for _, l := range m.Large {
		fmt.Fprintf(out, "%d messages of %d MB at once: %.0f MB/s\n", l.Connections, l.SizeMB, l.Megabytes)
	}
	for _, l := range m.Flood {
		fmt.Fprintf(out, "%d messages of %d MB at once: %d taken, %d times told to come back, %.0f MB/s\n",
			l.Connections, l.SizeMB, l.Messages, l.Deferred, l.Megabytes)
	}
}
