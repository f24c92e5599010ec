package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sendmailMC is the part of sendmail.mc that has nothing to do with Daybook: an
// instance of its own, on loopback only, that looks nothing up in the DNS, keeps
// what it takes in its queue and relays it to a sink when the queue is run.
const sendmailMC = `divert(0)dnl
OSTYPE(` + "`linux'" + `)dnl
define(` + "`confDOMAIN_NAME', `sendmail.example.org'" + `)dnl
define(` + "`QUEUE_DIR', `@DIR@/queue'" + `)dnl
define(` + "`confPID_FILE', `@DIR@/pid'" + `)dnl
define(` + "`STATUS_FILE', `@DIR@/statistics'" + `)dnl
define(` + "`HELP_FILE', `@DIR@/helpfile'" + `)dnl
define(` + "`ALIAS_FILE', `@DIR@/aliases'" + `)dnl
define(` + "`confSERVICE_SWITCH_FILE', `@DIR@/service.switch'" + `)dnl
define(` + "`confHOSTS_FILE', `@DIR@/hosts'" + `)dnl
define(` + "`confDELIVERY_MODE', `queueonly'" + `)dnl
define(` + "`confDONT_PROBE_INTERFACES', `True'" + `)dnl
define(` + "`confTO_IDENT', `0s'" + `)dnl
define(` + "`confQUEUE_LA', `1000'" + `)dnl
define(` + "`confREFUSE_LA', `1000'" + `)dnl
define(` + "`confDELAY_LA', `0'" + `)dnl
define(` + "`confMAX_MESSAGE_SIZE', `30000000'" + `)dnl
define(` + "`SMART_HOST', `relay:[127.0.0.1]'" + `)dnl
define(` + "`RELAY_MAILER_ARGS', `TCP $h @SINK@'" + `)dnl
FEATURE(` + "`nocanonify'" + `)dnl
FEATURE(` + "`accept_unresolvable_domains'" + `)dnl
FEATURE(` + "`promiscuous_relay'" + `)dnl
FEATURE(` + "`no_default_msa'" + `)dnl
DAEMON_OPTIONS(` + "`Family=inet, Name=MTA-v4, Addr=127.0.0.1, Port=@PORT@'" + `)dnl
DAEMON_OPTIONS(` + "`Family=inet6, Name=MTA-v6, Addr=IPv6:::1, Port=@PORT@'" + `)dnl
`

// sendmail is a running Sendmail instance.
type sendmail struct {
	dir  string
	port string // on 127.0.0.1 and ::1
	run  string // the daemon's folder, which Sendmail sees as /mnt
	sink *sink  // where the queue is delivered to
	proc *process
}

// sendmailDir is where install.sh unpacked Sendmail.
func sendmailDir() string {
	if dir := os.Getenv("DAYBOOK_SENDMAIL"); dir != "" {
		return dir
	}
	return "/var/cache/daybook-peers/sendmail"
}

func sendmailProgram() string { return filepath.Join(sendmailDir(), "usr/libexec/sendmail/sendmail") }

// needSendmail skips the test when Sendmail is missing.
func needSendmail(t testing.TB) {
	t.Helper()
	needServer(t, "Sendmail", sendmailProgram(), "/usr/bin/m4", "/usr/bin/unshare", "/usr/bin/mount")
	if _, err := run("/usr/bin/unshare", "-m", "/bin/true"); err != nil {
		without(t, "Sendmail needs a mount namespace of its own: "+err.Error())
	}
}

