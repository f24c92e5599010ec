package lmtp

import (
	"context"
	"errors"
	"fmt"
)

// data is RFC 5321 section 4.1.1.4. The handler runs in the session's goroutine and reads from the connection itself.
func (s *session) data(arg string) error {
	if err := s.dataRefusal(arg); err != nil {
		return s.refused(err)
	}
	if err := s.say([]byte("354 end data with <CR><LF>.<CR><LF>\r\n")); err != nil {
		return err
	}
	if err := s.wire.out.Flush(); err != nil { // the message may be here already, and the handler may take its time
		return fmt.Errorf("sending replies: %w", err)
	}
	s.wire.allow(s.cfg.MessageTimeout)
	s.wire.beginOctets(s.cfg.DataTimeout)
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)

	reader := &dotReader{in: s.wire.in}
	b := &body{src: reader, left: s.cfg.MaxMessage, lost: cancel}
	replies := s.deliver(ctx, s.tx.env, b)
	b.detach()

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
