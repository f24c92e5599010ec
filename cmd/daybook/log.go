package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"daybook/policy"
)

// newLogger makes the log that a configuration asks for. flush writes the lines of routine
// that wait for others.
func newLogger(w io.Writer, s *policy.Server) (log *slog.Logger, flush func(), err error) {
	var level slog.Level
	switch s.LogLevel {
	case "", "info":
	case "debug", "warn", "error":
		if err := level.UnmarshalText([]byte(strings.ToUpper(s.LogLevel))); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, refuse("--log-level "+s.LogLevel, errors.New("there is no such level"), "it is debug, info, warn or error")
	}
	options := &slog.HandlerOptions{Level: level}
	lines := &logLines{out: w}
	var h slog.Handler
	switch s.LogFormat {
	case "", "text":
		h = slog.NewTextHandler(lines, options)
	case "json":
		h = slog.NewJSONHandler(lines, options)
	default:
		return nil, nil, refuse("--log-format "+s.LogFormat, errors.New("there is no such format"), "it is text or json")
	}
	return slog.New(prompt{h, lines, false}), lines.flush, nil
}

// Bounds of what waits to be written to the log.
const (
	logPause = 50 * time.Millisecond
	maxLines = 32 << 10
)

// logLines writes lines to a log, in order. A line after a pause is written at once; those
// that come soon after it wait until the pause is over, and are written together: each
// write wakes whoever reads the log, and the sender of a message would wait for it. It is
// safe for concurrent use.
type logLines struct {
	out io.Writer

	mu    sync.Mutex
	lines []byte    // that wait; a timer will write them
	wrote time.Time // when out was written to
}

// Write takes one line. It never fails: there is no other place to say so.
func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pause := logPause - time.Since(l.wrote)
	if len(l.lines) == 0 && pause > 0 {
		time.AfterFunc(pause, l.flush)
	}
	l.lines = append(l.lines, line...)
	if pause <= 0 || len(l.lines) > maxLines {
		l.write()
	}
	return len(line), nil
}

// flush writes what waits.
func (l *logLines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

// write writes what waits. l.mu is held.
func (l *logLines) write() {
	if len(l.lines) == 0 {
		return
	}
	_, _ = l.out.Write(l.lines)
	l.lines, l.wrote = l.lines[:0], time.Now()
}

// prompt is a handler whose lines do not wait, unless they are routine and tell of no
// trouble: the next thing may be the end of the process.
type prompt struct {
	slog.Handler
	lines   *logLines
	routine bool
}

func (h prompt) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if !h.routine || r.Level > slog.LevelInfo {
		h.lines.flush()
	}
	return err
}

func (h prompt) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

func (h prompt) WithGroup(name string) slog.Handler {
	h.Handler = h.Handler.WithGroup(name)
	return h
}

// routine gives a log made by newLogger whose lines may wait for others: there is one for
// each message.
func routine(log *slog.Logger) *slog.Logger {
	h, ok := log.Handler().(prompt)
	if !ok {
		return log
	}
	h.routine = true
	return slog.New(h)
}
