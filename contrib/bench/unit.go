package main

import (
	"fmt"
	"time"
)

// What contrib/systemd/daybook.service sets for the daemon's threads.
const (
	unitPriority   = -5                     // Nice=
	unitTimerSlack = 500 * time.Microsecond // TimerSlackNSec=
)

// scheduling is how the kernel treats the threads of a program that is started. None
// is as it treats this program.
type scheduling struct {
	Priority   int           `json:"priority"`       // its nice value: the lower, the sooner it runs
	TimerSlack time.Duration `json:"timer_slack_ns"` // how late its timers may be
}

// String is how the daemon was started, for reports.
func (s *scheduling) String() string {
	if s == nil {
		return "as any other program"
	}
	return fmt.Sprintf("at priority %d, with timers up to %d us late", s.Priority, s.TimerSlack.Microseconds())
}

// scheduleDaybook has the daemon started as its unit starts it, as far as this process
// has the right to.
func (b *bench) scheduleDaybook() error {
	s, raised, err := attainable(scheduling{unitPriority, unitTimerSlack})
	if err != nil {
		return fmt.Errorf("%w; --plain starts daybook without the settings of its unit", err)
	}
	if !raised {
		b.notes = append(b.notes, fmt.Sprintf("daybook at the priority of its unit, %d; run as root, or with an RLIMIT_NICE of %d", unitPriority, 20-unitPriority))
	}
	b.servers.daybook = &s
	return nil
}
