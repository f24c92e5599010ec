package milter

import (
	"context"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder hands out Sessions that tell what is called and answer as told.
type recorder struct {
	events chan string
	macros bool // tell the macros at the end of each message

	mu       sync.Mutex
	verdicts map[string]Verdict
	panics   map[string]bool
	hold     map[string]chan struct{} // a method waits until it is closed
}

func newRecorder() *recorder {
	return &recorder{
		events:   make(chan string, 100_000),
		verdicts: make(map[string]Verdict),
		panics:   make(map[string]bool),
		hold:     make(map[string]chan struct{}),
	}
}

func (r *recorder) session() Session { return &recordedSession{r} }

func (r *recorder) answer(method string, v Verdict, panics bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts[method], r.panics[method] = v, panics
}

// next returns the next event, or "" if none comes.
func (r *recorder) next(wait time.Duration) string {
	select {
	case e := <-r.events:
		return e
	case <-time.After(wait):
		return ""
	}
}

func (r *recorder) expect(t *testing.T, events ...string) {
	t.Helper()
	for _, want := range events {
		if got := r.next(patience); got != want {
			t.Fatalf("session saw %q, want %q", got, want)
		}
	}
}

func (r *recorder) tell(method, format string, args ...any) Verdict {
	r.events <- strings.TrimSuffix(method+" "+fmt.Sprintf(format, args...), " ")
	r.mu.Lock()
	v, panics, hold := r.verdicts[method], r.panics[method], r.hold[method]
	r.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if panics {
		panic("told to")
	}
	return v
}

type recordedSession struct{ r *recorder }

func (s *recordedSession) Connect(_ context.Context, c *Connection) Verdict {
	what := fmt.Sprintf("%s %v %d", c.Host, c.Address, c.Port)
	if c.UnixPath != "" {
		what += " " + c.UnixPath
	}
	if !c.ExactHeaders {
		what += " inexact"
	}
	return s.r.tell("connect", "%s", what)
}

func (s *recordedSession) Helo(_ context.Context, c *Connection) Verdict {
	return s.r.tell("helo", "%s", c.Helo)
}

func (s *recordedSession) Mail(_ context.Context, t *Transaction) Verdict {
	return s.r.tell("mail", "%d %s", t.Number, pathText(t.Sender))
}

func (s *recordedSession) Rcpt(_ context.Context, t *Transaction) Verdict {
	return s.r.tell("rcpt", "%s", pathText(t.Recipients[len(t.Recipients)-1]))
}

func (s *recordedSession) Header(field []byte) Verdict { return s.r.tell("header", "%s", short(field)) }
func (s *recordedSession) EndOfHeaders() Verdict       { return s.r.tell("eoh", "") }
func (s *recordedSession) Body(chunk []byte) Verdict   { return s.r.tell("body", "%s", short(chunk)) }
func (s *recordedSession) Abort()                      { s.r.tell("abort", "") }
func (s *recordedSession) Close()                      { s.r.tell("close", "") }

func (s *recordedSession) EndOfMessage(_ context.Context, t *Transaction) Verdict {
	if s.r.macros {
		s.r.tellMacros(t)
	}
	var recipients []string
	for _, p := range t.Recipients {
		recipients = append(recipients, p.Address)
	}
	return s.r.tell("eom", "%d %s helo=%s from=<%s> to=<%s>",
		t.Number, t.Connection.Host, t.Connection.Helo, t.Sender.Address, strings.Join(recipients, ">,<"))
}

func (r *recorder) tellMacros(t *Transaction) {
	var lines []string
	for stage, values := range t.Macros() {
		for name, value := range values {
			lines = append(lines, fmt.Sprintf("macro %s %s=%s", stage, name, value))
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		r.events <- line
	}
	r.events <- fmt.Sprintf("facts queue=%s user=%s method=%s tls=%s cipher=%s client=%s",
		t.QueueID(), t.AuthUser(), t.AuthMethod(), t.TLSVersion(), t.TLSCipher(), t.Connection.Address)
}

func pathText(p Path) string {
	return strings.Join(append([]string{"<" + p.Address + ">"}, p.Args...), " ")
}

// short quotes what a person can read and counts the rest.
func short(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return fmt.Sprintf("%q", b)
}

// logLines collects log lines of level Info and above.
type logLines struct{ lines chan string }

func newLogLines() *logLines { return &logLines{lines: make(chan string, 1000)} }

func (l *logLines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *logLines) WithGroup(string) slog.Handler                    { return l }

func (l *logLines) Handle(_ context.Context, record slog.Record) error {
	line := record.Level.String() + " " + record.Message
	record.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.lines <- line
	return nil
}

func (l *logLines) expect(t *testing.T, part string) {
	t.Helper()
	select {
	case line := <-l.lines:
		if !strings.Contains(line, part) {
			t.Fatalf("log says %q, want %q in it", line, part)
		}
	case <-time.After(patience):
		t.Fatalf("log is silent, want %q", part)
	}
}

func (l *logLines) expectNone(t *testing.T) {
	t.Helper()
	select {
	case line := <-l.lines:
		t.Fatalf("log says %q, want nothing", line)
	default:
	}
}
