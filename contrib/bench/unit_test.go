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
func TestUnitSettings(t *testing.T) {
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
	if got := found["Nice"]; len(got) != 1 || got[0] != strconv.Itoa(unitPriority) {
		t.Errorf("the unit has Nice=%v, the benchmark %d", got, unitPriority)
	}
	got := found["TimerSlackNSec"]
	if len(got) != 1 {
		t.Fatalf("the unit has TimerSlackNSec=%v", got)
	}
	if slack, err := time.ParseDuration(got[0]); err != nil || slack != unitTimerSlack {
		t.Errorf("the unit has TimerSlackNSec=%v, the benchmark %v (%v)", got, unitTimerSlack, err)
	}
}

// Who reads a report is told how the daemon was started, and what was not possible.
func TestReportTellsOfScheduling(t *testing.T) {
	m := sample(1000)
	var plain, scheduled strings.Builder
	if err := printReport(&plain, m); err != nil {
		t.Fatal(err)
	}
	m.Daybook = &scheduling{Priority: -5, TimerSlack: 500 * time.Microsecond}
	m.Notes = []string{"daybook at the priority of its unit"}
	m.Growth = []grown{{Entries: 10}} // a report of another kind has both as well
	if err := printReport(&scheduled, m); err != nil {
		t.Fatal(err)
	}
	for want, report := range map[string]string{
		"\ndaybook runs as any other program\n":                          plain.String(),
		"\ndaybook runs at priority -5, with timers up to 500 us late\n": scheduled.String(),
		"\nnot measured: daybook at the priority of its unit\n":          scheduled.String(),
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	var compared strings.Builder
	if err := printComparison(&compared, sample(1000), &measurement{Cells: m.Cells, Daybook: m.Daybook}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"daybook as any other program\nafter", "daybook at priority -5, with timers up to 500 us late\nafter /"} {
		if !strings.Contains(compared.String(), want) {
			t.Errorf("the comparison does not say %q:\n%s", want, compared.String())
		}
	}
}
