package main

import (
	"bytes"
	"net"
)

// template is what is sent of a message, prepared but for the token. It is
// shared by all connections and never changed.
type template struct {
	parts [][]byte // a token comes between each two
}

// newTemplate makes a template of bytes in which the stamp stands for the token.
func newTemplate(b []byte) template {
	return template{parts: bytes.Split(b, []byte(stamp))}
}

// appendTo adds the bytes with their tokens to what is to be written.
func (t template) appendTo(out net.Buffers, token []byte) net.Buffers {
	for i, part := range t.parts {
		if i > 0 {
			out = append(out, token)
		}
		out = append(out, part)
	}
	return out
}

// stuffed is a message as it follows DATA: a dot more where a line begins with
// one, and the end of data (RFC 5321 section 4.5.2). Only CRLF ends a line.
func stuffed(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/64+8)
	if bytes.HasPrefix(raw, []byte(".")) {
		out = append(out, '.')
	}
	out = append(out, bytes.ReplaceAll(raw, []byte("\r\n."), []byte("\r\n.."))...)
	if !bytes.HasSuffix(raw, []byte("\r\n")) && len(raw) > 0 {
		out = append(out, "\r\n"...)
	}
	return append(out, ".\r\n"...)
}
