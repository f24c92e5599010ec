package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// data is RFC 5321 section 4.1.1.4. The handler runs in the session's goroutine and reads from the connection itself; the peer is asked
// for the message when it first does.
func (s *session) data(arg string) error {
	if err := s.dataRefusal(arg); err != nil {
		s.turned = true
		return s.refused(err)
	}
	s.wire.beginOctets(s.cfg.DataTimeout) // a shutdown waits from now on
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)

	reader := &dotReader{in: s.wire.in}
	asked := &asking{session: s, dotReader: reader}
	b := &body{src: asked, left: s.cfg.MaxMessage, lost: cancel}
	replies := s.deliver(ctx, s.tx.env, b)
	b.detach()

	if deferred(replies, s.tx.rcpts) && !asked.done && !s.wire.hears(earlyWait) {
		return s.turnDown(replies[0])
	}
	if err := asked.ask(); err != nil {
		return err
	}
	if err := reader.drain(s.cfg.drainLimit()); errors.Is(err, ErrTooLarge) {
		return s.tooLarge()
	} else if err != nil {
		// The rest of the message may still come, and must not be read as commands: the connection is closed.
		return fmt.Errorf("reading a message: %w", err)
	}
	if reader.n > s.cfg.MaxMessage {
		replies = sameReply(tooLarge(s.cfg.MaxMessage), s.tx.rcpts)
	}
	return s.complete(replies)
}

// asking is the octets of a message that the peer is asked for when they are first read.
type asking struct {
	*dotReader
	session *session
	done    bool
}

func (a *asking) Read(p []byte) (int, error) {
	if err := a.ask(); err != nil {
		a.err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return a.dotReader.Read(p)
}

// ask has the peer send the message.
func (a *asking) ask() error {
	if a.done {
		return nil
	}
	a.done = true
	s := a.session
	if err := s.say([]byte("354 end data with <CR><LF>.<CR><LF>\r\n")); err != nil {
		return err
	}
	if err := s.wire.out.Flush(); err != nil { // the message may be here already
		return fmt.Errorf("sending replies: %w", err)
	}
	s.wire.allow(s.cfg.MessageTimeout)
	return nil
}

// deferred reports whether all n recipients are to be tried again.
func deferred(replies []Reply, n int) bool {
	temporary := func(r Reply) bool { return r.Code/100 == 4 }
	return len(replies) == n && !slices.ContainsFunc(replies, func(r Reply) bool { return !temporary(r) })
}

// dataRefusal returns why DATA cannot follow what was before.
func (s *session) dataRefusal(arg string) error {
	switch {
	case arg != "":
		return refuse(501, "5.5.4", "DATA takes no argument")
	case s.tx.chunks != nil:
		s.spoil() // RFC 3030 section 2: DATA and BDAT cannot be mixed
		return refuse(503, "5.5.1", "DATA after BDAT")
	case s.tx.env == nil || s.tx.spoilt:
		return refuse(503, "5.5.1", "DATA not expected here")
	case s.tx.rcpts == 0:
		return refuse(503, "5.5.1", "no valid recipients") // RFC 2033 section 4.2
	case s.tx.env.BodyType == "BINARYMIME":
		return refuse(503, "5.5.1", "BINARYMIME needs BDAT") // RFC 3030 section 3
	}
	return nil
}

// complete answers a message that arrived whole.
func (s *session) complete(replies []Reply) error {
	closing, err := s.answerMessage(replies)
	if err != nil {
		return err
	}
	if err := s.forget(); err != nil {
		return err
	}
	s.bad, s.refusals = 0, 0
	if closing {
		return errBye
	}
	return nil
}

// turnDown answers DATA itself, in place of asking for the message, and ends the transaction. A peer that did not wait to be asked, and
// has begun to send, is not turned down: what it sends must not be read as commands.
func (s *session) turnDown(r Reply) error {
	s.turned = true
	if err := s.say([]byte(r.line(s.tx.utf8))); err != nil {
		return err
	}
	if err := s.forget(); err != nil {
		return err
	}
	if r.Code == 421 {
		return errBye
	}
	return nil
}

// tooLarge answers a message that is beyond all measure, and ends the session instead of reading the rest.
func (s *session) tooLarge() error {
	s.log.Warn("message beyond all measure", "client", s.client, "limit", s.cfg.MaxMessage)
	if _, err := s.answerMessage(sameReply(tooLarge(s.cfg.MaxMessage), s.tx.rcpts)); err != nil {
		return err
	}
	s.wire.linger()
	return errBye
}

// answerMessage sends one reply for each recipient, or over SMTP one for all. closing is true if one of them was 421.
func (s *session) answerMessage(given []Reply) (closing bool, err error) {
	replies := perRecipient(given, s.tx.rcpts)
	if s.cfg.SMTP {
		replies = []Reply{combined(replies)}
	}
	for _, r := range replies {
		closing = closing || r.Code == 421
		if err := s.say([]byte(r.line(s.tx.utf8))); err != nil {
			return closing, err
		}
	}
	return closing, nil
}

func sameReply(r Reply, n int) []Reply {
	replies := make([]Reply, n)
	for i := range replies {
		replies[i] = r
	}
	return replies
}
