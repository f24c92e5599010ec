package message

import (
	"net/mail"
	"slices"
	"strings"
)

// maxFieldValue is how much of one field is read for its value, in bytes.
const maxFieldValue = 64 << 10

// HeaderValue gives the value of the first header field of a name, whatever its
// case, decoded to UTF-8 (RFC 2047), and whether there is one. Raw is the beginning
// of a message, of which it looks at [MaxHeader] bytes at most, and at 64 KiB of
// one field.
func HeaderValue(raw []byte, name string) (string, bool) {
	for f := range fields(raw) {
		if is(f.name, name) {
			return decode(unfold(f.value, maxFieldValue)), true
		}
	}
	return "", false
}

// maxAddresses bounds the addresses that are read from a header.
const maxAddresses = 10_000

// HeaderAddresses gives the addresses, without display names, in all header fields
// of a name (RFC 5322 section 3.4), in their order. What is no address list still
// gives what looks like an address in it.
func HeaderAddresses(raw []byte, name string) []string {
	var list []string
	for f := range fields(raw) {
		if is(f.name, name) && len(list) < maxAddresses {
			list = append(list, addresses(unfold(f.value, maxFieldValue))...)
		}
	}
	return list[:min(len(list), maxAddresses)]
}

func addresses(value string) []string {
	var list []string
	if parsed, err := mail.ParseAddressList(value); err == nil {
		for _, a := range parsed {
			list = append(list, a.Address)
		}
		return list
	}
	separates := func(r rune) bool { return strings.ContainsRune(" \t,;:<>()\"'[]", r) }
	for _, word := range strings.FieldsFunc(value, separates) {
		if at := strings.LastIndexByte(word, '@'); at > 0 && at < len(word)-1 && !slices.Contains(list, word) {
			list = append(list, word)
		}
		if len(list) == maxAddresses {
			break
		}
	}
	return list
}
