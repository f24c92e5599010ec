package milter

import (
	"net"
	"net/textproto"

	gomilter "github.com/emersion/go-milter"
)

var _ gomilter.Milter = (*lane)(nil)

// The callbacks of the library: each answers the command that the conversation
// has read last. What the library passes is of no use (see lane).

// Connect answers SMFIC_CONNECT.
func (l *lane) Connect(string, string, uint16, net.IP, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.connect(), nil
}

// Helo answers SMFIC_HELO.
func (l *lane) Helo(string, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.helo(), nil
}

// MailFrom answers SMFIC_MAIL.
func (l *lane) MailFrom(string, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.mailFrom(), nil
}

// RcptTo answers SMFIC_RCPT.
func (l *lane) RcptTo(string, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.rcptTo(), nil
}

// Header answers SMFIC_HEADER. The library collects fields until SMFIC_ABORT,
// which it is not shown.
func (l *lane) Header(_, _ string, m *gomilter.Modifier) (gomilter.Response, error) {
	clear(m.Headers)
	return l.now.header(), nil
}

// Headers answers SMFIC_EOH.
func (l *lane) Headers(textproto.MIMEHeader, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.endOfHeaders(), nil
}

// BodyChunk answers SMFIC_BODY.
func (l *lane) BodyChunk([]byte, *gomilter.Modifier) (gomilter.Response, error) {
	return l.now.body(), nil
}

// Body answers SMFIC_BODYEOB.
func (l *lane) Body(*gomilter.Modifier) (gomilter.Response, error) {
	return l.now.endOfMessage(), nil
}

// Abort is for SMFIC_ABORT, which the library is not shown.
func (l *lane) Abort(*gomilter.Modifier) error { return nil }
