package milter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDialogues plays the dialogues of testdata; testdata/README says how they
// are written.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			playDialogue(t, string(text))
		})
	}
}

// player plays one dialogue against a server of its own.
type player struct {
	config   Config
	recorder *recorder
	log      *logLines
	server   *Server
	mta      mta
}

func playDialogue(t *testing.T, text string) {
	p := &player{recorder: newRecorder(), log: newLogLines()}
	for number, line := range strings.Split(text, "\n") {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind == "" || strings.HasPrefix(kind, "#") {
			continue
		}
		if err := p.play(t, kind, strings.TrimSpace(rest)); err != nil {
			t.Fatalf("line %d, %s: %v", number+1, line, err)
		}
	}
	if p.server == nil {
		t.Fatal("the dialogue says nothing")
	}
	if got := p.recorder.next(20 * time.Millisecond); got != "" {
		t.Errorf("at the end, the session saw %q", got)
	}
	p.log.expectNone(t)
}

func (p *player) play(t *testing.T, kind, rest string) error {
	words, err := splitWords(rest)
	if err != nil {
		return err
	}
	switch kind {
	case "set":
		return p.set(words)
	case "session":
		return p.script(words)
	}
	if p.server == nil {
		p.start(t)
	}
	switch kind {
	case "C:":
		return p.mta.command(words)
	case "S:":
		wait := patience
		if rest == "nothing" {
			wait = 50 * time.Millisecond
		}
		if got := p.mta.receive(wait); got != rest {
			return fmt.Errorf("server answered %s", got)
		}
	case "D:":
		if got := p.recorder.next(patience); got != rest {
			return fmt.Errorf("session saw %q", got)
		}
	case "L:":
		p.log.expect(t, rest)
	default:
		return fmt.Errorf("unknown kind of line")
	}
	return nil
}

func (p *player) set(words []string) error {
	if words[0] == "macros" {
		p.recorder.macros = true
		return nil
	}
	n, err := strconv.Atoi(words[1])
	switch words[0] {
	case "MaxRecipients":
		p.config.MaxRecipients = n
	case "MaxEnvelopeBytes":
		p.config.MaxEnvelopeBytes = n
	case "IdleTimeout":
		p.config.IdleTimeout = time.Duration(n) * time.Millisecond
	case "FrameTimeout":
		p.config.FrameTimeout = time.Duration(n) * time.Millisecond
	case "NegotiationTimeout":
		p.config.NegotiationTimeout = time.Duration(n) * time.Millisecond
	case "TransactionTimeout":
		p.config.TransactionTimeout = time.Duration(n) * time.Millisecond
	default:
		return fmt.Errorf("no setting %q", words[0])
	}
	return err
}

// script sets what a method of the session does from now on.
func (p *player) script(words []string) error {
	method, what := words[0], words[1]
	var v Verdict
	switch what {
	case "continue", "panics":
	case "accept":
		v.Action = Accept
	case "tempfail":
		v.Action = TempFail
		v.Reply = strings.Join(words[2:], " ")
	default:
		return fmt.Errorf("no verdict %q", what)
	}
	p.recorder.answer(method, v, what == "panics")
	return nil
}

func (p *player) start(t *testing.T) {
	p.config.NewSession = p.recorder.session
	p.config.Logger = slog.New(p.log)
	var address string
	p.server, address = startServer(t, p.config)
	p.mta = dial(t, address)
}

// startServer serves on a Unix socket until the end of the test.
func startServer(t testing.TB, config Config) (*Server, string) {
	t.Helper()
	address := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(config)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = server.Shutdown(ctx)
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return server, address
}

func dial(t testing.TB, address string) mta {
	t.Helper()
	conn, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return mta{conn}
}

// splitWords splits at blanks; a word in double quotes is a Go string.
func splitWords(s string) ([]string, error) {
	var words []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] != '"' {
			word, rest, _ := strings.Cut(s, " ")
			words, s = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, err
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		words, s = append(words, word), s[len(quoted):]
	}
	return words, nil
}
