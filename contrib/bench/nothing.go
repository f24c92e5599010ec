package main

import (
	"context"

	"daybook/milter"
)

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
