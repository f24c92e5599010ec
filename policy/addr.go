package policy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// Addr is where something listens: a TCP address, a Unix socket or nowhere.
// The zero value is not set, which is not the same as off.
type Addr struct {
	// Network is "tcp", "unix", "off" or, not set, "".
	Network string
	// Address is host:port for tcp and an absolute path for unix.
	Address string
}

// Off is the address of what shall not listen at all.
func Off() Addr { return Addr{Network: "off"} }

// IsSet tells whether the address was given, be it as off.
func (a Addr) IsSet() bool { return a.Network != "" }

// IsOff tells whether the address was given as off.
func (a Addr) IsOff() bool { return a.Network == "off" }

// String gives the address as [ParseAddr] reads it.
func (a Addr) String() string {
	if a.Address == "" {
		return a.Network
	}
	return a.Network + ":" + a.Address
}

// UnmarshalText is [ParseAddr] for flags.
func (a *Addr) UnmarshalText(text []byte) error {
	addr, err := ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	*a = addr
	return nil
}

// ParseAddr reads an address as administrators write it:
//
//	tcp:host:port   host is a name, an IPv4 or a bracketed IPv6 address, or
//	                empty for all; port is a number, 0 for any free one
//	host:port       the same
//	unix:/path      an absolute path
//	off             nowhere
func ParseAddr(s string) (Addr, error) {
	if s == "off" {
		return Off(), nil
	}
	kind, rest, _ := strings.Cut(s, ":")
	switch kind {
	case "tcp":
		if err := checkHostPort(rest); err != nil {
			return Addr{}, err
		}
		return Addr{Network: "tcp", Address: rest}, nil
	case "unix":
		if !path.IsAbs(rest) || strings.ContainsRune(rest, 0) || strings.HasSuffix(rest, "/") {
			return Addr{}, errors.New("a socket needs an absolute path, as in unix:/run/daybook/milter.sock")
		}
		return Addr{Network: "unix", Address: path.Clean(rest)}, nil
	}
	if strings.HasPrefix(s, "/") {
		return Addr{}, errors.New("write unix:" + s + " for a socket")
	}
	if err := checkHostPort(s); err != nil {
		return Addr{}, errors.New("an address is tcp:host:port, unix:/path or off")
	}
	return Addr{Network: "tcp", Address: s}, nil
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("a tcp address needs host and port, as in tcp:127.0.0.1:8024 or tcp:[::1]:8024")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || port[0] == '+' {
		return errors.New("the port is a number from 0 to 65535")
	}
	if host == "" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err != nil && !isHostname(host) {
		return errors.New(strconv.Quote(host) + " is neither a host name nor an IP address")
	}
	return nil
}

// isHostname is lenient about what DNS allows: it is to catch slips of the pen,
// the resolver has the last word.
func isHostname(s string) bool {
	if len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '-' && r != '.' && r != '_' {
			return false
		}
	}
	return true
}
