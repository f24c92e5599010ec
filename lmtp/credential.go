package lmtp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

const (
	defaultIterations = 4096      // RFC 7677 section 4
	maxIterations     = 2_000_000 // under a second of work for one login
	maxCredential     = 1024      // octets of its text
	scramPrefix       = "SCRAM-SHA-256$"
)

// A Credential is what a server has to know of a user: a password, or what SCRAM-SHA-256 stores in its place (RFC 5802 section 3). The
// zero Credential fits nobody.
type Credential struct {
	password string                  // SASLprepped; empty if only keys are known
	keys     scram.StoredCredentials // StoredKey is nil if the password is known
}

// ParseCredential reads one line: a password as it stands, or
//
//	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
//
// with base64 in the last three, which is what PostgreSQL keeps. A line end is not part of it, spaces are. The error never shows a
// secret.
func ParseCredential(text string) (Credential, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case text == "":
		return Credential{}, errors.New("lmtp: credential is empty: want a password, or what SCRAM-SHA-256 stores")
	case len(text) > maxCredential:
		return Credential{}, fmt.Errorf("lmtp: credential has %d octets: want at most %d", len(text), maxCredential)
	case strings.ContainsAny(text, "\r\n\x00"):
		return Credential{}, errors.New("lmtp: credential is more than one line of text: want only a password, or what SCRAM-SHA-256 stores")
	case !strings.HasPrefix(text, "SCRAM-"):
		return Credential{password: prepared(text)}, nil
	}
	keys, err := parseKeys(text)
	if err != nil {
		return Credential{}, fmt.Errorf("lmtp: credential: %w: the form is %s<iterations>:<salt>$<StoredKey>:<ServerKey>", err, scramPrefix)
	}
	return Credential{keys: keys}, nil
}

func parseKeys(text string) (keys scram.StoredCredentials, err error) {
	rest, ok := strings.CutPrefix(text, scramPrefix)
	if !ok {
		return keys, errors.New("SCRAM, but not SCRAM-SHA-256")
	}
	factors, both, ok := strings.Cut(rest, "$")
	iterations, salt, ok1 := strings.Cut(factors, ":")
	stored, server, ok2 := strings.Cut(both, ":")
	if !ok || !ok1 || !ok2 {
		return keys, errors.New("a part is missing")
	}
	keys.Iters, err = strconv.Atoi(iterations)
	if err != nil || keys.Iters < defaultIterations || keys.Iters > maxIterations {
		return keys, fmt.Errorf("iterations are not a number from %d to %d", defaultIterations, maxIterations)
	}
	decoded, err := base64.StdEncoding.DecodeString(salt)
	if err != nil || len(decoded) == 0 {
		return keys, errors.New("the salt is not base64")
	}
	keys.Salt = string(decoded)
	if keys.StoredKey, err = base64.StdEncoding.DecodeString(stored); err != nil || len(keys.StoredKey) != sha256.Size {
		return keys, errors.New("StoredKey is not the base64 of 32 octets")
	}
	if keys.ServerKey, err = base64.StdEncoding.DecodeString(server); err != nil || len(keys.ServerKey) != sha256.Size {
		return keys, errors.New("ServerKey is not the base64 of 32 octets")
	}
	return keys, nil
}

// String keeps the secret out of logs.
func (Credential) String() string { return "a credential" }

// GoString keeps the secret out of logs, too.
func (Credential) GoString() string { return "lmtp.Credential{}" }

// usable reports whether anybody can prove to have c.
func (c Credential) usable() bool { return c.password != "" || c.keys.StoredKey != nil }

// iterations is the work that a proof costs, whatever c is made of.
func (c Credential) iterations() int { return max(c.keys.Iters, defaultIterations) }

// derive is the work of RFC 5802 section 3, for a password that is prepared.
func derive(password, salt string, iterations int) (scram.StoredCredentials, error) {
	client, err := scram.SHA256.NewClientUnprepped("", password, "")
	if err != nil {
		return scram.StoredCredentials{}, err
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: salt, Iters: iterations})
}

// prepared is SASLprep (RFC 4013), which lets a password be typed in more than one way. What it prohibits is taken as it stands, as
// PostgreSQL does.
func prepared(s string) string {
	p, err := stringprep.SASLprep.Prepare(s)
	if err != nil || p == "" {
		return s
	}
	return p
}

// sameText compares in a time that tells nothing of either, nor of their lengths.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}
