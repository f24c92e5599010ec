package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// eximMain is the part of exim.conf that has nothing to do with Daybook: an
// instance of its own, on loopback only, that looks nothing up in the DNS, keeps
// what it takes in its queue and sends it to a sink when the queue is run. The
// sections of a snippet go in the places of @routers@, @transports@ and @retry@.
const eximMain = `exim_path = /mnt/exim4
primary_hostname = exim.example.org
spool_directory = @DIR@/spool
log_file_path = @DIR@/log/%slog
pid_file_path = @DIR@/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = @PORT@
keep_environment =
tls_advertise_hosts =
rfc1413_query_timeout = 0s
message_size_limit = 50M
header_maxsize = 8M
received_headers_max = 10000
queue_only
acl_smtp_rcpt = everybody

begin acl
everybody:
  accept

begin routers
@routers@
aliases:
  driver = redirect
  local_parts = team
  data = one@example.net, two@example.net
others:
  driver = accept
  transport = sink

begin transports
@transports@
sink:
  driver = smtp
  hosts = 127.0.0.1
  port = @SINK@
  hosts_override
  allow_localhost
  message_linelength_limit = 1G

begin retry
@retry@
*  *  F,1h,1s
`

// The account that Debian's Exim runs as. It need not exist on this machine: Exim
// sees an /etc of its own.
const (
	eximUser = "Debian-exim"
	eximUID  = 64998
)

// exim is a running Exim instance.
type exim struct {
	dir  string
	port string
	sink *sink // where the true recipients' mail goes
	proc *process
}

// eximDir is where install.sh unpacked Exim.
func eximDir() string {
	if dir := os.Getenv("DAYBOOK_EXIM"); dir != "" {
		return dir
	}
	return "/var/cache/daybook-peers/exim"
}

// needExim skips the test when Exim is missing.
func needExim(t testing.TB) {
	t.Helper()
	needServer(t, "Exim", filepath.Join(eximDir(), "usr/sbin/exim4"), "/usr/bin/unshare", "/usr/bin/mount")
	if _, err := run("/usr/bin/unshare", "-m", "/bin/true"); err != nil {
		without(t, "Exim needs a mount namespace of its own: "+err.Error())
	}
}

// startExim makes a configuration from a snippet and waits until Exim takes mail.
func startExim(t testing.TB, snippet map[string]string) *exim {
	t.Helper()
	needExim(t)
	x := &exim{dir: workDir(t), port: freePort(t), sink: startSink(t)}
	x.configure(t, snippet)
	x.proc = startProcess(t, "exim", x.inNamespace("-bdf")...)
	x.proc.guard(t)
	waitForPort(t, x.proc, "tcp", x.addr())
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(x.dir, "log", "mainlog"))
			panics, _ := os.ReadFile(filepath.Join(x.dir, "log", "paniclog"))
			t.Logf("end of Exim's logs:\n%s\n%s", log[max(0, len(log)-4000):], panics[max(0, len(panics)-1000):])
		}
	})
	return x
}

