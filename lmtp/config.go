package lmtp

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
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

	// MaxConnections bounds the sessions of all listeners together; a peer beyond it is answered 421 4.3.2, or with ImplicitTLS just
	// closed. Default: 1000.
	MaxConnections int

	// MaxConnectionsPerIP bounds the sessions of one client at a time; one beyond it is answered 421 4.7.0, or with ImplicitTLS just
	// closed, which spares the handshake. An IPv6 client is its /64 network. Peers on Unix-domain sockets are not counted. Default:
	// no limit of its own.
	MaxConnectionsPerIP int

	// MessagesPerMinutePerIP is how many transactions one client may begin in a minute, in one session or in many; MAIL beyond it is
	// answered 451 4.7.1. Clients are counted as in MaxConnectionsPerIP. Default: no limit.
	MessagesPerMinutePerIP int

	// MaxLine bounds a command line, in octets without its line end. A longer one is answered 500 5.5.2. Default: 4096.
	// It does not apply to message lines.
	MaxLine int

	// TLS is the configuration for STARTTLS and ImplicitTLS; nil offers neither. It is asked anew for each connection, so that
	// GetCertificate or GetConfigForClient can bring a new certificate without a restart. With ClientAuth it asks for a certificate
	// of the client; a verified one is shown to Gate and in the Envelope.
	TLS *tls.Config

	// ImplicitTLS begins each connection with a TLS handshake, and STARTTLS is not offered (RFC 8314 section 3). It needs TLS. A
	// tls.NewListener passed to Serve does the same, but does not go with Proxies.
	ImplicitTLS bool

	// Credentials looks up a user. It is what AUTH is offered for (RFC 4954): SCRAM-SHA-256, PLAIN and LOGIN; nil offers none. For a
	// user that is not known the Credential says only what a check shall cost: return that of any other user, so that the two
	// cannot be told apart by time; the zero one costs 4096 iterations, as a password does. An error is answered 454 4.7.0. It is
	// called by many sessions at the same time. The user is SASLprepped and never empty, but otherwise as the peer chose.
	Credentials func(user string) (c Credential, known bool, err error)

	// AuthInsecure offers AUTH without TLS, too, where everybody on the way can read the password.
	AuthInsecure bool

	// Gate decides who may deliver, before anything of a message is read. Default: everybody may.
	Gate Gate

	// Proxies are the load balancers in front: a connection from one of them must begin with a PROXY header of version 1 or 2, and
	// is then one of the client that the header names. With LOCAL or UNKNOWN, as in a health check, it is the balancer's own. A
	// connection with no such header is closed. From any other peer a header is not looked for.
	Proxies []netip.Prefix

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

	authPause time.Duration // before a failed login is answered; only tests set it
}

// Limits that nobody needs to set.
const (
	maxBadCommands   = 20       // in a session since its last good message; then 421
	maxBarred        = 1000     // commands that the gate or a rate refused, counted alike; then 421
	maxDenied        = 3        // failed logins of a session; then 421
	maxAuthLine      = 12288    // octets of an AUTH command or response (RFC 4954 section 4)
	maxEnvelopeBytes = 8 << 20  // addresses and parameters of one transaction; then 452
	minDrain         = 64 << 20 // octets of a message that are at least read before the connection is closed on it
	drainFactor      = 4        // as above, as a multiple of MaxMessage

	inputBuffer      = 32 << 10
	handshakeTimeout = time.Minute
	proxyTimeout     = 10 * time.Second // for a PROXY header
	authPause        = time.Second      // before a failed login is answered
	authWait         = 30 * time.Second // for other logins to be checked first
	lingerTimeout    = 500 * time.Millisecond
	earlyWait        = 100 * time.Millisecond // for octets of a message that nobody asked for
)

// withDefaults returns c with all fields set that have a default.
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
	setDefault(&c.authPause, authPause)
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
