package policy

import (
	"cmp"
	"crypto/sha256"
)

// Policy is a configuration that has been checked. It is not changed after it
// was loaded and may be read from everywhere at once.
type Policy struct {
	Server  Server
	Tenants []Tenant
	Milters []Milter
	LMTPs   []LMTP
	// Digest is the SHA-256 of the text: of the files' bytes one after the
	// other, in the order of their names.
	Digest [sha256.Size]byte
}

// Server is how the daemon runs. But for MaxMessage a zero value means that the
// key was not given.
type Server struct {
	Data     string
	Hostname string
	MinFree  int64
	// MaxMessage is always set: see [DefaultMaxMessage].
	MaxMessage int64
	Control    Addr
	Metrics    Addr
	LogLevel   string
	LogFormat  string
}

// DefaultMaxMessage is the size in bytes of the largest message that is taken
// where nothing else is written: what the large providers send, and as much again
// for the encoding of attachments.
const DefaultMaxMessage = 256 << 20

// Tenant is one whose mail is archived, apart from that of all others.
type Tenant struct {
	Name        string
	Description string
	Domains     []string
}

// What a milter does with a message that cannot be archived.
const (
	// OnFailureTempFail has the client try again later.
	OnFailureTempFail = "tempfail"
	// OnFailureAccept lets the message pass without being archived.
	OnFailureAccept = "accept"
)

// Milter is a way in for a mail server that asks filters.
type Milter struct {
	Name      string
	Listen    Addr
	Tenant    string
	OnFailure string
	// MaxMessage bounds a message; for a larger one OnFailure says what happens.
	MaxMessage int64
}

// LMTP is a way in for journal deliveries.
type LMTP struct {
	Name          string
	Listen        Addr
	Tenant        string
	MaxMessage    int64
	MaxRecipients int
	TLSCert       string
	TLSKey        string
}

// Default is the policy of one who has written none.
func Default() *Policy {
	p := &Policy{Digest: sha256.Sum256(nil)}
	p.complete()
	return p
}

const defaultTenant = "default"

// complete fills in what stands for a missing tenant, source or size.
func (p *Policy) complete() {
	if p.Server.MaxMessage == 0 {
		p.Server.MaxMessage = DefaultMaxMessage
	}
	if len(p.Tenants) == 0 {
		p.Tenants = []Tenant{{Name: defaultTenant}}
	}
	if len(p.Milters) == 0 && len(p.LMTPs) == 0 {
		p.addSources()
	}
	for i := range p.Milters {
		p.Milters[i].MaxMessage = cmp.Or(p.Milters[i].MaxMessage, p.Server.MaxMessage)
	}
	for i := range p.LMTPs {
		p.LMTPs[i].MaxMessage = cmp.Or(p.LMTPs[i].MaxMessage, p.Server.MaxMessage)
	}
}

func (p *Policy) addSources() {
	tenant := ""
	if len(p.Tenants) == 1 {
		tenant = p.Tenants[0].Name
	}
	p.Milters = []Milter{{
		Name: "milter", Tenant: tenant, OnFailure: OnFailureTempFail,
		Listen: Addr{Network: "tcp", Address: "127.0.0.1:8891"},
	}}
	p.LMTPs = []LMTP{{
		Name: "lmtp", Tenant: tenant,
		Listen: Addr{Network: "tcp", Address: "127.0.0.1:8024"},
	}}
}
