package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"daybook/lmtp"
	"daybook/policy"
)

// Gate says who may deliver at a listener (lmtp.Gate): the addresses of the
// journals that are via it are its recipients, and each journal says from where,
// how encrypted and as whom they are taken. What is refused is counted, and logged
// with what would have to change.
func (i *Ingest) Gate(name string) lmtp.Gate {
	return &gate{listener: listener{name: name, ingest: i}}
}

type gate struct {
	listener
	lines lineLimit
}

// Connect lets everybody in who may deliver to one of the journals: a recipient is
// needed to tell which.
func (g *gate) Connect(_ context.Context, p lmtp.Peer) *lmtp.Reply {
	pol := g.ingest.Policy()
	for i := range pol.Journals {
		j := &pol.Journals[i]
		if slices.Contains(j.Via, g.name) && allows(j, p.Addr.Addr()) {
			return nil
		}
	}
	r := refusal{reply{554, "5.7.1", notFromThere().text}, "network", "no journal of this listener has the client in its allow_from"}
	return g.refuse(p, "", &r)
}

func (g *gate) Mail(context.Context, lmtp.Peer, lmtp.Path) *lmtp.Reply { return nil }

func (g *gate) Rcpt(_ context.Context, p lmtp.Peer, _ *lmtp.Envelope, recipient lmtp.Path) *lmtp.Reply {
	j := g.ingest.Policy().JournalFor(g.name, recipient.Address)
	if r := admit(j, p.Addr.Addr(), p.TLS != nil, p.AuthUser); r != nil {
		return g.refuse(p, recipient.Address, r)
	}
	return nil
}

// refuse counts and logs a refusal, and gives its reply.
func (g *gate) refuse(p lmtp.Peer, recipient string, r *refusal) *lmtp.Reply {
	g.ingest.metrics.refusals.WithLabelValues(g.name, r.reason).Inc()
	if more, ok := g.lines.next(time.Now()); ok {
		client := "unix"
		if p.Addr.IsValid() {
			client = p.Addr.String()
		}
		g.ingest.log.Warn("not taken", "listener", g.name, "client", client, "user", p.AuthUser, "recipient", recipient,
			"reply", r.reply.String(), "reason", r.why, "unlogged", more)
	}
	reply := r.reply.lmtp()
	return &reply
}

// lineLimit bounds the lines that refused peers can write into the log.
type lineLimit struct {
	mu     sync.Mutex
	minute time.Time
	lines  int
	left   int // out, since the last line
}

// linesPerMinute is how many refusals of a listener are logged in a minute.
const linesPerMinute = 30

// next tells whether a line may be written, and how many were not before it.
func (l *lineLimit) next(now time.Time) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Truncate(time.Minute); minute != l.minute {
		l.minute, l.lines = minute, 0
	}
	if l.lines++; l.lines > linesPerMinute {
		l.left++
		return 0, false
	}
	leftOut, l.left = l.left, 0
	return leftOut, true
}

// refusal is why a peer may not deliver to a journal.
type refusal struct {
	reply reply
	// reason is a word for the metric, why says what would have to change.
	reason, why string
}

// admit tells why a peer may not deliver to a journal; nil when it may. The journal
// is nil when the recipient is none's. Peers on a Unix socket have no address.
func admit(j *policy.Journal, peer netip.Addr, encrypted bool, user string) *refusal {
	switch {
	case j == nil: // RFC 5321 section 3.3
		return &refusal{reply{550, "5.1.1", "no journal has this address"}, "recipient",
			"no journal of this listener has this address: correct it at the sending server, or in the journal block"}
	case !allows(j, peer):
		return &refusal{notFromThere(), "network", fmt.Sprintf("the client is not in allow_from of journal %q", j.Name)}
	case j.TLS == policy.TLSRequired && !encrypted: // RFC 3207 section 4
		return &refusal{reply{530, "5.7.0", "must issue a STARTTLS command first"}, "tls",
			fmt.Sprintf("journal %q has tls = \"required\": have the sending server use TLS", j.Name)}
	case j.Auth != nil && user == "": // RFC 4954 section 6
		return &refusal{reply{530, "5.7.0", "authentication required"}, "login",
			fmt.Sprintf("journal %q has auth: have the sending server log in as %q", j.Name, j.Auth.User)}
	case j.Auth != nil && user != j.Auth.User:
		return &refusal{reply{550, "5.7.1", "this user may not deliver to this address"}, "login",
			fmt.Sprintf("journal %q is for the user %q", j.Name, j.Auth.User)}
	case j.Suspended:
		return &refusal{replyTo(nil, errSuspended), "suspended", fmt.Sprintf("journal %q is suspended", j.Name)}
	}
	return nil
}

func allows(j *policy.Journal, peer netip.Addr) bool {
	within := func(n netip.Prefix) bool { return n.Contains(peer) }
	return len(j.AllowFrom) == 0 || slices.ContainsFunc(j.AllowFrom, within)
}

func notFromThere() reply {
	return reply{550, "5.7.1", "mail is not taken from this client"}
}

// Credentials gives what is known of the users that the journals of a listener name
// (lmtp.Config). A password file is read each time, so that a new password counts
// at once.
func (i *Ingest) Credentials(listener string) func(user string) (lmtp.Credential, bool, error) {
	return func(user string) (lmtp.Credential, bool, error) {
		p := i.Policy()
		var other *policy.Auth // its cost is that of a user whom nobody knows
		for n := range p.Journals {
			j := &p.Journals[n]
			if j.Auth == nil || !slices.Contains(j.Via, listener) {
				continue
			}
			if j.Auth.User == user {
				c, err := readCredential(j.Auth.PasswordFile)
				return c, true, err
			}
			other = j.Auth
		}
		if other == nil {
			return lmtp.Credential{}, false, nil
		}
		c, err := readCredential(other.PasswordFile)
		return c, false, err
	}
}

// readCredential reads the first line of a password file.
func readCredential(path string) (lmtp.Credential, error) {
	f, err := os.Open(path)
	if err != nil {
		return lmtp.Credential{}, fmt.Errorf("password: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() {
		return lmtp.Credential{}, fmt.Errorf("password: %s: %w", path, errors.Join(lines.Err(), errors.New("its first line is empty")))
	}
	c, err := lmtp.ParseCredential(lines.Text())
	if err != nil {
		return c, fmt.Errorf("password: %s: %w", path, err)
	}
	return c, nil
}
