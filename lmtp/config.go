package lmtp

import (
	"crypto/tls"
	"log/slog"
	"os"
	"time"
)

// Config says what a Server does. Only Handler is required; a zero value elsewhere means the default.
type Config struct {
	// Handler takes the messages. Without one every message is answered 451.
	Handler Handler

	// Hostname is the name in the greeting. Default: the name of the machine.
	Hostname string

	// SMTP selects SMTP; false is LMTP.
	SMTP bool

	// MaxMessage is the size of the largest message that is taken, in octets after the removal of dot-stuffing, and is advertised
	// as SIZE (RFC 1870). A message of exactly this size is taken. Default: 256 MiB. What exceeds it is read and answered 552; what
	// exceeds it four times (at least 64 MiB) also closes the connection.
	MaxMessage int64

	// MaxRecipients bounds one transaction; RCPT beyond it is answered 452 4.5.3, so that the peer sends the rest in
	// another one. Default: 10000.
	MaxRecipients int

	// MaxConnections bounds the sessions of all listeners together; a peer beyond it is answered 421 4.3.2. Default: 1000.
	MaxConnections int

	// MaxLine bounds a command line, in octets without its line end. A longer one is answered 500 5.5.2. Default: 4096.
	// It does not apply to message lines.
	MaxLine int

	// TLS is the configuration for STARTTLS; nil does not offer it. For TLS from the first octet pass a tls.NewListener to Serve.
	TLS *tls.Config

	// CommandTimeout is the time from one reply to the end of the next command line. Default: 5 min (RFC 5321 section 4.5.3.2.7).
	CommandTimeout time.Duration

	// EnvelopeTimeout is the time from the start of a session, or from its last message, to the next DATA or BDAT: a session
	// that sends no mail does not live longer. Default: 30 min.
	EnvelopeTimeout time.Duration

	// DataTimeout is the time within a message without a single octet. It starts anew with each octet that arrives.
	// Default: 3 min (RFC 5321 section 4.5.3.2.5).
	DataTimeout time.Duration

	// MessageTimeout is the time for all of a message's octets. Default: 1 h.
	MessageTimeout time.Duration

	// WriteTimeout is the time for a peer to take replies that were sent to it. Default: 1 min.
	WriteTimeout time.Duration

	// Logger gets what an operator has to know. Default: nothing is logged.
	Logger *slog.Logger
}

// Limits that nobody needs to set.
const (
	maxBadCommands   = 20       // in a session since its last good message; then 421
	maxEnvelopeBytes = 8 << 20  // addresses and parameters of one transaction; then 452
	minDrain         = 64 << 20 // octets of a message that are at least read before the connection is closed on it
	drainFactor      = 4        // as above, as a multiple of MaxMessage

	inputBuffer      = 32 << 10
	handshakeTimeout = time.Minute
	lingerTimeout    = 500 * time.Millisecond
)

// withDefaults returns c with all fields set but Handler and TLS.
func (c Config) withDefaults() Config {
	if c.Hostname == "" {
		c.Hostname = machineName()
	}
	setDefault(&c.MaxMessage, 256<<20)
	setDefault(&c.MaxRecipients, 10000)
	setDefault(&c.MaxConnections, 1000)
	setDefault(&c.MaxLine, 4096)
	setDefault(&c.CommandTimeout, 5*time.Minute)
	setDefault(&c.EnvelopeTimeout, 30*time.Minute)
	setDefault(&c.DataTimeout, 3*time.Minute)
	setDefault(&c.MessageTimeout, time.Hour)
	setDefault(&c.WriteTimeout, time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// setDefault replaces a value that is not set, or makes no sense as a limit.
func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func machineName() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}

// drainLimit is the number of octets of one message after which the connection is closed. It does not overflow.
func (c *Config) drainLimit() int64 {
	if c.MaxMessage > (1<<62)/drainFactor {
		return 1 << 62
	}
	return max(c.MaxMessage*drainFactor, minDrain)
}
