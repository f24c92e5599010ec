package e2e

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// googleAddress is where copies go that come once for each recipient.
const googleAddress = "google-k2x7@journal.example"

// joiningPolicy has three ways by which the same mail may come. The window is so long
// that it does not matter how long the tests take.
const joiningPolicy = `
tenant "acme" { domains = ["acme.example"] }
milter "edge" {
  listen = "tcp:127.0.0.1:0"
  extended_dedup { window = "24h" }
}
smtp "journals" { listen = "tcp:127.0.0.1:PORT" }
journal "exchange" {
  address = "exchange-k2x7@journal.example"
  via     = ["journals"]
  extended_dedup { window = "24h" }
}
journal "google" {
  address         = "google-k2x7@journal.example"
  via             = ["journals"]
  format          = "plain"
  header_envelope = ["X-Gm-Original-To"]
  extended_dedup { window = "24h" }
}
`

// joining is a daemon to which the same mail comes by several ways: Postfix asks its
// milter on one port, and on another, the inner one, takes mail that no milter sees.
// What Postfix takes it delivers to a sink.
type joining struct {
	*daybook
	journals string // address of the journals' listener
	postfix  *postfix
	inner    string // address of the inner port
	sink     *sink
}

// startJoining runs the daemon under joiningPolicy, and Postfix in front of it.
func startJoining(t testing.TB) *joining {
	t.Helper()
	needPostfix(t)
	j := &joining{daybook: newDaybook(t, "tcp", "off"), sink: startSink(t)}
	port := freePort(t)
	j.journals = "127.0.0.1:" + port
	j.config = filepath.Join(workDir(t), "policy.hcl")
	writeFile(t, j.config, strings.ReplaceAll(joiningPolicy, "PORT", port), 0o600)
	j.start(t)
	j.inner = "127.0.0.1:" + freePort(t)
	j.postfix = startPostfix(t, postfixConfig{
		mainCF: milterSnippet(t, j.daybook) + "in_flow_delay = 0\ndefault_process_limit = 20\n" +
			"default_transport = smtp:" + strings.TrimPrefix(inetBrackets(j.sink.addr), "inet:") + "\n",
		masterCF: j.inner + " inet n - n - - smtpd\n  -o smtpd_milters=\n",
	})
	waitForPort(t, j.postfix.proc, "tcp", j.inner)
	return j
}

// mail is what somebody sends, and what became of it.
type mail struct {
	id     string // of the Message-ID, before "@acme.example"
	author string
	env    envelope
	lines  []string // what reports say of the recipients
	data   []byte   // as the sender's program wrote it
	copies []*delivered
}

// delivered is a copy of a mail for which the archive, or Postfix in its name, has said 250.
type delivered struct {
	source  string
	queueID string // Postfix's; empty for a copy that went straight to the archive
	env     envelope
	data    []byte // all that was delivered
	mail    []byte // the mail itself
	told    []string
}

// newMail makes mail number n, of one of several forms.
func newMail(n int) *mail {
	m := &mail{id: fmt.Sprintf("mail%d", n), author: fmt.Sprintf("s%d@acme.example", n)}
	m.env = envelope{m.author, []string{fmt.Sprintf("m%d@acme.example", n)}}
	m.lines = []string{"To: " + m.env.to[0]}
	for k := range n % 4 {
		who := fmt.Sprintf("r%d@acme.example", (n+k*7)%50)
		m.env.to = append(m.env.to, who)
		m.lines = append(m.lines, []string{"Cc: ", "Bcc: "}[k%2]+who)
	}
	if n%9 == 4 { // a list, whose members only Exchange knows
		m.env.to = append(m.env.to, "staff@acme.example")
		m.lines = append(m.lines, "To: anna@acme.example, Expanded: staff@acme.example", "To: bert@acme.example, Expanded: staff@acme.example")
	}
	if n%11 == 10 { // an automatic answer
		m.env.from = ""
	}
	m.data = []byte(mailHead(m.id, m.author, fmt.Sprintf("the offer of day %d", n)) + mailBody(n))
	return m
}

func mailHead(id, author, subject string) string {
	return "From: Somebody <" + author + ">\r\nTo: undisclosed-recipients:;\r\nSubject: " + subject +
		"\r\nDate: Mon, 02 Jan 2023 10:00:00 +0100\r\nMessage-ID: <" + id + "@acme.example>\r\n"
}

// mailBody is the rest of a header and a body, of one of four forms.
func mailBody(n int) string {
	const mixed = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n--=_x\r\nContent-Type: text/plain; charset=utf-8\r\n"
	line := fmt.Sprintf("This is number %d.\r\n", n)
	switch n % 4 {
	case 0:
		return "\r\n" + line + ".dot\r\n..dots\r\nblanks at the end  \t\r\n\r\n\r\n"
	case 1:
		sheet := base64.StdEncoding.EncodeToString(randomBytes(uint64(n%10), 3000, allBytes()))
		var lines strings.Builder
		for len(sheet) > 76 {
			lines.WriteString(sheet[:76] + "\r\n")
			sheet = sheet[76:]
		}
		return mixed + "\r\n" + line + "--=_x\r\nContent-Type: application/pdf; name=\"offer.pdf\"\r\n" +
			"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n" + lines.String() + sheet + "\r\n--=_x--\r\n"
	case 2:
		return mixed + "Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 =\r\n" + line + "--=_x\r\n\r\nh\xc3\xa9 8 bit\r\n--=_x--\r\n"
	}
	return "\r\n" + line + text(2000+n)
}

