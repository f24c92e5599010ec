package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"
)

// milterMessage is a message as the milter is shown it: one step for each
// command, with the macros before it.
type milterMessage struct {
	steps []step
}

type step struct {
	frame   template
	replies bool // the milter answers
}

// newMilterMessage prepares a message for a milter with these wishes.
func newMilterMessage(m *message, p protocol) *milterMessage {
	queueID := []string{"i", "4cF" + stamp}
	out := &milterMessage{}
	add := func(command byte, macros []string, frame []byte) {
		if !p.wants(command) {
			return
		}
		var b []byte
		if macros != nil {
			b = appendMacros(b, command, macros...)
		}
		out.steps = append(out.steps, step{newTemplate(append(b, frame...)), p.replies(command)})
	}
	add(cmdMail, pathMacros("mail", m.sender, nil), appendFrame(nil, cmdMail, "<"+m.sender+">", "BODY=8BITMIME"))
	for i, r := range m.recipients {
		var id []string
		if i > 0 {
			id = queueID // Postfix makes its queue file with the first recipient
		}
		add(cmdRcpt, pathMacros("rcpt", r, id), appendFrame(nil, cmdRcpt, "<"+r+">"))
	}
	add(cmdData, queueID, appendFrame(nil, cmdData))
	header, body := splitMessage(m.raw)
	for _, f := range header {
		value := f.value
		if uint32(p)&leadingSpace == 0 {
			value = strings.TrimPrefix(value, " ")
		}
		add(cmdHeader, nil, appendFrame(nil, cmdHeader, f.name, value))
	}
	add(cmdEOH, queueID, appendFrame(nil, cmdEOH))
	for len(body) > 0 {
		n := min(len(body), bodyChunk)
		add(cmdBody, nil, appendBytes(nil, cmdBody, body[:n]))
		body = body[n:]
	}
	add(cmdEOM, queueID, appendFrame(nil, cmdEOM))
	// Postfix ends each transaction so, and waits for nothing.
	add(cmdAbort, nil, appendFrame(nil, cmdAbort))
	return out
}

// pathMacros are those of MAIL or RCPT.
func pathMacros(kind, address string, more []string) []string {
	_, host, _ := strings.Cut(address, "@")
	return append([]string{
		"{" + kind + "_addr}", address, "{" + kind + "_host}", host, "{" + kind + "_mailer}", "smtp",
	}, more...)
}

// headerField is a field as Postfix holds it: folded with LF.
type headerField struct {
	name, value string
}

// splitMessage takes a message apart that has a header and CRLF line ends.
func splitMessage(raw []byte) (header []headerField, body []byte) {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	text := strings.ReplaceAll(string(head), "\r\n", "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if line[0] == ' ' || line[0] == '\t' {
			header[len(header)-1].value += "\n" + line
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		header = append(header, headerField{name, value})
	}
	return header, body
}

// milterClient is one connection of an MTA to a milter, for one SMTP session.
type milterClient struct {
	conn     net.Conn
	in       *bufio.Reader
	protocol protocol
	messages []*milterMessage
	out      net.Buffers // what the milter has not been sent
}

// dialMilter connects, negotiates with the protocol bits that are offered, and
// shows the SMTP session.
func dialMilter(addr string, messages []*message, offered uint32) (client, error) {
	conn, err := net.DialTimeout("tcp", addr, ioTimeout)
	if err != nil {
		return nil, err
	}
	c := &milterClient{conn: conn, in: bufio.NewReader(conn)}
	if err := c.begin(offered); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greeting the milter at %s: %w", addr, err)
	}
	for _, m := range messages {
		c.messages = append(c.messages, newMilterMessage(m, c.protocol))
	}
	return c, nil
}

func (c *milterClient) begin(offered uint32) error {
	if err := c.conn.SetDeadline(time.Now().Add(ioTimeout)); err != nil {
		return err
	}
	offer := binary.BigEndian.AppendUint32(nil, protocolVersion)
	offer = binary.BigEndian.AppendUint32(offer, allActions)
	offer = binary.BigEndian.AppendUint32(offer, offered)
	if _, err := c.conn.Write(appendBytes(nil, cmdOptNeg, offer)); err != nil {
		return err
	}
	code, payload, err := readFrame(c.in)
	if err != nil {
		return err
	}
	if c.protocol, err = parseOptNeg(code, payload, offered); err != nil {
		return err
	}
	return c.show()
}

// show shows the client's connection and its EHLO.
func (c *milterClient) show() error {
	const host, addr, port = "client.example", "192.0.2.7", 40000
	payload := append(append([]byte(host), 0, '4'), byte(port>>8), byte(port&0xff))
	payload = append(append(payload, addr...), 0)
	macros := appendMacros(nil, cmdConnect, "j", "mx.example", "{daemon_name}", "mx.example",
		"{daemon_addr}", "192.0.2.1", "v", "Postfix 3.7.11", "_", host+" ["+addr+"]")
	if err := c.step(cmdConnect, appendBytes(macros, cmdConnect, payload)); err != nil {
		return err
	}
	return c.step(cmdHelo, appendFrame(appendMacros(nil, cmdHelo), cmdHelo, host))
}

func (c *milterClient) step(command byte, frame []byte) error {
	if !c.protocol.wants(command) {
		return nil
	}
	c.out = append(c.out, frame)
	if c.protocol.replies(command) {
		return c.await()
	}
	return nil
}

// send shows the milter one message. What the milter does not answer is sent
// together with what comes next.
func (c *milterClient) send(n int64) error {
	if err := c.conn.SetDeadline(time.Now().Add(ioTimeout)); err != nil {
		return err
	}
	id := []byte(token(n))
	for _, s := range c.messages[n%int64(len(c.messages))].steps {
		c.out = s.frame.appendTo(c.out, id, id)
		if !s.replies {
			continue
		}
		if err := c.await(); err != nil {
			return err
		}
	}
	return nil
}

// await sends what is pending and waits for the milter to say "continue".
func (c *milterClient) await() error {
	if err := c.flush(); err != nil {
		return err
	}
	for {
		code, payload, err := readFrame(c.in)
		switch {
		case err != nil:
			return err
		case code == replyContinue:
			return nil
		case code != replyProgress:
			return fmt.Errorf("the milter said: %q %q", code, bytes.TrimRight(payload, "\x00"))
		}
	}
}

func (c *milterClient) flush() error {
	pending := c.out // WriteTo consumes it
	c.out = c.out[:0]
	_, err := pending.WriteTo(c.conn)
	return err
}

// close ends the connection in order; that it is over is all that matters.
func (c *milterClient) close() {
	c.out = append(c.out, appendFrame(nil, cmdQuit))
	_ = c.flush()
	_ = c.conn.Close()
}
