package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everything is a measurement of two rounds in which all was measured. The second
// round is twice as slow.
func everything() *measurement {
	m := &measurement{
		When:     time.Date(2026, 1, 5, 9, 41, 0, 0, time.UTC),
		Settings: settings{Rounds: 2, Seconds: 1, Paths: allPaths()},
		Mix:      "2000 messages, median 12.0 KB, mean 75.0 KB",
		Slack:    unitTimerSlack,
		Notes:    []string{"Dovecot LMTP is measured as root only"},
		Machine: machine{CPUs: 2, Model: "Example CPU", Go: "go1.26", System: "linux/amd64", SyncMillis: 0.15, Others: 0.03,
			MemoryMiB: 8000, Kernel: "6.1", Versions: map[string]string{"postfix": "3.7.11", "daybook": "daybook (devel)"}},
	}
	add := func(path string, kb, connections int, server string, rate, p99, cpu float64) {
		for _, slower := range []float64{1, 2} {
			f := figures{Messages: 1000, Rate: rate / slower, Megabytes: rate / slower / 100, P50: p99 / 4 * slower, P99: p99 * slower, CPU: cpu}
			if server == nameDaybook && (path == pathLMTP || path == pathMilter) {
				f.Written, f.Stored, f.Amplification, f.PeakMiB = 0.6, 0.5, 1.2, 90*slower
			}
			if path == pathPostfix {
				f.Delivered = f.Rate * 0.9
			}
			m.add(subject{path, kb, connections, server}, f)
		}
	}
	// Measured in another order than printed.
	for _, kb := range []int{mixSize, 4} {
		for _, connections := range []int{barCrowd, barConnections} {
			add(pathLMTP, kb, connections, nameSink, 8000, 2, 50)
			add(pathLMTP, kb, connections, nameDaybook, 4000, 8, 300)
			add(pathLMTP, kb, connections, nameDovecot, 800, 80, 2000)
			add(pathLMTP, kb, connections, nameDovecotSIS, 400, 160, 3000)
			if kb == mixSize {
				add(pathLMTP, kb, connections, nameDovecotEach, 320, 200, 4000)
			}
		}
	}
	add(pathSync, 4, 1, nameAppend, 3000, 1, 0)
	add(pathSync, 4, 1, nameOverwrite, 6000, 1, 0)
	add(pathSync, 4, 1, nameDaybook, 1500, 2, 400)
	for i, name := range []string{nameNoMilter, nameEveryStep, nameNoReply, nameDaybook, nameDaybookTCP, nameBcc} {
		add(pathPostfix, postfixKB, postfixSessions, name, float64(1000-100*i), 0, 0)
	}
	for i, h := range halfLoads() {
		add(h.path, postfixKB, latencyConnections, nameNoMilter, 500, 4, 0)
		add(h.path, postfixKB, latencyConnections, nameDaybook, 500, float64(6+i), 0)
	}
	add(pathSendmail, postfixKB, 1, nameNoMilter, 200, 7, 0)
	add(pathSendmail, postfixKB, 1, nameDaybookTCP, 160, 9, 0)
	add(pathMilter, 16, 8, nameNothing, 20000, 1, 0)
	add(pathMilter, 16, 8, nameDaybook, 4000, 4, 300)
	m.Large = []large{{20, 50, figures{PeakMiB: 300, Megabytes: 50}}}
	m.Flood = []flood{{large{200, 50, figures{Messages: 200, PeakMiB: 400, Megabytes: 60, Failed: 1, Problem: "EOF"}}, 17}}
	return m
}

func TestTables(t *testing.T) {
	var out strings.Builder
	if err := printReport(&out, everything()); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", out.String())
}

// What is written with --json is what was measured.
func TestJSON(t *testing.T) {
	m := everything()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := &measurement{}
	if err := json.Unmarshal(text, got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Errorf("%s\nis read as another measurement", text)
	}
}

// What was not measured has no table, no bar and no ratio.
func TestTablesOfLittle(t *testing.T) {
	m := &measurement{Settings: settings{Rounds: 1, Seconds: 1}}
	m.add(subject{pathLMTP, mixSize, barConnections, nameDaybook}, figures{Rate: 100, Written: 0.6})
	var out strings.Builder
	if err := printReport(&out, m); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "(bar:"); n != 2 { // what is written, and the amplification
		t.Errorf("there are %d bars:\n%s", n, out.String())
	}
	for _, heading := range []string{"Postfix, fed", "Sendmail", "One connection, beside"} {
		if strings.Contains(out.String(), heading) {
			t.Errorf("there is a table %q:\n%s", heading, out.String())
		}
	}
}

// Each server is the first of a round once.
func TestRoundsRotate(t *testing.T) {
	group := []subject{{Server: "a"}, {Server: "b"}, {Server: "c"}}
	first := map[string]bool{}
	for round := range group {
		first[inRound(group, round)[0].Server] = true
		if len(inRound(group, round)) != len(group) {
			t.Fatal("a round leaves something out")
		}
	}
	if len(first) != len(group) {
		t.Errorf("first are %v", first)
	}
}
