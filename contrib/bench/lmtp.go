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
}

// newLMTPMessage prepares a message for sending.
func newLMTPMessage(m *message) *lmtpMessage {
	return &lmtpMessage{envelope: envelope(m), recipients: len(m.recipients), data: newTemplate(stuffed(m.raw))}
}

func envelope(m *message) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", m.sender)
	for _, r := range m.recipients {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", r)
	}
	b.WriteString("DATA\r\n")
	return []byte(b.String())
}

// lmtpClient is one connection to an LMTP server.
type lmtpClient struct {
	conn    net.Conn
	in      *bufio.Reader
	message func(n int64) (*lmtpMessage, error)
	out     net.Buffers
}

// dialLMTP connects and greets. The messages are sent one after another, again and
// again.
func dialLMTP(addr string, messages []*lmtpMessage) (client, error) {
	return dialLMTPFrom(addr, func(n int64) (*lmtpMessage, error) { return messages[n%int64(len(messages))], nil })
}

// dialLMTPFrom connects and greets. The function gives message n when it is to be
// sent.
func dialLMTPFrom(addr string, message func(n int64) (*lmtpMessage, error)) (client, error) {
	conn, err := net.DialTimeout("tcp", addr, ioTimeout)
	if err != nil {
		return nil, err
	}
	c := &lmtpClient{conn: conn, in: bufio.NewReader(conn), message: message}
	if err := c.greet(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greeting %s: %w", addr, err)
	}
	return c, nil
}

func (c *lmtpClient) greet() error {
	if err := c.conn.SetDeadline(time.Now().Add(ioTimeout)); err != nil {
		return err
	}
	if _, err := expect(c.in, '2'); err != nil {
		return err
	}
	if _, err := c.conn.Write([]byte("LHLO bench.example\r\n")); err != nil {
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
	if err := c.conn.SetDeadline(time.Now().Add(ioTimeout)); err != nil {
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
	c.out = m.data.appendTo(c.out[:0], []byte(token(n)))
	pending := c.out // WriteTo consumes it
	if _, err := pending.WriteTo(c.conn); err != nil {
		return err
	}
	for range m.recipients { // RFC 2033 section 4.2
		if _, err := expect(c.in, '2'); err != nil {
			return err
		}
	}
	return nil
}

// close ends the session in order; that it is over is all that matters.
func (c *lmtpClient) close() {
	if _, err := c.conn.Write([]byte("QUIT\r\n")); err == nil {
		_, _ = expect(c.in, '2')
	}
	_ = c.conn.Close()
}
