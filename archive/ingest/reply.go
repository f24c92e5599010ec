package ingest

import (
	"errors"
	"strconv"
	"syscall"

	"daybook/archive"
)

// errHeld: there was no room yet for the text of the policy.
var errHeld = errors.New("the policy's text is not kept yet, for want of disk space")

// errSuspended: the source is suspended by the policy.
var errSuspended = errors.New("the policy suspends the source")

// reply is what a peer is told of a message.
type reply struct {
	code     int
	enhanced string
	text     string
}

func (r reply) String() string { return strconv.Itoa(r.code) + " " + r.enhanced + " " + r.text }

// replyTo says how a message is answered: 4xx for any trouble of ours, as an
// MTA gives up on a 5xx for good.
func replyTo(records []record, err error) reply {
	switch {
	case err == nil:
		return reply{250, "2.0.0", textOf(records)}
	case errors.Is(err, errSuspended):
		return reply{451, "4.3.2", "mail is not taken here for the time being, try again later"}
	case errors.Is(err, archive.ErrNoSpace), errors.Is(err, errHeld), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return reply{452, "4.3.1", "the archive is short of disk space, try again later"}
	case errors.Is(err, errBusy):
		return reply{452, "4.3.1", "too much mail is coming in at the moment, try again later"}
	case errors.Is(err, archive.ErrClosed):
		return reply{451, "4.3.2", "the archive is shutting down, try again later"}
	case errors.Is(err, errTooLarge):
		return reply{451, "4.3.4", "the message is too large for the archive as it is configured"}
	}
	return reply{451, "4.3.0", "the message could not be archived, try again later"}
}
