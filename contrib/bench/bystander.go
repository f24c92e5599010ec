package main

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"os"
	"path/filepath"

	gomilter "github.com/emersion/go-milter"
)

// Do-nothing milters as one writes them in Go with go-milter: what a milter costs
// Postfix before it does anything.
const (
	nameEveryStep = "do-nothing, answers all"
	nameNoReply   = "do-nothing, no replies"
)

// startBystander runs such a milter at a Unix socket: over TCP the one without replies
// would be measured with 40 ms of delayed acknowledgement for each message.
func (s *servers) startBystander(ctx context.Context, name string) (*server, error) {
	home, err := s.sharedFolder("milter-*")
	if err != nil {
		return nil, err
	}
	running, err := s.launchNothing(ctx, name, filepath.Join(home, "milter.sock"))
	if err == nil {
		err = running.admitAll()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home = home
	return running, nil
}

// bystander is the server of such a milter.
func bystander(noReply bool) *gomilter.Server {
	if !noReply {
		return &gomilter.Server{NewMilter: func() gomilter.Milter { return everyStep{} }}
	}
	return &gomilter.Server{
		NewMilter: func() gomilter.Milter { return silent{} },
		Protocol: gomilter.OptNoConnReply | gomilter.OptNoHeloReply | gomilter.OptNoMailReply |
			gomilter.OptNoRcptReply | gomilter.OptNoDataReply | gomilter.OptNoUnknownReply |
			gomilter.OptNoHeaderReply | gomilter.OptNoEOHReply | gomilter.OptNoBodyReply,
	}
}

// everyStep answers every step with "continue".
type everyStep struct{ gomilter.NoOpMilter }

// Body answers the end of the message. "Accept" would make the library forget the
// SMTP connection.
func (everyStep) Body(*gomilter.Modifier) (gomilter.Response, error) {
	return gomilter.RespContinue, nil
}

// silent answers the end of a message only.
type silent struct{ everyStep }

var _ gomilter.Milter = silent{}

// Connect, and all that follows but Body, have no answer: none is expected.
func (silent) Connect(string, string, uint16, net.IP, *gomilter.Modifier) (gomilter.Response, error) {
	return nil, nil
}

func (silent) Helo(string, *gomilter.Modifier) (gomilter.Response, error) { return nil, nil }

func (silent) MailFrom(string, *gomilter.Modifier) (gomilter.Response, error) { return nil, nil }

func (silent) RcptTo(string, *gomilter.Modifier) (gomilter.Response, error) { return nil, nil }

func (silent) Header(string, string, *gomilter.Modifier) (gomilter.Response, error) { return nil, nil }

func (silent) Headers(textproto.MIMEHeader, *gomilter.Modifier) (gomilter.Response, error) {
	return nil, nil
}

func (silent) BodyChunk([]byte, *gomilter.Modifier) (gomilter.Response, error) { return nil, nil }
