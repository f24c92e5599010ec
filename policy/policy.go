package policy

import (
	"crypto/sha256"
	"net/netip"
	"time"
)

// Policy is a configuration that has been checked. It is not changed after it
// was loaded and may be read from everywhere at once.
type Policy struct {
	Server    Server
	Tenants   []Tenant
	Milters   []Milter
	Listeners []Listener
	// Journals are those that are written down and, for a listener without any,
	// one of the listener's name that takes everything.
	Journals []Journal
	Rules    []Rule
	Tests    []Test
	// Files are those whose text makes the policy, in the order of Digest.
	Files []File
	// Digest is the SHA-256 of one line for each of Files, as sha256sum(1) prints
	// it: the file's digest in hexadecimal, two spaces, its name, a line feed.
	Digest [sha256.Size]byte

	domains  *domains
	sources  map[string]*Source
	tenants  map[string]*Tenant
	journals map[journalKey]*Journal
	named    map[string]*Journal
}

// File is one file of a policy.
type File struct {
	// Name is the path as seen from the configuration's folder, with slashes; a
	// file elsewhere has its absolute path.
	Name string
	// Path is where the file was read.
	Path   string
	Size   int64
	SHA256 [sha256.Size]byte
}

// Server is how the daemon runs. But for MaxMessage and MaxInFlight a zero value means
// that the key was not given.
type Server struct {
	Data     string
	Hostname string
	MinFree  int64
	// MaxMessage is always set: see [DefaultMaxMessage].
	MaxMessage int64
	// MaxInFlight is what all messages that are coming in may take of memory and of the
	// spool, in bytes. It is always set: see [DefaultMaxInFlight].
	MaxInFlight int64
	Control     Addr
	Metrics     Addr
	LogLevel    string
	LogFormat   string
}

// DefaultMaxMessage is the size in bytes of the largest message that is taken
// where nothing else is written: what the large providers send, and as much again
// for the encoding of attachments.
const DefaultMaxMessage = 256 << 20

// DefaultMaxInFlight is the MaxInFlight, in bytes, where nothing else is written and no
// message may be larger than a third of it. MinInFlight is the least that it can be.
const (
	DefaultMaxInFlight = 1 << 30
	MinInFlight        = 64 << 20
)

// Tenant is one whose mail is archived, apart from that of all others.
type Tenant struct {
	Name        string
	Description string
	// Domains are in lower case, with A-labels (RFC 5890); "*.example.com" is every
	// name below example.com.
	Domains []string
	// Delimiter separates a local part from an extension that does not count, as
	// "+" in user+extension@example.com; empty when there is none.
	Delimiter string

	known *known // nil: every address of the domains is known
}

// Action is what becomes of a message.
type Action string

// The actions.
const (
	// Archive keeps a message.
	Archive Action = "archive"
	// Quarantine keeps a message too, listed apart until someone has looked at it.
	Quarantine Action = "quarantine"
	// Skip keeps no more of a message than a record that it came.
	Skip Action = "skip"
)

// Source is a configured way in: a milter or a journal.
type Source struct {
	// Name is unique among milters, journals and listeners, but that a listener
	// without journals shares its name with the one that stands for it.
	Name string
	// Tenants are whose mail may come in here; at least one.
	Tenants []string
	// Unclaimed is the tenant of the mail in which none of several Tenants has an
	// address; empty with one tenant.
	Unclaimed string
	// NonInternal is for mail without any internal address, UnknownInternal for
	// mail with an unknown internal address and no known one. Archive by default.
	NonInternal, UnknownInternal Action
	// MaxAge is how much older than its arrival the Date field of a message may be
	// before OnOld, Archive or Quarantine, is for it; 0 is no limit.
	MaxAge time.Duration
	OnOld  Action
	// Inactivity is how long a source may be silent before it counts as down; 0 is
	// for ever.
	Inactivity time.Duration
	// Suspended sources take no mail: it is deferred.
	Suspended bool
	// Log tells whether every message gets a line in the log, or trouble only.
	Log   bool
	Dedup Dedup

	at placesOfWords
}

// Dedup says which copies of a mail are joined to one message.
type Dedup struct {
	// Window is how far apart copies may arrive; 0 joins exact copies only.
	Window time.Duration
	// Match is MatchContent or MatchMessageID.
	Match string
}

// What copies of a mail must have in common.
const (
	MatchContent   = "content"
	MatchMessageID = "message-id"
)

// What a milter does with a message that cannot be archived.
const (
	// OnFailureTempFail has the client try again later.
	OnFailureTempFail = "tempfail"
	// OnFailureAccept lets the message pass without being archived.
	OnFailureAccept = "accept"
)

// Milter is a way in for a mail server that asks filters.
type Milter struct {
	Source
	Listen    Addr
	OnFailure string
	// MaxMessage bounds a message; for a larger one OnFailure says what happens.
	MaxMessage int64
}

// Kinds of listeners.
const (
	KindLMTP = "lmtp"
	KindSMTP = "smtp"
)

// Listener takes mail for the journals.
type Listener struct {
	Name string
	// Kind is KindLMTP or KindSMTP.
	Kind   string
	Listen Addr
	// MaxMessage bounds a message, in bytes.
	MaxMessage    int64
	MaxRecipients int // 0: the default of package lmtp
	// TLSCert and TLSKey are files; both or neither are set. With TLSOnConnect TLS
	// begins at once, else after STARTTLS.
	TLSCert, TLSKey string
	TLSOnConnect    bool
	// ClientCA is a file of certificates that client certificates are checked
	// against; empty asks for none.
	ClientCA string
	// Proxies are the load balancers whose PROXY header is believed.
	Proxies []netip.Prefix
	// MaxConnections and MaxConnectionsPerClient bound the connections at one time,
	// MessagesPerMinute those of one client; 0 is the default of package lmtp.
	MaxConnections, MaxConnectionsPerClient, MessagesPerMinute int
}

// How a journal's messages are wrapped.
const (
	// FormatEnvelope is a journal report with the message inside.
	FormatEnvelope = "envelope"
	// FormatPlain is the message itself.
	FormatPlain = "plain"
)

// Whether a journal's deliveries must be encrypted.
const (
	TLSRequired = "required"
	TLSOptional = "optional"
)

// Journal is a way in for journal deliveries: whose they are, which are taken,
// and what they look like.
type Journal struct {
	Source
	Description string
	// Address is the recipient address of its deliveries, in lower case; "*" is any.
	Address string
	// Via names the listeners that take its deliveries.
	Via []string
	// Format is FormatEnvelope or FormatPlain.
	Format string
	// HeaderEnvelope names the header fields that carry the envelope.
	HeaderEnvelope []string
	// AllowFrom are the networks that may deliver; empty is all.
	AllowFrom []netip.Prefix
	// Auth, unless nil, is how the peer proves who it is.
	Auth *Auth
	// TLS is TLSRequired or TLSOptional.
	TLS string
	// PreferClearText shows the decrypted one of two originals.
	PreferClearText bool
	// HideHeaders are header fields that are hidden where a message is shown.
	HideHeaders []string
}

// AnyAddress is the address of a journal that takes all recipients.
const AnyAddress = "*"

// Auth is what a peer of a journal has to know.
type Auth struct {
	User string
	// PasswordFile holds the password, or what a SCRAM server stores of it, in its
	// first line. It is read when it is needed and is not part of Files.
	PasswordFile string
}
