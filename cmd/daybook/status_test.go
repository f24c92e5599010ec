package main

import (
	"strings"
	"testing"
	"time"
)

// Status has a line about mail in flight when mail waits, or had to come again, and else
// none.
func TestStatusOfMailInFlight(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		f    inFlight
		want string
	}{
		{inFlight{Bytes: 900 << 20, Limit: 1 << 30, Waits: 7}, ""},
		{inFlight{Bytes: 900 << 20, Limit: 1 << 30, Waiting: 1, Waits: 7},
			"in flight   900.0 MiB of 1.0 GiB that max_in_flight allows, 1 message waits for room\n"},
		{inFlight{Bytes: 0, Limit: 1 << 30, Waits: 7, Refused: 3, LastRefused: at},
			"in flight   0 B of 1.0 GiB that max_in_flight allows; 3 told to come again, the last one at 2026-11-20 12:00:00 UTC\n"},
		{inFlight{Bytes: 1 << 30, Limit: 1 << 30, Waiting: 20, Waits: 70, Refused: 30, LastRefused: at},
			"in flight   1.0 GiB of 1.0 GiB that max_in_flight allows, 20 messages wait for room; 30 told to come again, the last one at 2026-11-20 12:00:00 UTC\n"},
	} {
		var out strings.Builder
		if err := printStatus(&out, &status{Daemon: &daemonStatus{InFlight: c.f}}); err != nil {
			t.Fatal(err)
		}
		got := ""
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "in flight") {
				got += line
			}
		}
		if got != c.want {
			t.Errorf("%+v:\n%q, and not\n%q", c.f, got, c.want)
		}
	}
}
