package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// dialogue is one SMTP or LMTP connection of the test's own client. It puts on
// the wire exactly what it is told, which ordinary clients do not.
type dialogue struct {
	conn net.Conn
	r    *bufio.Reader
	lmtp bool
	caps string // the reply to EHLO or LHLO
}

// reply is a whole reply, possibly of several lines.
type reply struct {
	code int
	text string
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.code, r.text) }

// ok tells a positive completion.
func (r reply) ok() bool { return r.code/100 == 2 }

// openDialogue connects and greets.
func openDialogue(network, addr string, lmtp bool) (*dialogue, error) {
	conn, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	d := &dialogue{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), lmtp: lmtp}
	if _, err := d.expect(220); err != nil {
		conn.Close()
		return nil, err
	}
	verb := "EHLO"
	if lmtp {
		verb = "LHLO"
	}
	d.caps, err = d.must(250, "%s client.example.org", verb)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

// has tells whether the server offered an extension.
func (d *dialogue) has(extension string) bool {
	for line := range strings.Lines(d.caps) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.EqualFold(word, extension) {
			return true
		}
	}
	return false
}

func (d *dialogue) close() {
	io.WriteString(d.conn, "QUIT\r\n")
	d.conn.Close()
}

// send writes raw bytes within a bounded time.
func (d *dialogue) send(b []byte) error {
	d.conn.SetDeadline(time.Now().Add(60 * time.Second))
	_, err := d.conn.Write(b)
	return err
}

// read reads one reply (RFC 5321, section 4.2.1).
func (d *dialogue) read() (reply, error) {
	d.conn.SetDeadline(time.Now().Add(60 * time.Second))
	var text []string
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return reply{}, fmt.Errorf("read reply: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 3 {
			return reply{}, fmt.Errorf("malformed reply %q", line)
		}
		code, err := strconv.Atoi(line[:3])
		if err != nil {
			return reply{}, fmt.Errorf("malformed reply %q", line)
		}
		if len(line) > 4 {
			text = append(text, line[4:])
		}
		if len(line) == 3 || line[3] != '-' {
			return reply{code, strings.Join(text, "\n")}, nil
		}
	}
}

// cmd sends one command and reads its reply.
func (d *dialogue) cmd(format string, args ...any) (reply, error) {
	if err := d.send(fmt.Appendf(nil, format+"\r\n", args...)); err != nil {
		return reply{}, err
	}
	return d.read()
}

func (d *dialogue) expect(code int) (string, error) {
	r, err := d.read()
	if err == nil && r.code != code {
		err = fmt.Errorf("reply %v, want %d", r, code)
	}
	return r.text, err
}

func (d *dialogue) must(code int, format string, args ...any) (string, error) {
	r, err := d.cmd(format, args...)
	if err == nil && r.code != code {
		err = fmt.Errorf("reply %v to %q, want %d", r, fmt.Sprintf(format, args...), code)
	}
	return r.text, err
}

// envelope is the reverse-path and the forward-paths of one transaction.
type envelope struct {
	from string
	to   []string
}

// begin sends MAIL and RCPT. All recipients must be accepted.
func (d *dialogue) begin(env envelope, params string) error {
	r, err := d.cmd("MAIL FROM:<%s>%s", env.from, params)
	if err != nil {
		return err
	}
	if !r.ok() {
		return &refusal{"MAIL", r}
	}
	for _, to := range env.to {
		r, err := d.cmd("RCPT TO:<%s>", to)
		if err != nil {
			return err
		}
		if !r.ok() {
			return &refusal{"RCPT", r}
		}
	}
	return nil
}

// refusal is a reply that says no, as opposed to a broken connection.
type refusal struct {
	to    string
	reply reply
}

func (r *refusal) Error() string { return fmt.Sprintf("%s refused: %v", r.to, r.reply) }

// deliver sends one message by DATA and returns the last reply, in LMTP the
// last of one for each recipient.
func (d *dialogue) deliver(env envelope, msg []byte) (reply, error) {
	if err := d.begin(env, ""); err != nil {
		return reply{}, err
	}
	r, err := d.cmd("DATA")
	if err != nil {
		return r, err
	}
	if r.code != 354 {
		return r, &refusal{"DATA", r}
	}
	if err := d.send(stuff(msg)); err != nil {
		return reply{}, err
	}
	return d.readFinal(env)
}

// deliverBDAT sends one message in chunks of the given sizes (RFC 3030); the
// last chunk holds the rest.
func (d *dialogue) deliverBDAT(env envelope, msg []byte, sizes ...int) (reply, error) {
	if err := d.begin(env, " BODY=BINARYMIME"); err != nil {
		return reply{}, err
	}
	for _, n := range sizes {
		n = min(n, len(msg))
		if err := d.send(append(fmt.Appendf(nil, "BDAT %d\r\n", n), msg[:n]...)); err != nil {
			return reply{}, err
		}
		if r, err := d.read(); err != nil || !r.ok() {
			return r, err
		}
		msg = msg[n:]
	}
	if err := d.send(append(fmt.Appendf(nil, "BDAT %d LAST\r\n", len(msg)), msg...)); err != nil {
		return reply{}, err
	}
	return d.readFinal(env)
}

func (d *dialogue) readFinal(env envelope) (reply, error) {
	if !d.lmtp {
		return d.read()
	}
	var last reply
	for i := range env.to {
		r, err := d.read()
		if err != nil {
			return r, err
		}
		if i > 0 && r.code != last.code {
			return r, fmt.Errorf("recipients are answered differently: %v and %v", last, r)
		}
		last = r
	}
	return last, nil
}

// stuff puts a message into the form that follows DATA (RFC 5321, section
// 4.5.2): a dot that begins a line is doubled, and the end of data follows. Only
// CRLF ends a line: a dot after a bare CR or LF stays single. A message without
// a final line end must be completed, or the dot would not stand alone; wireForm
// tells what the server sees then.
func stuff(msg []byte) []byte {
	msg = wireForm(msg)
	if bytes.HasPrefix(msg, []byte(".")) {
		msg = append([]byte("."), msg...)
	}
	msg = bytes.ReplaceAll(msg, []byte("\r\n."), []byte("\r\n.."))
	return append(msg, ".\r\n"...)
}

// wireForm is a message as DATA can carry it: with a final CRLF. The empty
// message stays empty.
func wireForm(msg []byte) []byte {
	msg = bytes.Clone(msg)
	if len(msg) > 0 && !bytes.HasSuffix(msg, []byte("\r\n")) {
		msg = append(msg, "\r\n"...)
	}
	return msg
}
