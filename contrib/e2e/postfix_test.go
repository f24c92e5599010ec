package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// postfixHost is the name that the Postfix under test has.
const postfixHost = "postfix.example.org"

// postfixBase is the part of main.cf that has nothing to do with Daybook: an
// instance of its own, on loopback only, that looks nothing up in the DNS.
const postfixBase = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/log
maillog_file_prefixes = /
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example.org
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1, [::1]
inet_protocols = all
mynetworks = 127.0.0.0/8, [::1]/128
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
lmtp_host_lookup = native
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{ { refused@example.net = REJECT no such user } }
smtpd_error_sleep_time = 0
smtpd_client_message_rate_limit = 0
smtpd_timeout = 60s
message_size_limit = 30000000
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 2s
`

// postfixServices is master.cf but for the SMTP ports; nothing is chrooted.
const postfixServices = `pickup    unix  n  -  n  60   1  pickup
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -    -  proxymap
smtp      unix  -  -  n  -    -  smtp
relay     unix  -  -  n  -    -  smtp
showq     unix  n  -  n  -    -  showq
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
lmtp      unix  -  -  n  -    -  lmtp
anvil     unix  -  -  n  -    1  anvil
scache    unix  -  -  n  -    1  scache
postlog   unix-dgram n - n -   1  postlogd
`

// postfix is a running Postfix instance.
type postfix struct {
	dir  string // holds its configuration, queue and log
	port string // of smtpd, on 127.0.0.1 and ::1
	proc *process
}

// postfixConfig is what differs from test to test.
type postfixConfig struct {
	mainCF   string // appended to main.cf
	masterCF string // appended to master.cf
}

// hold is a main.cf line that keeps all mail in the hold queue, where its bytes
// can be read.
const hold = "smtpd_data_restrictions = check_client_access static:HOLD\n"

// needPostfix skips the test when Postfix is missing.
func needPostfix(t testing.TB) {
	t.Helper()
	needServer(t, "Postfix", "/usr/sbin/postfix", "/usr/sbin/postcat", "/usr/lib/postfix/sbin/master")
}

// startPostfix writes a configuration, runs Postfix with it and waits until it
// takes mail.
func startPostfix(t testing.TB, conf postfixConfig) *postfix {
	t.Helper()
	needPostfix(t)
	p := &postfix{dir: workDir(t), port: freePort(t)}
	p.configure(t, conf)
	p.proc = startProcess(t, "postfix", "/usr/lib/postfix/sbin/master", "-c", p.dir, "-d")
	p.proc.guard(t)
	waitForPort(t, p.proc, "tcp", p.addr())
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			t.Logf("end of Postfix's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return p
}

// configure writes main.cf and master.cf.
func (p *postfix) configure(t testing.TB, conf postfixConfig) {
	t.Helper()
	main := strings.ReplaceAll(postfixBase, "DIR", p.dir) + conf.mainCF
	var ports string
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		ports += fmt.Sprintf("%s:%s inet n - n - - smtpd\n", host, p.port)
	}
	writeFile(t, filepath.Join(p.dir, "main.cf"), main, 0o644)
	writeFile(t, filepath.Join(p.dir, "master.cf"), ports+postfixServices+conf.masterCF, 0o644)
	p.makeFolders(t)
}

// makeFolders makes the folders that "postfix check" would, which is slower.
func (p *postfix) makeFolders(t testing.TB) {
	t.Helper()
	uid, err := accountID("user", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	gid, err := accountID("group", "postdrop")
	if err != nil {
		t.Fatal(err)
	}
	folder := func(path string, mode os.FileMode, uid, gid int) {
		path = filepath.Join(p.dir, path)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	folder("data", 0o700, uid, 0)
	folder("queue", 0o755, 0, 0)
	folder("queue/pid", 0o755, 0, 0)
	folder("queue/maildrop", 0o730, uid, gid)
	folder("queue/public", 0o710, uid, gid)
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"} {
		folder("queue/"+name, 0o700, uid, 0)
	}
}

// accountID looks a user or group up by name.
func accountID(kind, name string) (int, error) {
	if kind == "user" {
		u, err := user.Lookup(name)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(u.Uid)
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

func (p *postfix) addr() string { return net.JoinHostPort("127.0.0.1", p.port) }

// queued returns the bytes of a message in the queue, with CRLF line ends.
// Postfix keeps lines, so that its queue holds no LF that is not a line end.
func (p *postfix) queued(queueID string) ([]byte, error) {
	b, err := run("/usr/sbin/postcat", "-c", p.dir, "-b", "-h", "-q", queueID)
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), err
}

// release lets held mail go on its way.
func (p *postfix) release(t testing.TB) {
	t.Helper()
	mustRun(t, "/usr/sbin/postsuper", "-c", p.dir, "-H", "ALL")
	p.flush(t)
}

// flush tries all deferred mail again now.
func (p *postfix) flush(t testing.TB) {
	t.Helper()
	mustRun(t, "/usr/sbin/postqueue", "-c", p.dir, "-f")
}

// waitForEmptyQueue waits until all mail has left.
func (p *postfix) waitForEmptyQueue(t testing.TB) {
	t.Helper()
	eventually(t, stopTimeout*2, func() error {
		out, err := run("/usr/sbin/postqueue", "-c", p.dir, "-j")
		if err == nil && len(out) > 0 {
			err = fmt.Errorf("%d messages in Postfix's queue, the first: %.400s", bytes.Count(out, []byte("\n")), out)
		}
		return err
	})
}

// queuedAs finds the queue id in smtpd's reply to a message.
func queuedAs(r reply) (string, bool) {
	_, id, ok := strings.Cut(r.text, "Ok: queued as ")
	return id, ok
}

// withoutReceived takes away the one field that Postfix adds at the top and
// does not show to milters. It must have exactly the form that this message's
// envelope and queue id give it.
func withoutReceived(queued []byte, queueID string, env envelope) ([]byte, error) {
	form := `^Received: from client\.example\.org \(unknown \[(127\.0\.0\.1|IPv6:::1)\]\)\r\n` +
		`\tby ` + regexp.QuoteMeta(postfixHost) + ` \(Postfix\) with ESMTP id ` + regexp.QuoteMeta(queueID)
	if len(env.to) == 1 {
		form += `\r\n\tfor <` + regexp.QuoteMeta(env.to[0]) + `>`
		form += `; `
	} else {
		form += `;\r\n\t`
	}
	form += `\w{3}, [ \d]\d \w{3} \d{4} [\d:]{8} [-+]\d{4} \(\w+\)\r\n`
	field := regexp.MustCompile(form).Find(queued)
	if field == nil {
		return nil, fmt.Errorf("message %s does not begin with Postfix's own Received field: %.300q", queueID, queued)
	}
	return queued[len(field):], nil
}
