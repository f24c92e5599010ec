package message

import (
	"net/mail"
	"strings"
)

// maxFieldValue is how much of one field is read for its value, in bytes.
const maxFieldValue = 64 << 10

// Header is the header of a message, for looking up its fields. It refers to the
// bytes it was read from, and is safe for concurrent use.
type Header struct {
	fields []field
}

// maxFields bounds the fields of a Header.
const maxFields = 10_000

// ReadHeader reads the header at the beginning of a message, of which it looks at
// [MaxHeader] bytes at most.
func ReadHeader(raw []byte) Header {
	h := Header{fields: make([]field, 0, 32)}
	for f := range fields(raw) {
		if len(h.fields) == maxFields {
			break
		}
		h.fields = append(h.fields, f)
	}
	return h
}

// Value gives the value of the first field of a name, whatever its case, decoded to
// UTF-8 (RFC 2047), and whether there is one. At most 64 KiB of a field are looked at.
func (h Header) Value(name string) (string, bool) {
	for _, f := range h.fields {
		if is(f.name, name) {
			return decode(unfold(f.value, maxFieldValue)), true
		}
	}
	return "", false
}

// maxAddresses bounds the addresses that are read from a header.
const maxAddresses = 10_000

// Addresses gives the addresses, without display names, in all fields of a name
// (RFC 5322 section 3.4), in their order. What is no address list still gives what
// looks like an address in it.
func (h Header) Addresses(name string) []string {
	var list []string
	for _, f := range h.fields {
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
		if at := strings.LastIndexByte(word, '@'); at > 0 && at < len(word)-1 {
			list = append(list, word)
		}
		if len(list) == maxAddresses {
			break
		}
	}
	return list
}
