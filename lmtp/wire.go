package lmtp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

var (
	errStopping    = errors.New("lmtp: server is stopping")
	errLineTooLong = errors.New("lmtp: command line too long")
)

// A wire is the connection of one session: buffers, deadlines, and the way in for a shutdown.
//
// Replies are buffered and sent before the session waits for input, never later: a peer that pipelines gets them in one packet,
// and a peer that waits for one is not made to wait (RFC 2920 section 3.2).
//
// All methods but stop and close belong to the session's goroutine.
type wire struct {
	raw net.Conn // as accepted: deadlines, close
	rw  net.Conn // raw, or TLS over it
	in  *bufio.Reader
	out *bufio.Writer

	writeTimeout time.Duration
	limit        time.Time     // no read of the current envelope or message lasts longer
	until        time.Time     // deadline of the current command line
	step         time.Duration // within a message: the deadline moves with each read; else 0

	mu       sync.Mutex
	stopping bool // stop was called
	idle     bool // waiting for a command with no message on its way: stop may interrupt
}

func newWire(c net.Conn, cfg *Config) *wire {
	w := &wire{raw: c, rw: c, writeTimeout: cfg.WriteTimeout, idle: true}
	w.in = bufio.NewReaderSize(w, max(inputBuffer, cfg.MaxLine+2))
	w.out = bufio.NewWriter(writerFunc(w.write))
	return w
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (w *wire) write(p []byte) (int, error) {
	if err := w.raw.SetWriteDeadline(time.Now().Add(w.writeTimeout)); err != nil {
		return 0, err
	}
	return w.rw.Write(p)
}

// Read fills w.in; nothing else calls it.
func (w *wire) Read(p []byte) (int, error) {
	if err := w.out.Flush(); err != nil {
		return 0, err
	}
	deadline := w.until
	if w.step > 0 {
		deadline = earlier(time.Now().Add(w.step), w.limit)
	}
	if err := w.arm(deadline); err != nil {
		return 0, err
	}
	n, err := w.rw.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && w.interrupted() {
		err = errStopping
	}
	return n, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// arm sets the deadline of the next read, unless the server is stopping and the session need not go on.
func (w *wire) arm(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping && w.idle {
		return errStopping
	}
	return w.raw.SetReadDeadline(deadline)
}

func (w *wire) interrupted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping && w.idle
}

// allow gives the session this long for what comes next: an envelope, or a message.
func (w *wire) allow(total time.Duration) {
	w.limit = time.Now().Add(total)
}

// beginOctets makes the following reads those of message octets: each octet that arrives gives the peer step more time.
func (w *wire) beginOctets(step time.Duration) {
	w.mu.Lock()
	w.idle = false
	w.mu.Unlock()
	w.step = step
}

// hears reports whether the peer sends anything within a time. A shutdown does not interrupt it where message octets may follow.
func (w *wire) hears(wait time.Duration) bool {
	defer func(step time.Duration) { w.step = step }(w.step)
	w.step, w.until = 0, earlier(time.Now().Add(wait), w.limit)
	_, err := w.in.Peek(1) // what there is to say of an error, the next read says again
	return err == nil
}

// readLine waits for a command line and returns it without its line end (CRLF, or LF from a peer that is typed by hand).
// A line longer than maxLine is skipped to its end and is errLineTooLong, with its beginning. A line cut off by the end of the connection is none.
// The line is valid until the next read. With idle false a shutdown does not interrupt it.
func (w *wire) readLine(maxLine int, timeout time.Duration, idle bool) ([]byte, error) {
	w.step = 0
	w.until = earlier(time.Now().Add(timeout), w.limit)
	w.mu.Lock()
	w.idle = idle
	stop := w.stopping && idle
	w.mu.Unlock()
	if stop {
		return nil, errStopping
	}
	line, err := w.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line[:maxLine])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = w.in.ReadSlice('\n')
		}
		if err == nil {
			return line, errLineTooLong
		}
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > maxLine {
		return line, errLineTooLong
	}
	return line, nil
}

// readOctets hands n message octets to write, block by block. The end of the connection before the last one is
// io.ErrUnexpectedEOF.
func (w *wire) readOctets(n int64, write func([]byte)) error {
	for n > 0 {
		if _, err := w.in.Peek(1); err != nil {
			return cut(err)
		}
		block, err := w.in.Peek(int(min(n, int64(w.in.Buffered()))))
		if err != nil {
			return cut(err)
		}
		write(block)
		if _, err := w.in.Discard(len(block)); err != nil {
			return cut(err)
		}
		n -= int64(len(block))
	}
	return nil
}

// cut is the error of a message that ended within: never io.EOF, which would say that it is complete.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// handshake sends what is buffered, throws away what the peer sent ahead of it in the clear (RFC 3207 section 5), and goes on
// over TLS. It returns the number of octets thrown away.
func (w *wire) handshake(ctx context.Context, cfg *tls.Config) (state tls.ConnectionState, discarded int, err error) {
	if err := w.out.Flush(); err != nil {
		return state, 0, err
	}
	discarded = w.in.Buffered()
	conn := tls.Server(w.raw, cfg)
	state, err = w.secure(ctx, conn)
	w.rw = conn
	w.in.Reset(w)
	return state, discarded, err
}

// secure completes the handshake of conn within its time.
func (w *wire) secure(ctx context.Context, conn *tls.Conn) (tls.ConnectionState, error) {
	deadline := time.Now().Add(handshakeTimeout)
	if err := w.arm(deadline); err != nil {
		return tls.ConnectionState{}, err
	}
	if err := w.raw.SetWriteDeadline(deadline); err != nil {
		return tls.ConnectionState{}, err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}

// stop asks the session to end as soon as no message is on its way, and wakes it if that is now. For any goroutine.
func (w *wire) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	if w.idle {
		// An error means that the connection is closed already.
		_ = w.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// close ends the connection at once. For any goroutine.
func (w *wire) close() {
	_ = w.raw.Close() // nothing is left to be done about it
}

// hangUp sends what is buffered and ends the connection in order, which over TLS says so to the peer.
func (w *wire) hangUp() {
	_ = w.out.Flush() // the connection may be gone already
	_ = w.rw.Close()
}

// linger sends the last reply and waits a moment for the peer to take it: closing with input unread would reset the connection
// and could destroy the reply on its way.
func (w *wire) linger() {
	if err := w.out.Flush(); err != nil {
		return
	}
	for _, c := range []net.Conn{w.rw, w.raw} {
		half, ok := c.(interface{ CloseWrite() error })
		if !ok {
			return
		}
		// Without TLS both are the same connection, and a second call does nothing.
		_ = half.CloseWrite()
	}
	if err := w.raw.SetReadDeadline(time.Now().Add(lingerTimeout)); err != nil {
		return
	}
	// The octets and the way this ends do not matter.
	_, _ = io.CopyN(io.Discard, w.raw, 1<<20)
}