// configure makes Exim's folders and the /etc that it sees.
func (x *exim) configure(t testing.TB, snippet map[string]string) {
	t.Helper()
	_, sinkPort, _ := net.SplitHostPort(x.sink.addr)
	conf := strings.NewReplacer("@DIR@", x.dir, "@PORT@", x.port, "@SINK@", sinkPort, "@routers@", snippet["routers"],
		"@transports@", snippet["transports"], "@retry@", snippet["retry"]).Replace(eximMain)
	for _, folder := range []string{"etc/exim4", "spool", "log"} {
		if err := os.MkdirAll(filepath.Join(x.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"spool", "log"} {
		if err := os.Chown(filepath.Join(x.dir, folder), eximUID, eximUID); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"passwd":           fmt.Sprintf("root:x:0:0::/:/bin/sh\n%s:x:%d:%d::/:/bin/false\n", eximUser, eximUID, eximUID),
		"group":            fmt.Sprintf("root:x:0:\nmail:x:8:\n%s:x:%d:\n", eximUser, eximUID),
		"hosts":            "127.0.0.1 exim.example.org localhost\n",
		"nsswitch.conf":    "passwd: files\ngroup: files\nhosts: files\n",
		"exim4/exim4.conf": conf,
	} {
		writeFile(t, filepath.Join(x.dir, "etc", name), text, 0o644)
	}
}

// inNamespace is Exim's command line, in a place where /etc is its own, because it
// trusts no configuration elsewhere, and where it finds itself in /mnt.
func (x *exim) inNamespace(args ...string) []string {
	const script = `mount --bind "$1" /etc && mount --bind "$2" /mnt && shift 2 && exec /mnt/exim4 "$@"`
	argv := []string{"/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh", filepath.Join(x.dir, "etc"), filepath.Join(eximDir(), "usr/sbin")}
	return append(argv, args...)
}

func (x *exim) addr() string { return net.JoinHostPort("127.0.0.1", x.port) }

// sender says how messages are sent to this Exim, which takes them all.
func (x *exim) sender() sender { return sender{addr: x.addr(), queuedAs: eximQueuedAs} }

// eximQueuedAs finds the queue id in Exim's reply to a message.
func eximQueuedAs(r reply) (string, bool) {
	_, id, ok := strings.Cut(r.text, "OK id=")
	return id, ok
}

// deliver runs the queue once, with several runners because each takes one message
// at a time. Retry times do not count.
func (x *exim) deliver(t testing.TB) {
	t.Helper()
	const runners = 3
	failed := make(chan error, runners)
	for range runners {
		go func() { _, err := run(x.inNamespace("-qff")...); failed <- err }()
	}
	for range runners {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
}

// queued is the number of messages in the queue.
func (x *exim) queued(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(string(mustRun(t, x.inNamespace("-bpc")...)))
}

// deliverAll runs the queue until it is empty.
func (x *exim) deliverAll(t testing.TB) {
	t.Helper()
	eventually(t, stopTimeout, func() error {
		x.deliver(t)
		if n := x.queued(t); n != "0" {
			return fmt.Errorf("%s messages in Exim's queue:\n%s", n, mustRun(t, x.inNamespace("-bp")...))
		}
		return nil
	})
}

// eximSnippet reads a file of contrib/exim, by section, for a daemon that listens
// at another port.
func eximSnippet(t testing.TB, file, port, by string) map[string]string {
	t.Helper()
	text := snippet(t, "../exim/"+file, "port = "+port+"\n", "port = "+by+"\n")
	heads := regexp.MustCompile(`(?m)^# --- into the section "begin (\w+)".*\n`)
	at := heads.FindAllStringSubmatchIndex(text, -1)
	sections := map[string]string{}
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		sections[text[m[2]:m[3]]] = text[m[1]:end]
	}
	if len(sections) != 3 {
		t.Fatalf("%s has the sections %v, want routers, transports and retry", file, sections)
	}
	return sections
}

// eximDaybook starts a daemon with contrib/exim/daybook.hcl, on free ports.
func eximDaybook(t testing.TB) (d *daybook, lmtpPort, smtpPort string) {
	t.Helper()
	d = newDaybook(t, "off", "tcp")
	_, lmtpPort, _ = net.SplitHostPort(strings.TrimPrefix(d.lmtp, "tcp:"))
	smtpPort = freePort(t)
	text := snippet(t, "../exim/daybook.hcl", "127.0.0.1:8025", "127.0.0.1:"+smtpPort)
	d.config = filepath.Join(workDir(t), "daybook.hcl")
	writeFile(t, d.config, text, 0o644)
	d.start(t)
	return d, lmtpPort, smtpPort
}

var eximID = regexp.MustCompile(`\tid (\w{6}-\w{6}-\w{2})`)

// eximIDOf is the queue id in Exim's Received field.
func eximIDOf(data []byte) string {
	if m := eximID.FindSubmatch(data[:min(len(data), 4000)]); m != nil {
		return string(m[1])
	}
	return "no Received field of Exim"
}

// byEximID knows messages by the queue id in Exim's Received field.
func byEximID() keys {
	return keys{
		entry: func(_ entry, data []byte) string { return eximIDOf(data) },
		want:  func(w want) string { return eximIDOf(w.data) },
	}
}
