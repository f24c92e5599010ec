package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"daybook/archive/message"
	"daybook/lmtp"
)

// LMTP gives the handler of an LMTP source.
func (i *Ingest) LMTP(s Source) lmtp.Handler { return lmtpHandler{i.add(s)} }

type lmtpHandler struct{ *source }

// Deliver spools and archives one message (lmtp.Handler). All recipients get the
// same reply, for there is one message.
func (h lmtpHandler) Deliver(ctx context.Context, e *lmtp.Envelope, body io.Reader) []lmtp.Reply {
	h.begin()
	defer h.end()
	d := &delivery{envelope: lmtpEnvelope(e), spool: h.newSpool(), began: time.Now()}
	defer d.spool.close()
	var id uint64
	_, err := d.spool.ReadFrom(body)
	peers := err != nil && d.spool.err == nil // the trouble is not ours
	if err == nil {
		id, err = h.keep(ctx, d)
	}
	r := replyTo(id, err)
	switch {
	case err == nil:
		h.done(d, id, r, archived, nil)
	case peers && errors.Is(err, lmtp.ErrTooLarge):
		r = reply{552, "5.3.4", "the message is larger than SIZE allows"} // RFC 1870 section 6.3
		h.done(d, 0, r, refused, err)
	case peers && interrupted(err):
		h.done(d, 0, r, aborted, err)
	default:
		h.done(d, 0, r, tempfailed, err)
	}
	replies := make([]lmtp.Reply, len(e.Recipients))
	for n := range replies {
		replies[n] = lmtp.Reply{Code: r.code, Enhanced: r.enhanced, Text: r.text}
	}
	return replies
}

// interrupted tells that the peer did not send its message to the end.
func interrupted(err error) bool {
	var n net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, lmtp.ErrAborted) || errors.As(err, &n)
}

func lmtpEnvelope(e *lmtp.Envelope) message.Envelope {
	m := message.Envelope{
		Sender: message.Path(e.Sender),
		Client: message.Client{
			Address: hostOf(e.Client), Helo: e.Helo, Protocol: e.Protocol, User: e.AuthUser,
			TLS: tlsText(e.TLSVersion, e.TLSCipher),
		},
	}
	for _, p := range e.Recipients {
		m.Recipients = append(m.Recipients, message.Path(p))
	}
	return m
}

// hostOf is the IP address of "host:port", and nothing for a Unix socket.
func hostOf(client string) string {
	host, _, err := net.SplitHostPort(client)
	if err != nil {
		return ""
	}
	return host
}

func tlsText(version, cipher string) string {
	if version == "" || cipher == "" {
		return version + cipher
	}
	return version + " " + cipher
}
