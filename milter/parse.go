package milter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	gomilter "github.com/emersion/go-milter"
)

// maxPathArgs bounds the ESMTP arguments of one MAIL or RCPT. Half a dozen are
// defined.
const maxPathArgs = 64

// cutString returns the string before the first NUL and what follows. Without
// a NUL, ok is false and rest is payload.
func cutString(payload string) (s, rest string, ok bool) {
	before, after, ok := strings.Cut(payload, "\x00")
	if !ok {
		return "", payload, false
	}
	return before, after, true
}

// parseHelo reads an SMFIC_HELO frame: a name and NUL.
func parseHelo(payload []byte) (string, error) {
	name, _, ok := cutString(string(payload))
	if !ok {
		return "", errors.New("SMFIC_HELO without NUL")
	}
	return name, nil
}

// parsePath reads an SMFIC_MAIL or SMFIC_RCPT frame: the address and then the
// ESMTP arguments, each ended by NUL.
func parsePath(payload []byte) (Path, error) {
	address, rest, ok := cutString(string(payload)) // one copy for all that it holds
	if !ok {
		return Path{}, errors.New("address without NUL")
	}
	path := Path{Address: trimBrackets(address)}
	for len(rest) > 0 {
		arg, after, ok := cutString(rest)
		if !ok {
			return Path{}, errors.New("ESMTP argument without NUL")
		}
		if len(path.Args) == maxPathArgs {
			return Path{}, fmt.Errorf("more than %d ESMTP arguments", maxPathArgs)
		}
		path.Args = append(path.Args, arg)
		rest = after
	}
	return path, nil
}

// trimBrackets takes one pair of < > off, and no more: what stands inside is
// the client's own.
func trimBrackets(address string) string {
	if strings.HasPrefix(address, "<") && strings.HasSuffix(address, ">") {
		return address[1 : len(address)-1]
	}
	return address
}

// parseConnect reads an SMFIC_CONNECT frame: host name, NUL, family, and unless
// the family is unknown a port (two bytes) and an address with NUL.
func parseConnect(payload []byte) (*Connection, error) {
	host, rest, ok := cutString(string(payload))
	if !ok || len(rest) == 0 {
		return nil, errors.New("SMFIC_CONNECT without host or family")
	}
	c := &Connection{Host: host}
	family, rest := gomilter.ProtoFamily(rest[0]), rest[1:]
	switch family {
	case gomilter.FamilyUnknown:
		return c, nil
	case gomilter.FamilyInet, gomilter.FamilyInet6, gomilter.FamilyUnix:
	default:
		return nil, fmt.Errorf("SMFIC_CONNECT with unknown family %q", byte(family))
	}
	// libmilter reads a port for SMFIA_UNIX too; the protocol's description
	// knows none.
	if family != gomilter.FamilyUnix || len(rest) == 0 || rest[0] != '/' {
		if len(rest) < 2 {
			return nil, errors.New("SMFIC_CONNECT without port")
		}
		c.Port, rest = binary.BigEndian.Uint16([]byte(rest[:2])), rest[2:]
	}
	address, _, ok := cutString(rest)
	if !ok {
		return nil, errors.New("SMFIC_CONNECT: address without NUL")
	}
	if family == gomilter.FamilyUnix {
		c.UnixPath = address
		return c, nil
	}
	// An address that cannot be read is no reason to refuse mail.
	c.Address, _ = parseAddress(address)
	return c, nil
}

// appendHeaderField rebuilds a header field from an SMFIC_HEADER frame: name, NUL,
// value, NUL. A NUL inside the value is kept. Without exact, the MTA has taken
// the space after the colon away.
func appendHeaderField(field, payload []byte, exact bool) ([]byte, error) {
	name, value, ok := bytes.Cut(payload, []byte{0})
	if !ok {
		return nil, errors.New("SMFIC_HEADER: name without NUL")
	}
	value, ok = bytes.CutSuffix(value, []byte{0})
	if !ok {
		return nil, errors.New("SMFIC_HEADER: value without NUL")
	}
	field = slices.Grow(field, len(name)+len(value)+bytes.Count(value, []byte{'\n'})+len(": \r\n"))
	field = append(field, name...)
	field = append(field, ':')
	if !exact {
		field = append(field, ' ')
	}
	for {
		end := bytes.IndexByte(value, '\n')
		if end < 0 {
			break
		}
		field = append(field, value[:end]...)
		if end == 0 || value[end-1] != '\r' {
			field = append(field, '\r')
		}
		field = append(field, '\n')
		value = value[end+1:]
	}
	field = append(field, value...)
	return append(field, '\r', '\n'), nil
}
