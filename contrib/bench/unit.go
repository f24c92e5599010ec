package main

import (
	"fmt"
	"time"
)

// manner is how a program is started; the zero one is that of this program.
type manner struct {
	slack timerSlack
	group string // the folder of its control group
}

// unitTimerSlack is what contrib/systemd/daybook.service sets for the daemon's threads
// (TimerSlackNSec=).
const unitTimerSlack = timerSlack(500 * time.Microsecond)

// timerSlack is how late the timers of a program that is started may be, as
// time.Duration. 0 is as with this program.
type timerSlack time.Duration

// String is how the daemon was started, for reports.
func (s timerSlack) String() string {
	if s == 0 {
		return "as any other program"
	}
	return fmt.Sprintf("with timers up to %d us late, as by its systemd unit", time.Duration(s).Microseconds())
}
