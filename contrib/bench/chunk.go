package main

import (
	"fmt"
	"time"
)

// chunkClient is an LMTP client that sends a message with its envelope at once, as the
// one chunk of BDAT (RFC 3030): there is one wait for each message, and not two.
type chunkClient struct {
	lmtpClient
	chunks []*chunk
}

var _ client = (*chunkClient)(nil)

// chunk is a message as a chunkClient sends it.
type chunk struct {
	envelope   []byte // MAIL, RCPT and BDAT
	recipients int
	data       template // not dot-stuffed
}

// dialChunks connects and greets. The messages are sent one after another, again and
// again.
func dialChunks(addr string, messages []*message) (client, error) {
	c := &chunkClient{lmtpClient: lmtpClient{turn: int64(len(messages))}}
	for _, m := range messages {
		last := fmt.Sprintf("BDAT %d LAST", len(m.raw))
		c.chunks = append(c.chunks, &chunk{envelope: commands(m, last), recipients: len(m.recipients), data: newTemplate(m.raw)})
	}
	return c, c.dial(addr)
}

// send sends one message and waits until it was taken for every recipient.
func (c *chunkClient) send(n int64) error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	m := c.chunks[n%c.turn]
	c.out = m.data.appendTo(append(c.out[:0], m.envelope), []byte(token(n)), []byte(token(n/c.turn)))
	pending := c.out // WriteTo consumes it
	if _, err := pending.WriteTo(c.conn); err != nil {
		return err
	}
	for range 1 + 2*m.recipients { // MAIL, each RCPT, and the message for each of them
		if _, err := expect(c.in, '2'); err != nil {
			return err
		}
	}
	return nil
}
