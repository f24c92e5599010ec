package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"daybook/milter"
)

// nothingCommand has this program be a do-nothing milter until it is told to end: each
// is a process of its own, as all that is measured beside it.
const nothingCommand = "do-nothing"

// launchNothing runs the do-nothing milter of a name at an address.
func (s *servers) launchNothing(ctx context.Context, name, addr string) (*server, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, addr, program, nothingCommand, name, addr)
}

// startNothing runs the one that is made with package milter.
func (s *servers) startNothing(ctx context.Context) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return s.launchNothing(ctx, nameNothing, addr)
}

// serveNothing is the do-nothing milter of a name until the end of its context.
func serveNothing(ctx context.Context, name, addr string) error {
	var serve func(net.Listener) error
	switch name {
	case nameNothing:
		serve = milter.NewServer(milter.Config{NewSession: func() milter.Session { return nothing{} }}).Serve
	case nameEveryStep, nameNoReply:
		serve = bystander(name == nameNoReply).Serve
	default:
		return fmt.Errorf("%q is no do-nothing milter; there are %q, %q and %q", name, nameNothing, nameEveryStep, nameNoReply)
	}
	l, err := net.Listen(network(addr), addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })() // that it is closed is seen by serve
	if err := serve(l); ctx.Err() == nil || !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serving a milter at %s: %w", addr, err)
	}
	return nil // the connections that are left end with the process
}

// nothing is a milter session that lets everything pass and keeps nothing: the
// ceiling of what a milter on the same protocol code can reach.
type nothing struct{}

var _ milter.Session = nothing{}

func (nothing) Connect(context.Context, *milter.Connection) milter.Verdict { return milter.Verdict{} }

func (nothing) Helo(context.Context, *milter.Connection) milter.Verdict { return milter.Verdict{} }

func (nothing) Mail(context.Context, *milter.Transaction) milter.Verdict { return milter.Verdict{} }

func (nothing) Rcpt(context.Context, *milter.Transaction) milter.Verdict { return milter.Verdict{} }

func (nothing) Header([]byte) milter.Verdict { return milter.Verdict{} }

func (nothing) EndOfHeaders() milter.Verdict { return milter.Verdict{} }

func (nothing) Body([]byte) milter.Verdict { return milter.Verdict{} }

func (nothing) EndOfMessage(context.Context, *milter.Transaction) milter.Verdict {
	return milter.Verdict{}
}

func (nothing) Abort() {}

func (nothing) Close() {}
