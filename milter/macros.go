package milter

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	gomilter "github.com/emersion/go-milter"
)

// maxMacros bounds the macros of one SMFIC_MACRO. libmilter keeps 50 a stage.
const maxMacros = 256

// macroTable holds macros by the command that they were sent for.
type macroTable map[gomilter.Code]map[string]string

// stage is a command that macros come with.
type stage struct {
	code gomilter.Code
	name string
}

// stages returns the stages that macros are kept for, the latest first.
func stages() [9]stage {
	return [...]stage{
		{gomilter.CodeEOB, "eom"},
		{gomilter.CodeBody, "body"},
		{gomilter.CodeEOH, "eoh"},
		{gomilter.CodeHeader, "header"},
		{gomilter.CodeData, "data"},
		{gomilter.CodeRcpt, "rcpt"},
		{gomilter.CodeMail, "mail"},
		{gomilter.CodeHelo, "helo"},
		{gomilter.CodeConn, "connect"},
	}
}

// isStage reports whether macros are kept for code.
func isStage(code gomilter.Code) bool {
	for _, s := range stages() {
		if s.code == code {
			return true
		}
	}
	return false
}

// find returns the value of name at the latest stage that has it.
func (t macroTable) find(name string) (string, bool) {
	name = macroName(name)
	for _, s := range stages() {
		if value, ok := t[s.code][name]; ok {
			return value, true
		}
	}
	return "", false
}

// all returns a copy with the stages' names.
func (t macroTable) all() map[string]map[string]string {
	out := make(map[string]map[string]string, len(t))
	for _, s := range stages() {
		if values, ok := t[s.code]; ok {
			out[s.name] = maps.Clone(values)
		}
	}
	return out
}

// macroName takes the braces off: "{auth_authen}" and "auth_authen" are one.
func macroName(name string) string {
	if len(name) > 2 && name[0] == '{' && name[len(name)-1] == '}' {
		return name[1 : len(name)-1]
	}
	return name
}

// macroSet is what an SMFIC_MACRO holds.
type macroSet struct {
	text   []byte // as the values were sent
	code   gomilter.Code
	values map[string]string // not to be changed: several stages may have it
}

// parse reads an SMFIC_MACRO frame. Postfix sends the same macros before each
// header field.
func (m *macroSet) parse(payload []byte) error {
	if len(payload) > 0 && m.values != nil && bytes.Equal(payload[1:], m.text) {
		m.code = gomilter.Code(payload[0])
		return nil
	}
	code, values, err := parseMacros(payload)
	if err != nil {
		return err
	}
	m.code, m.values = code, values
	m.text = append(m.text[:0], payload[1:]...)
	return nil
}

// parseMacros reads an SMFIC_MACRO frame: a command code, then names and values
// in turn, each ended by NUL. A last name without a value has an empty one.
func parseMacros(payload []byte) (gomilter.Code, map[string]string, error) {
	if len(payload) == 0 {
		return 0, nil, errors.New("SMFIC_MACRO without a command")
	}
	code, rest := gomilter.Code(payload[0]), string(payload[1:]) // one copy for all values
	values := make(map[string]string)
	for len(rest) > 0 {
		if len(values) == maxMacros {
			return 0, nil, fmt.Errorf("SMFIC_MACRO with more than %d macros", maxMacros)
		}
		name, after, ok := cutString(rest)
		if !ok {
			return 0, nil, errors.New("SMFIC_MACRO: name without NUL")
		}
		value, after, ok := cutString(after)
		if !ok && len(after) > 0 {
			return 0, nil, errors.New("SMFIC_MACRO: value without NUL")
		}
		values[macroName(name)] = value
		rest = after
	}
	return code, values, nil
}

// clientAddress reads the macro {client_addr}: "192.0.2.1", "2001:db8::1" or
// "IPv6:2001:db8::1".
func clientAddress(macros map[string]string) (netip.Addr, bool) {
	value, ok := macros["client_addr"]
	if !ok {
		return netip.Addr{}, false
	}
	return parseAddress(value)
}

// parseAddress reads an IP address as MTAs write it. Sendmail puts "IPv6:" in
// front of an IPv6 address, Postfix does at some stages.
func parseAddress(s string) (netip.Addr, bool) {
	const prefix = "IPv6:"
	if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		s = s[len(prefix):]
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap(), err == nil
}
