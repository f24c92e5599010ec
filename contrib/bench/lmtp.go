package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// ioTimeout ends a measurement whose server does not answer any more.
const ioTimeout = 60 * time.Second

// lmtpMessage is a message as it is sent over LMTP.
type lmtpMessage struct {
	name       string // of its file, for errors; empty when it has none
	envelope   []byte // MAIL, RCPT and DATA in one piece (RFC 2920)
	recipients int
	data       template
	size       int // in bytes, before dot-stuffing
}

// newLMTPMessage prepares a message for sending.
func newLMTPMessage(m *message) *lmtpMessage {
	return &lmtpMessage{
		envelope: envelope(m), recipients: len(m.recipients),
		data: newTemplate(stuffed(m.raw)), size: len(m.raw),
	}
}

// envelope gives the commands before a message.
func envelope(m *message) []byte { return commands(m, "DATA") }

// commands gives those of the envelope, and the last one.
func commands(m *message, last string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", m.sender)
	for _, r := range m.recipients {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", r)
	}
	b.WriteString(last + "\r\n")
	return []byte(b.String())
}

// lmtpClient is one connection to an LMTP or SMTP server.
type lmtpClient struct {
	conn    net.Conn
	in      *bufio.Reader
	message messageSource
	smtp    bool          // SMTP: one reply to a message, not one for each recipient
	turn    int64         // messages of a turn through the set; 0: there is one turn
	timeout time.Duration // for one message
	out     net.Buffers
	// settled is how long the last message took from the end of its data to the
	// last reply.
	settled time.Duration
}

// messageSource gives message n when it is to be sent.
type messageSource func(n int64) (*lmtpMessage, error)

// dialLMTP connects and greets. The messages are sent one after another, again and
// again.
func dialLMTP(addr string, messages []*lmtpMessage) (client, error) {
	c := &lmtpClient{turn: int64(len(messages)), message: inTurn(messages)}
	return c, c.dial(addr)
}

// dialLMTPFrom connects and greets.
func dialLMTPFrom(addr string, message messageSource) (client, error) {
	c := &lmtpClient{message: message}
	return c, c.dial(addr)
}

// dialSMTP is dialLMTP for SMTP.
func dialSMTP(addr string, messages []*lmtpMessage) (*lmtpClient, error) {
	c := &lmtpClient{smtp: true, turn: int64(len(messages)), message: inTurn(messages)}
	return c, c.dial(addr)
}

func inTurn(messages []*lmtpMessage) messageSource {
	return func(n int64) (*lmtpMessage, error) { return messages[n%int64(len(messages))], nil }
}

func (c *lmtpClient) dial(addr string) (err error) {
	if c.timeout == 0 {
		c.timeout = ioTimeout
	}
	if c.conn, err = net.DialTimeout("tcp", addr, c.timeout); err != nil {
		return err
	}
	c.in = bufio.NewReader(c.conn)
	if err := c.greet(); err != nil {
		_ = c.conn.Close()
		return fmt.Errorf("greeting %s: %w", addr, err)
	}
	return nil
}

func (c *lmtpClient) greet() error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := expect(c.in, '2'); err != nil {
		return err
	}
	hello := "LHLO"
	if c.smtp {
		hello = "EHLO"
	}
	if _, err := c.conn.Write([]byte(hello + " bench.example\r\n")); err != nil {
		return err
	}
	features, err := expect(c.in, '2')
	if err == nil && !slices.Contains(features, "PIPELINING") {
		err = errors.New("the server does not offer PIPELINING")
	}
	return err
}

// send sends one message and waits until it was taken for every recipient.
func (c *lmtpClient) send(n int64) error {
	m, err := c.message(n)
	if err != nil {
		return err
	}
	err = c.transact(m, n)
	if err != nil && m.name != "" {
		err = fmt.Errorf("%s: %w", m.name, err)
	}
	return err
}

func (c *lmtpClient) transact(m *lmtpMessage, n int64) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(m.envelope); err != nil {
		return err
	}
	for range 1 + m.recipients { // MAIL and each RCPT
		if _, err := expect(c.in, '2'); err != nil {
			return err
		}
	}
	if _, err := expect(c.in, '3'); err != nil {
		return err
	}
	turn := int64(0)
	if c.turn > 0 {
		turn = n / c.turn
	}
	c.out = m.data.appendTo(c.out[:0], []byte(token(n)), []byte(token(turn)))
	pending := c.out // WriteTo consumes it
	if _, err := pending.WriteTo(c.conn); err != nil {
		return err
	}
	ended := time.Now()
	replies := m.recipients // RFC 2033 section 4.2
	if c.smtp {
		replies = 1
	}
	for range replies {
		if _, err := expect(c.in, '2'); err != nil {
			return err
		}
	}
	c.settled = time.Since(ended)
	return nil
}

// close ends the session in order; that it is over is all that matters.
func (c *lmtpClient) close() {
	if _, err := c.conn.Write([]byte("QUIT\r\n")); err == nil {
		_, _ = expect(c.in, '2')
	}
	_ = c.conn.Close()
}