// startSendmail makes a configuration from the snippet for a daemon and waits
// until Sendmail takes mail.
func startSendmail(t testing.TB, d *daybook) *sendmail {
	t.Helper()
	needSendmail(t)
	s := &sendmail{dir: workDir(t), port: freePort(t), sink: startSink(t), run: filepath.Dir(d.data)}
	for _, file := range []struct{ name, text string }{
		{"hosts", "127.0.0.1 sendmail.example.org localhost\n::1 sendmail.example.org localhost\n"},
		{"service.switch", "hosts files\naliases files\n"},
		{"statistics", ""}, {"helpfile", ""}, {"aliases", ""},
	} {
		writeFile(t, filepath.Join(s.dir, file.name), file.text, 0o644)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "queue"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, sinkPort, _ := net.SplitHostPort(s.sink.addr)
	mc := strings.NewReplacer("@DIR@", s.dir, "@PORT@", s.port, "@SINK@", sinkPort).Replace(sendmailMC) +
		sendmailSnippet(t, d) + "MAILER(`smtp')dnl\n"
	writeFile(t, filepath.Join(s.dir, "sendmail.cf"), string(makeCF(t, s.dir, mc)), 0o644)
	s.proc = startProcess(t, "sendmail", s.inNamespace(s.program("-bD")...)...)
	waitForPort(t, s.proc, "tcp", s.addr("127.0.0.1"))
	waitForPort(t, s.proc, "tcp", s.addr("::1"))
	return s
}

// makeCF runs m4 over a configuration and returns sendmail.cf.
func makeCF(t testing.TB, dir, mc string) []byte {
	t.Helper()
	cf := filepath.Join(sendmailDir(), "usr/share/sendmail/cf") + "/"
	file := filepath.Join(dir, "sendmail.mc")
	writeFile(t, file, mc, 0o644)
	return mustRun(t, "/usr/bin/m4", "-E", "-D_CF_DIR_="+cf, cf+"m4/cf.m4", file)
}

// program is Sendmail's command line.
func (s *sendmail) program(args ...string) []string {
	return append([]string{sendmailProgram(), "-C", filepath.Join(s.dir, "sendmail.cf"), "-D", filepath.Join(s.dir, "debug")}, args...)
}

// inNamespace runs a program where /etc/hosts gives this machine a qualified
// name, or Sendmail sleeps for a minute at every start, and where the daemon's
// folder is /mnt: Sendmail uses no socket below a folder that all may write to,
// as temporary folders are.
func (s *sendmail) inNamespace(argv ...string) []string {
	script := `mount --bind "$0" /etc/hosts && mount --bind "$1" /mnt && shift && exec "$@"`
	return append([]string{"/usr/bin/unshare", "-m", "/bin/sh", "-c", script, filepath.Join(s.dir, "hosts"), s.run}, argv...)
}

func (s *sendmail) addr(host string) string { return net.JoinHostPort(host, s.port) }

// deliver runs the queue once.
func (s *sendmail) deliver(t testing.TB) {
	t.Helper()
	mustRun(t, s.inNamespace(s.program("-qf", "-v")...)...)
}

// sendmailQueuedAs finds the queue id in Sendmail's reply to a message.
func sendmailQueuedAs(r reply) (string, bool) {
	_, text, ok := strings.Cut(r.text, "2.0.0 ")
	if !ok {
		return "", false
	}
	id, _, ok := strings.Cut(text, " Message accepted for delivery")
	return id, ok
}

// queued returns the bytes of a message in Sendmail's queue, with CRLF line
// ends: the header from the file qf, the body from the file df. Fields that
// Sendmail added are left out: its Received field, which comes first, and those
// that it notes with a condition, such as H?M?Message-Id. Bytes that have a
// meaning inside Sendmail (0x80 to 0x9f and 0xff) have 0xff before them in qf.
func (s *sendmail) queued(queueID string) ([]byte, error) {
	qf, err := os.ReadFile(filepath.Join(s.dir, "queue", "qf"+queueID))
	if err != nil {
		return nil, err
	}
	df, err := os.ReadFile(filepath.Join(s.dir, "queue", "df"+queueID))
	if err != nil {
		return nil, err
	}
	var fields [][]byte
	inField := false
	for line := range bytes.Lines(qf) {
		switch {
		case bytes.HasPrefix(line, []byte("H?")):
			fields = append(fields, bytes.Clone(line))
			inField = true
		case inField && (line[0] == ' ' || line[0] == '\t'):
			fields[len(fields)-1] = append(fields[len(fields)-1], line...)
		default:
			inField = false
		}
	}
	var own []byte
	var b bytes.Buffer
	for _, f := range fields {
		field, ok := bytes.CutPrefix(f, []byte("H??"))
		switch {
		case !ok:
		case own == nil:
			own = field
		default:
			b.Write(unescape(field))
		}
	}
	if !bytes.HasPrefix(own, []byte("Received: from client.example.org (")) || !bytes.Contains(own, []byte(" id "+queueID)) {
		return nil, fmt.Errorf("the first field of %s is not Sendmail's own Received: %.300q", queueID, own)
	}
	b.WriteString("\n")
	b.Write(df)
	return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n")), nil
}

// unescape takes away the 0xff that Sendmail puts before bytes with a meaning of
// its own (0x80 to 0x9f and 0xff) in its queue files.
func unescape(field []byte) []byte {
	var b []byte
	for i := 0; i < len(field); i++ {
		if field[i] == 0xff && i+1 < len(field) && (field[i+1] == 0xff || field[i+1] >= 0x80 && field[i+1] <= 0x9f) {
			i++
		}
		b = append(b, field[i])
	}
	return b
}
