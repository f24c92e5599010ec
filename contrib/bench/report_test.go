package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a measurement of two rounds.
func sample(rate float64) *measurement {
	m := &measurement{Settings: settings{Rounds: 2, Seconds: 1, Paths: []string{pathLMTP}}}
	top := subject{pathLMTP, 16, 32, nameSink}
	own := subject{pathLMTP, 16, 32, nameDaybook}
	m.add(top, figures{Rate: 4000, P50: 1})
	m.add(own, figures{Rate: rate, P50: 2, CPU: 300, PeakMiB: 99})
	m.add(top, figures{Rate: 2000, P50: 1})
	m.add(own, figures{Rate: rate, P50: 2, CPU: 300, PeakMiB: 120})
	m.Large = []large{{20, 50, figures{PeakMiB: 300, Megabytes: 50}}}
	return m
}

func TestReport(t *testing.T) {
	var out strings.Builder
	if err := printReport(&out, sample(1000)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3000  [2000-4000]", // the ceiling's rate
		"0.38  [0.25-0.50]", // of each round's own ceiling
		"at most: 300 MiB (bar: under 512)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestReportNamesWhatBrokeOff(t *testing.T) {
	m := sample(1000)
	m.Cells[1].Rounds[0].Failed, m.Cells[1].Rounds[0].Problem = 3, "452 4.3.1 full"
	var out strings.Builder
	if err := printReport(&out, m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "3 connections broke off: 452 4.3.1 full") || m.failures() != 3 {
		t.Errorf("the report does not tell of the failure:\n%s", out.String())
	}
}

// A round in which something could not be measured counts for nothing: the ratio is that
// of the other one.
func TestReportWithoutAFigure(t *testing.T) {
	m := sample(1000)
	m.Cells[0].Rounds[0] = figures{Problem: "it did not start"}
	var out strings.Builder
	if err := printReport(&out, m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2000  [2000-2000]", "1000  [1000-1000]", "0.50  [0.50-0.50]",
		"lmtp, 16 KB, 32 connections, smtp-sink: not measured: it did not start\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
	if n := m.unmeasured(); n != 1 {
		t.Errorf("%d figures were not measured", n)
	}
}

// What fails a few times does not take the rest of a run with it.
func TestFiguresThatFail(t *testing.T) {
	s := subject{pathLMTP, 4, 1, nameDaybook}
	b := &bench{progress: &bytes.Buffer{}, sets: map[int]*set{}}
	b.servers.work, b.servers.program = t.TempDir(), filepath.Join(t.TempDir(), "none")
	m := &measurement{}
	for round := range maxUnmeasured {
		if err := b.measureGroup(t.Context(), m, []subject{s}, round); err != nil {
			t.Fatal(err)
		}
		if n := m.unmeasured(); n != round+1 {
			t.Errorf("%d figures were not measured after %d failed", n, round+1)
		}
	}
	if err := b.measureGroup(t.Context(), m, []subject{s}, 0); err == nil || !strings.Contains(err.Error(), "lmtp, 4 KB, 1 connections, daybook: ") {
		t.Errorf("after %d failures another is: %v", maxUnmeasured, err)
	}
	m = &measurement{}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.measureGroup(ended, m, []subject{s}, 0); err == nil || m.unmeasured() > 0 {
		t.Errorf("a run that is ended goes on: %v", err)
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	for name, rate := range map[string]float64{"a": 1000, "b": 1500} {
		text, err := json.Marshal(sample(rate))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	var out, problems bytes.Buffer
	if status := run(t.Context(), append([]string{"compare"}, files...), &out, &problems); status != 0 {
		t.Fatalf("status %d: %s", status, problems.String())
	}
	var shown bytes.Buffer
	if status := run(t.Context(), []string{"show", files[0]}, &shown, &problems); status != 0 || !strings.Contains(shown.String(), "at most: 300 MiB") {
		t.Errorf("show: status %d, %s%s", status, problems.String(), shown.String())
	}
	got := strings.Join(strings.Fields(out.String()[strings.LastIndex(out.String(), "lmtp"):]), " ")
	const want = "lmtp daybook 16 KB 32 1.50 1.50 1.00 - 1.00 - - - 1.00 all at once MB/s peak memory 20 x 50 MB 1.00 1.00"
	if got != want {
		t.Errorf("compare prints %q, want %q", got, want)
	}
}

func TestBadCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"show"}, {"show", "none.json"}, {"compare"}, {"compare", "one"}, {"compare", "none.json", "none.json"}, {"measure"},
		{"-sizes", "0"}, {"-sizes", "4,x"}, {"-sizes", "1"}, {"-connections", ""}, {"-paths", "smtp"},
		{"-rounds", "0"}, {"-seconds", "-1"}, {"-messages", "0"}, {"-nothing"},
		{"-mail", "/nowhere"}, {"-mail", os.TempDir(), "-sizes", "4"}, {"-sizes", "mixed"}, {"-paths", "lmtp,"},
	} {
		var out, problems bytes.Buffer
		if status := run(t.Context(), args, &out, &problems); status != statusUsage || problems.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, problems.String())
		}
	}
}