// journalCopy is the report about a mail as it was delivered, with some of its lines.
func (m *mail) journalCopy(original []byte, lines []string) *delivered {
	c := &delivered{
		source: "exchange", env: envelope{"", []string{journalAddress}},
		data: journalReport(m.id, m.author, lines, original), mail: original, told: []string{"from " + m.author + " report"},
	}
	for _, line := range lines {
		class, who, _ := strings.Cut(line, ": ")
		who, list, expanded := strings.Cut(who, ", Expanded: ")
		told := "to " + who + " report " + strings.ToLower(class)
		if expanded {
			told += " expanded from " + list
		}
		c.told = append(c.told, told)
	}
	return c
}

// googleCopy is what Google sends for one of the recipients.
func (m *mail) googleCopy(original []byte, to string) *delivered {
	data := append([]byte("X-Gm-Original-To: "+strings.Replace(to, "acme", "ACME", 1)+"\r\nReceived: by 2002:a05:6a10::1 with SMTP id "+m.id+"csp1; Mon, 2 Jan 2023 01:00:01 -0800 (PST)\r\n"), original...)
	return &delivered{
		source: "google", env: envelope{"bounces@acme.example", []string{googleAddress}}, data: data, mail: data,
		told: []string{"to " + to + " fields unknown"},
	}
}

// passedOn is a mail as another server hands it on.
func passedOn(original []byte) []byte {
	return append([]byte("Received: from mbx1.acme.example (10.0.0.1) by edge1.acme.example (10.0.0.2)\r\n\twith Microsoft SMTP Server id 15.2.1118.7; Mon, 2 Jan 2023 10:00:02 +0100\r\n"+
		"X-MS-Exchange-Organization-AuthAs: Internal\r\n"), original...)
}

// line is a connection to a server, made when it is needed.
type line struct {
	addr string
	c    *dialogue
}

func (l *line) deliver(env envelope, data []byte) (reply, error) {
	if l.c == nil {
		c, err := openDialogue("tcp", l.addr, false)
		if err != nil {
			return reply{}, err
		}
		l.c = c
	}
	r, err := l.c.deliver(env, data)
	if err != nil || !r.ok() {
		l.cut()
	}
	return r, err
}

// cut breaks the connection off.
func (l *line) cut() {
	if l.c != nil {
		l.c.conn.Close()
		l.c = nil
	}
}

// carrier hands mail in, by connections of its own.
type carrier struct {
	t                      testing.TB
	outer, inner, journals line
}

// each has some carriers go through the mails, and gives each mail to one of them.
func (j *joining) each(t testing.TB, mails []*mail, do func(*carrier, int, *mail)) {
	t.Helper()
	const carriers = 8
	var wg sync.WaitGroup
	for first := range carriers {
		wg.Go(func() {
			c := &carrier{t, line{addr: j.postfix.addr()}, line{addr: j.inner}, line{addr: j.journals}}
			for n := first; n < len(mails); n += carriers {
				do(c, n, mails[n])
			}
			c.outer.cut()
			c.inner.cut()
			c.journals.cut()
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// submit hands a mail to Postfix, whose milter is Daybook, notes the copy, and gives its
// queue ID.
func (c *carrier) submit(m *mail, data []byte) string {
	id := c.queue(&c.outer, m, data)
	m.copies = append(m.copies, &delivered{source: "edge", queueID: id, env: m.env})
	return id
}

// queue hands a mail to a port of Postfix and gives its queue ID.
func (c *carrier) queue(l *line, m *mail, data []byte) string {
	r, err := l.deliver(m.env, data)
	id, ok := queuedAs(r)
	if err != nil || !ok {
		c.t.Errorf("%s: reply %v, error %v", m.id, r, err)
	}
	return id
}

// journal hands a copy to its journal, and notes it.
func (c *carrier) journal(m *mail, one *delivered) {
	if r, err := c.journals.deliver(one.env, one.data); err != nil || r.code != 250 {
		c.t.Errorf("%s by %s: reply %v, error %v", m.id, one.source, r, err)
		return
	}
	m.copies = append(m.copies, one)
}

// settle waits until Postfix has delivered all mail on, and gives what it delivered by
// queue ID. Copies by the milter are known then: they are what was delivered, but for
// the field that Postfix does not show to milters.
func (j *joining) settle(t testing.TB, mails []*mail) map[string][]byte {
	t.Helper()
	j.postfix.waitForEmptyQueue(t)
	got := map[string][]byte{}
	key := byPostfixReceived()
	for _, one := range j.sink.deliveries() {
		got[key.want(want{data: one.data})] = one.data
	}
	for _, m := range mails {
		for _, c := range m.copies {
			if c.queueID == "" || c.data != nil {
				continue
			}
			shown, err := withoutReceived(got[c.queueID], c.queueID, c.env)
			if err != nil || !bytes.HasSuffix(shown, m.data) {
				t.Fatalf("%s was delivered as %.500q: %v", m.id, got[c.queueID], err)
			}
			c.data, c.mail = shown, shown
			c.told = envelopeTold(c.env)
		}
	}
	return got
}

// envelopeTold is what an envelope tells.
func envelopeTold(env envelope) []string {
	told := []string{"from " + cmp.Or(env.from, "<>") + " envelope"}
	for _, to := range env.to {
		told = append(told, "to "+to+" envelope unknown")
	}
	return told
}
