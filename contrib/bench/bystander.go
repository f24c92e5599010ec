package main

import (
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

// startBystander serves such a milter from this process, at a Unix socket: over TCP
// the one without replies would be measured with 40 ms of delayed acknowledgement
// for each message. It ends the connections that are left when Postfix closes them:
// stop Postfix first.
func (s *servers) startBystander(noReply bool) (*server, error) {
	home, err := s.sharedFolder("milter-*")
	if err != nil {
		return nil, err
	}
	running, err := serveBystander(filepath.Join(home, "milter.sock"), noReply)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home = home
	return running, nil
}

func serveBystander(socket string, noReply bool) (*server, error) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &gomilter.Server{NewMilter: func() gomilter.Milter { return everyStep{} }}
	if noReply {
		s.NewMilter = func() gomilter.Milter { return silent{} }
		s.Protocol = gomilter.OptNoConnReply | gomilter.OptNoHeloReply | gomilter.OptNoMailReply |
			gomilter.OptNoRcptReply | gomilter.OptNoDataReply | gomilter.OptNoUnknownReply |
			gomilter.OptNoHeaderReply | gomilter.OptNoEOHReply | gomilter.OptNoBodyReply
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	end := func() error {
		// Server.Close sets what Serve reads; without the listener Serve ends too.
		err := l.Close()
		if ended := <-ended; !errors.Is(ended, net.ErrClosed) {
			return errors.Join(err, ended)
		}
		return err
	}
	return &server{addr: socket, end: end}, nil
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
