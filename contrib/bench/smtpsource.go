package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// smtpSource has Postfix's own generator send messages of a size, all new but for
// their bodies, and tells how long it took.
func smtpSource(ctx context.Context, program, addr string, sessions, messages, size int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-c", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(messages),
		"-l", strconv.Itoa(size), "-f", "sender@source.bench.example", "-t", "recipient@sink.bench.example", "inet:"+addr)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	sent, problem := parseSource(out)
	switch {
	case err != nil:
		return took, fmt.Errorf("smtp-source: %w: %d of %d messages were taken: %s", err, sent, messages, problem)
	case sent != messages:
		return took, fmt.Errorf("smtp-source sent %d of %d messages: %s", sent, messages, problem)
	}
	return took, nil
}

// sourceTimeout ends a measurement that does not come to its end.
const sourceTimeout = 5 * time.Minute

// parseSource reads what smtp-source -c says: a counter that is written over again
// and again, and what went wrong.
func parseSource(out []byte) (sent int, problem string) {
	for _, line := range bytes.FieldsFunc(out, func(r rune) bool { return r == '\r' || r == '\n' }) {
		text := string(bytes.TrimSpace(line))
		if n, err := strconv.Atoi(text); err == nil {
			sent = n
		} else if text != "" && problem == "" {
			problem = text
		}
	}
	return sent, problem
}
