package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// chunks is one message that comes by BDAT. The handler reads a pipe in a goroutine of its own, which is always waited for.
type chunks struct {
	pipe    *io.PipeWriter
	lost    context.CancelCauseFunc
	total   int64
	limit   time.Time // of the envelope, which counts again when the message is given up
	done    chan struct{}
	replies []Reply // of the handler, when done is closed
}

// bdat is RFC 3030 section 2. Its octets are consumed before anything is answered, also where they are of no use: they must not
// be read as commands.
func (s *session) bdat(arg string) error {
	size, last, ok := parseChunk(arg)
	if !ok {
		// How many octets follow is not known, so nothing that follows can be understood.
		s.abort(ErrAborted)
		return s.lastReply(Reply{Code: 501, Enhanced: "5.5.4", Text: "syntax: BDAT size [LAST]"})
	}
	refusal := s.bdatRefusal()
	if refusal == nil && s.tx.chunks == nil {
		if last && !s.beyondMeasure(size) {
			return s.onlyChunk(size)
		}
		s.beginChunks()
	}
	if s.beyondMeasure(size) {
		return s.bdatTooLarge(last)
	}
	s.wire.beginOctets(s.cfg.DataTimeout)
	if refusal != nil {
		if err := s.wire.readOctets(size, func([]byte) {}); err != nil {
			return fmt.Errorf("reading a chunk: %w", err)
		}
		s.tx.spoilt = s.tx.env != nil // a later chunk alone would not be the message
		return s.refused(refusal)
	}
	if err := s.wire.out.Flush(); err != nil { // the handler may take its time
		return fmt.Errorf("sending replies: %w", err)
	}
	c := s.tx.chunks
	if err := s.wire.readOctets(size, c.write); err != nil {
		err = fmt.Errorf("reading a chunk: %w", err)
		s.abort(err)
		return err
	}
	c.total += size
	if !last {
		return s.say([]byte(Reply{Code: 250, Enhanced: "2.0.0", Text: strconv.FormatInt(size, 10) + " octets"}.line(false)))
	}
	return s.lastChunk()
}

// onlyChunk takes a message that comes in one chunk. The handler runs in the session's goroutine, as for DATA.
func (s *session) onlyChunk(size int64) error {
	s.wire.beginOctets(s.cfg.DataTimeout)
	s.wire.allow(s.cfg.MessageTimeout)
	if err := s.wire.out.Flush(); err != nil { // the handler may take its time
		return fmt.Errorf("sending replies: %w", err)
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	octets := &octetReader{wire: s.wire, left: size}
	b := &body{src: octets, left: s.cfg.MaxMessage, lost: cancel}
	replies := s.deliver(ctx, s.tx.env, b)
	b.detach()
	if octets.err != nil {
		return octets.err // a peer that was silent for too long is not waited for again
	}
	if err := s.wire.readOctets(octets.left, func([]byte) {}); err != nil {
		return fmt.Errorf("reading a chunk: %w", err)
	}
	if size > s.cfg.MaxMessage {
		replies = sameReply(tooLarge(s.cfg.MaxMessage), s.tx.rcpts)
	}
	return s.complete(replies)
}

// An octetReader reads as many octets as are announced. The end of the connection before the last one is io.ErrUnexpectedEOF.
type octetReader struct {
	wire *wire
	left int64
	err  error // of the connection, returned for good
}

func (r *octetReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.wire.in.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err != nil {
		r.err = fmt.Errorf("reading a chunk: %w", cut(err))
	}
	return n, r.err
}

func (s *session) bdatRefusal() error {
	if s.tx.env == nil || s.tx.spoilt {
		return refuse(503, "5.5.1", "BDAT not expected here")
	}
	if s.tx.rcpts == 0 {
		return refuse(503, "5.5.1", "no valid recipients")
	}
	return nil
}

// parseChunk reads the argument of BDAT.
func parseChunk(arg string) (size int64, last, ok bool) {
	fields := strings.Fields(arg)
	if len(fields) == 0 || len(fields) > 2 || strings.Trim(fields[0], "0123456789") != "" {
		return 0, false, false
	}
	if len(fields) == 2 {
		if !strings.EqualFold(fields[1], "LAST") {
			return 0, false, false
		}
		last = true
	}
	size, err := strconv.ParseInt(fields[0], 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 1<<63 - 1, last, true
	}
	return size, last, err == nil
}

// beginChunks starts the handler.
func (s *session) beginChunks() {
	limit := s.wire.limit
	s.wire.allow(s.cfg.MessageTimeout)
	ctx, cancel := context.WithCancelCause(s.ctx)
	reader, writer := io.Pipe()
	c := &chunks{pipe: writer, lost: cancel, limit: limit, done: make(chan struct{})}
	b := &body{src: reader, left: s.cfg.MaxMessage, lost: cancel}
	env := s.tx.env
	s.tx.chunks = c
	go func() {
		defer close(c.done)
		defer cancel(nil)
		c.replies = s.deliver(ctx, env, b)
		// Octets that come now are thrown away.
		_ = reader.Close()
		b.detach()
	}()
}

// write hands octets to the handler. If it returned already it does not want them.
func (c *chunks) write(p []byte) {
	_, _ = c.pipe.Write(p)
}

// abort ends a delivery by BDAT that is under way: the handler sees err, and is waited for.
func (s *session) abort(err error) {
	c := s.tx.chunks
	if c == nil {
		return
	}
	s.tx.chunks = nil
	s.wire.limit = c.limit
	_ = c.pipe.CloseWithError(err) // never fails
	c.lost(err)
	<-c.done
}

// lastChunk completes the message and answers it.
func (s *session) lastChunk() error {
	c := s.tx.chunks
	s.tx.chunks = nil
	_ = c.pipe.Close() // never fails
	<-c.done
	if c.total > s.cfg.MaxMessage {
		return s.complete(sameReply(tooLarge(s.cfg.MaxMessage), s.tx.rcpts))
	}
	return s.complete(c.replies)
}

// beyondMeasure reports whether a chunk of this size is not even going to be read.
func (s *session) beyondMeasure(size int64) bool {
	limit := s.cfg.drainLimit()
	if s.tx.chunks != nil {
		limit -= s.tx.chunks.total
	}
	return size > limit
}

// bdatTooLarge ends the session: the octets that follow are too many to be read, and are no commands. Only the last chunk has a
// reply for each recipient.
func (s *session) bdatTooLarge(last bool) error {
	within := s.tx.chunks != nil
	s.abort(ErrTooLarge)
	if within && last {
		return s.tooLarge()
	}
	return s.lastReply(tooLarge(s.cfg.MaxMessage))
}
