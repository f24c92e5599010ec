package main

import (
	"bytes"
	"net"
)

// template is what is sent of a message, prepared but for the tokens. It is shared
// by all connections and never changed.
type template struct {
	parts [][]byte
	// holes tell what comes between each two parts.
	holes []hole
}

// hole is a place in a template.
type hole int

const (
	ofSending hole = iota // the token of the sending, where the stamp stood
	ofTurn                // the token of the turn through the set, where turnStamp stood
)

// newTemplate makes a template of bytes in which stamps stand for tokens.
func newTemplate(b []byte) template {
	var t template
	for i, turn := range bytes.Split(b, []byte(turnStamp)) {
		if i > 0 {
			t.holes = append(t.holes, ofTurn)
		}
		for k, part := range bytes.Split(turn, []byte(stamp)) {
			if k > 0 {
				t.holes = append(t.holes, ofSending)
			}
			t.parts = append(t.parts, part)
		}
	}
	return t
}

// appendTo adds the bytes with their tokens to what is to be written.
func (t template) appendTo(out net.Buffers, sending, turn []byte) net.Buffers {
	for i, part := range t.parts {
		if i > 0 && t.holes[i-1] == ofTurn {
			out = append(out, turn)
		} else if i > 0 {
			out = append(out, sending)
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
