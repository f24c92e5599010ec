package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The constants are what the unit sets.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "systemd", "daybook.service"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			found[name] = append(found[name], value)
		}
	}
	got, weight := found["TimerSlackNSec"], found["CPUWeight"]
	if len(got) != 1 || len(weight) != 1 {
		t.Fatalf("the unit has TimerSlackNSec=%v and CPUWeight=%v", got, weight)
	}
	if weight[0] != strconv.Itoa(unitWeight) {
		t.Errorf("the unit has CPUWeight=%v, the benchmark %v", weight, unitWeight)
	}
	if slack, err := time.ParseDuration(got[0]); err != nil || timerSlack(slack) != unitTimerSlack {
		t.Errorf("the unit has TimerSlackNSec=%v, the benchmark %v (%v)", got, unitTimerSlack, err)
	}
}

// Who reads a report is told how the daemon was started, and what is missing.
func TestReportTellsOfTimerSlack(t *testing.T) {
	m := sample(1000)
	var plain, late strings.Builder
	if err := printReport(&plain, m); err != nil {
		t.Fatal(err)
	}
	m.Slack = unitTimerSlack
	m.Notes = []string{"Sendmail"}
	m.Growth = []grown{{Entries: 10}} // a report of another kind has both as well
	if err := printReport(&late, m); err != nil {
		t.Fatal(err)
	}
	for want, report := range map[string]string{
		"\ndaybook runs as any other program\n":                                  plain.String(),
		"\ndaybook runs with timers up to 500 us late, as by its systemd unit\n": late.String(),
		"\nnot measured: Sendmail\n":                                             late.String(),
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	var compared strings.Builder
	if err := printComparison(&compared, sample(1000), &measurement{Cells: m.Cells, Slack: m.Slack}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"daybook as any other program\nafter", "daybook with timers up to 500 us late, as by its systemd unit\nafter /"} {
		if !strings.Contains(compared.String(), want) {
			t.Errorf("the comparison does not say %q:\n%s", want, compared.String())
		}
	}
}
