package policy

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxDomain is how long a domain can be (RFC 1035 section 2.3.4). A longer one is
// kept as it is and is nobody's.
const maxDomain = 255

// splitAddress takes an address of an envelope apart, in the form in which
// addresses are compared: lower case, without angle brackets, source route (RFC
// 5321 appendix C), needless quotes and the domain's last dot, U-labels as A-labels
// (RFC 5890). It never fails: what is no address is a local part without domain,
// and the null reverse-path is neither.
func splitAddress(s string) (local, domain string) {
	if len(s) > 1 && s[0] == '<' && s[len(s)-1] == '>' {
		s = s[1 : len(s)-1]
	}
	s = withoutRoute(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return foldLocal(s), ""
	}
	return foldLocal(s[:at]), foldDomain(s[at+1:])
}

// withoutRoute cuts "@a,@b:" off "@a,@b:user@c".
func withoutRoute(s string) string {
	if s == "" || s[0] != '@' {
		return s
	}
	literal := false // inside [...], where IPv6 addresses have colons
	for i := range len(s) {
		switch c := s[i]; {
		case c == '[':
			literal = true
		case c == ']':
			literal = false
		case c == ':' && !literal:
			return s[i+1:]
		}
	}
	return s
}

// foldLocal gives a local part in lower case, without the quotes it does not need.
func foldLocal(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = unquote(s)
	}
	return lower(s)
}

// unquote takes the quotes off where what they hold can do without, and else
// leaves only those backslashes that must be, so that one mailbox has one form (RFC
// 5321 section 4.1.2).
func unquote(s string) string {
	inner := s[1 : len(s)-1]
	if isDotAtom(inner) {
		return inner
	}
	var plain, quoted strings.Builder
	quoted.WriteByte('"')
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		if inner[i] == '"' || inner[i] == '\\' {
			quoted.WriteByte('\\')
		}
		plain.WriteByte(inner[i])
		quoted.WriteByte(inner[i])
	}
	if isDotAtom(plain.String()) {
		return plain.String()
	}
	quoted.WriteByte('"')
	return quoted.String()
}

// isDotAtom tells whether a local part needs no quotes (RFC 5321 section 4.1.2, RFC
// 6531 section 3.3).
func isDotAtom(s string) bool {
	dot := true
	for _, c := range []byte(s) {
		if c == '.' && dot || c != '.' && !isAtext(c) {
			return false
		}
		dot = c == '.'
	}
	return !dot
}

func isAtext(c byte) bool {
	return c >= utf8.RuneSelf || c > ' ' && c < 0x7f && strings.IndexByte("()<>[]:;@\\,.\"", c) < 0
}

// foldDomain gives a domain in lower case, with A-labels and without dots at its end.
// What cannot be such a domain keeps its bytes, but for upper case.
func foldDomain(s string) string {
	s = strings.TrimRight(s, ".")
	if isASCII(s) || len(s) > maxDomain || !utf8.ValidString(s) {
		return lower(s)
	}
	// Label by label: one that is not as strict as it should be is kept, and the domain
	// that the others give is still found.
	labels := strings.Split(s, ".")
	for i, label := range labels {
		if ascii, err := idna.Lookup.ToASCII(label); err == nil && !isASCII(label) {
			labels[i] = ascii
		} else {
			labels[i] = lower(label)
		}
	}
	return strings.Join(labels, ".")
}

// lower gives s in lower case; of what is not UTF-8 it changes the ASCII letters
// only, so that different bytes stay different.
func lower(s string) string {
	if isASCII(s) || utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// maxLocal is lenient: RFC 5321 section 4.5.3.1.1 has 64.
const maxLocal = 255

// isAddress tells whether the parts that [splitAddress] gives are those of a
// mailbox that a tenant or a journal can have.
func isAddress(local, domain string) bool {
	if local == "" || len(local) > maxLocal || !utf8.ValidString(local) || !isDomain(domain) {
		return false
	}
	quoted := local[0] == '"' && len(local) > 1
	for _, c := range []byte(local) {
		if c < ' ' || c == 0x7f || !quoted && c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}
