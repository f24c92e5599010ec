package milter

import (
	"log/slog"
	"time"
)

// Config configures a Server. Only NewSession is required; a zero number or
// duration means its default.
type Config struct {
	// NewSession makes the Session of an SMTP connection. It is called from
	// many goroutines and must not return nil.
	NewSession func() Session

	// Logger gets one line for each connection that went wrong. Default: none
	// is written.
	Logger *slog.Logger

	// IdleTimeout is how long a connection may stay silent between two
	// commands. The MTA is silent as long as its SMTP client is, so this must
	// not be shorter than the MTA's own limits. Default: 7210 seconds, as in
	// libmilter.
	IdleTimeout time.Duration

	// NegotiationTimeout is how long a new connection may take for its first
	// command, SMFIC_OPTNEG. Default: 30 seconds.
	NegotiationTimeout time.Duration

	// FrameTimeout is how long one command may take from its first byte to its
	// last. Default: 60 seconds.
	FrameTimeout time.Duration

	// TransactionTimeout is how long a transaction may take from MAIL to the
	// end of the message. Default: 4 hours.
	TransactionTimeout time.Duration

	// WriteTimeout is how long a reply may take. Default: 60 seconds.
	WriteTimeout time.Duration

	// MaxConnections is the number of open milter connections. One more is
	// closed at once, which the MTA takes as a temporary failure. An MTA has
	// one for each SMTP connection. Default: 1000.
	MaxConnections int

	// MaxRecipients is the number of recipients of one transaction; more than
	// that get a temporary failure. Default: 100,000.
	MaxRecipients int

	// MaxEnvelopeBytes is the size of all addresses and ESMTP arguments of one
	// transaction, in bytes; more than that get a temporary failure. Default:
	// 16 MiB.
	MaxEnvelopeBytes int
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	defaultTo(&c.IdleTimeout, 7210*time.Second)
	defaultTo(&c.NegotiationTimeout, 30*time.Second)
	defaultTo(&c.FrameTimeout, time.Minute)
	defaultTo(&c.TransactionTimeout, 4*time.Hour)
	defaultTo(&c.WriteTimeout, time.Minute)
	defaultTo(&c.MaxConnections, 1000)
	defaultTo(&c.MaxRecipients, 100_000)
	defaultTo(&c.MaxEnvelopeBytes, 16<<20)
	return c
}

func defaultTo[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
