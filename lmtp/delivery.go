package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
)

var errReturned = errors.New("lmtp: body read after Deliver returned")

// deliver calls the handler. A panic is its problem alone: it gives no replies.
func (s *session) deliver(ctx context.Context, e *Envelope, b *body) (replies []Reply) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("delivery panicked", "client", s.client, "panic", v, "stack", string(debug.Stack()))
			replies = nil
		}
	}()
	return s.cfg.Handler.Deliver(ctx, e, b)
}

// A body is what the handler reads: src, and ErrTooLarge instead of what exceeds the limit.
type body struct {
	lost context.CancelCauseFunc // told when src fails

	mu   sync.Mutex // a handler may have left a goroutine behind that reads
	src  io.Reader  // nil after detach
	left int64      // octets that may still be handed out
	err  error      // returned for good
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.src == nil {
		return 0, errReturned
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		err = ErrTooLarge
	}
	b.left -= int64(n)
	if err != nil {
		b.err = bodyError(err)
	}
	if err != nil && err != io.EOF && err != ErrTooLarge {
		b.lost(b.err)
	}
	return n, b.err
}

// bodyError leaves the errors alone that are compared with ==.
func bodyError(err error) error {
	switch err {
	case io.EOF, io.ErrUnexpectedEOF, ErrTooLarge, ErrAborted:
		return err
	}
	return fmt.Errorf("reading a message: %w", err)
}

// detach ends the handler's right to read.
func (b *body) detach() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.src = nil
}
