package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The milter protocol as an MTA speaks it, as much as Postfix uses. Names in
// capitals are those of libmilter's mfdef.h.

// Commands (SMFIC_*) and replies (SMFIR_*).
const (
	cmdOptNeg  = 'O'
	cmdMacro   = 'D'
	cmdConnect = 'C'
	cmdHelo    = 'H'
	cmdMail    = 'M'
	cmdRcpt    = 'R'
	cmdData    = 'T'
	cmdHeader  = 'L'
	cmdEOH     = 'N'
	cmdBody    = 'B'
	cmdEOM     = 'E'
	cmdAbort   = 'A'
	cmdQuit    = 'Q'

	replyContinue = 'c'
	replyProgress = 'p'
)

const (
	protocolVersion = 6
	allActions      = 0x1ff // SMFI_V6_ACTS
	bodyChunk       = 65535 // MILTER_CHUNK_SIZE
	maxReplyFrame   = 64 << 10

	leadingSpace = 0x100000 // SMFIP_HDR_LEADSPC
)

// stage is a command and the bits (SMFIP_*) by which a milter does without the
// command, or without the reply to it.
type stage struct {
	command      byte
	unwanted     uint32
	withoutReply uint32
}

func stages() []stage {
	return []stage{
		{cmdConnect, 0x1, 0x1000},
		{cmdHelo, 0x2, 0x2000},
		{cmdMail, 0x4, 0x4000},
		{cmdRcpt, 0x8, 0x8000},
		{cmdData, 0x200, 0x10000},
		{cmdHeader, 0x20, 0x80},
		{cmdEOH, 0x40, 0x40000},
		{cmdBody, 0x10, 0x80000},
	}
}

// allProtocol is what Postfix offers, but for SMFIP_SKIP and SMFIP_RCPT_REJ,
// which change nothing here.
func allProtocol() uint32 {
	bits := uint32(leadingSpace | 0x100 | 0x20000) // and the two of SMFIC_UNKNOWN
	for _, s := range stages() {
		bits |= s.unwanted | s.withoutReply
	}
	return bits
}

// protocol is what was negotiated.
type protocol uint32

// wants reports whether the milter is to be shown a command.
func (p protocol) wants(command byte) bool {
	for _, s := range stages() {
		if s.command == command {
			return uint32(p)&s.unwanted == 0
		}
	}
	return true
}

// replies reports whether the milter answers a command.
func (p protocol) replies(command byte) bool {
	for _, s := range stages() {
		if s.command == command {
			return uint32(p)&s.withoutReply == 0
		}
	}
	return command == cmdEOM
}

// appendFrame adds a frame: a length of 32 bits, the command, and strings that
// each end with NUL.
func appendFrame(b []byte, command byte, payload ...string) []byte {
	length := 1
	for _, s := range payload {
		length += len(s) + 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	b = append(b, command)
	for _, s := range payload {
		b = append(append(b, s...), 0)
	}
	return b
}

// appendMacros adds the macros that come before a command: names and values.
func appendMacros(b []byte, command byte, macros ...string) []byte {
	start := len(b)
	b = appendFrame(b, cmdMacro, macros...)
	// The command that they are for stands before the first name.
	b = append(b, 0)
	copy(b[start+6:], b[start+5:len(b)-1])
	b[start+5] = command
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// appendBytes adds a frame whose payload is taken as it is.
func appendBytes(b []byte, command byte, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)+1))
	return append(append(b, command), payload...)
}

// readFrame reads one frame of a milter.
func readFrame(in io.Reader) (code byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, fmt.Errorf("reading the milter's reply: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n == 0 || n > maxReplyFrame {
		return 0, nil, fmt.Errorf("the milter sent a frame of %d bytes", n)
	}
	if n == 1 {
		return head[4], nil, nil
	}
	payload = make([]byte, n-1)
	_, err = io.ReadFull(in, payload)
	return head[4], payload, err
}

// parseOptNeg reads the milter's answer to the offer, which may hold nothing
// that was not offered.
func parseOptNeg(code byte, payload []byte, offered uint32) (protocol, error) {
	if code != cmdOptNeg || len(payload) < 12 {
		return 0, fmt.Errorf("the milter answered the offer with %q and %d bytes", code, len(payload))
	}
	wanted := binary.BigEndian.Uint32(payload[8:])
	if wanted&^offered != 0 {
		return 0, errors.New("the milter asks for what was not offered")
	}
	return protocol(wanted), nil
}
