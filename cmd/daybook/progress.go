package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress shows how far long work has come, on a terminal and nowhere else.
type progress struct {
	w    io.Writer // nil: not shown
	next time.Time
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: f}
	}
	return &progress{}
}

// bytes shows done of total bytes; total may be 0 when nobody knows.
func (p *progress) bytes(done, total int64) {
	if total <= 0 {
		p.show(readableSize(done))
		return
	}
	p.show(fmt.Sprintf("%d %%  %s of %s", done*100/total, readableSize(done), readableSize(total)))
}

// show replaces the line, a few times a second.
func (p *progress) show(line string) {
	if now := time.Now(); p.w != nil && now.After(p.next) {
		p.next = now.Add(200 * time.Millisecond)
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	}
}

// clear takes the line away, before something else is printed and at the end.
func (p *progress) clear() {
	if p.w != nil && !p.next.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.next = time.Time{}
	}
}
