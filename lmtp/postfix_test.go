package lmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// relayMain is the main.cf of a Postfix that sends all it gets to the server under test.
const relayMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/log
maillog_file_prefixes = /
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example.org
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:PORT
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
smtp_sasl_password_maps = inline:{ { [127.0.0.1]:PORT = alice:wonderland } }
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 2s
`

const relayMaster = `pickup    unix  n  -  n  60   1  pickup
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
smtp      unix  -  -  n  -    -  smtp
lmtp      unix  -  -  n  -    -  lmtp
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
scache    unix  -  -  n  -    1  scache
postlog   unix-dgram n - n -   1  postlogd
`

// startRelay runs a Postfix of its own for the test and returns its configuration directory.
func startRelay(t *testing.T, addr, settings string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "daybook-lmtp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // Postfix has an account of its own
		t.Fatal(err)
	}
	makeQueue(t, dir)
	text := strings.NewReplacer("DIR", dir, "PORT", port).Replace(relayMain) + settings
	for name, text := range map[string]string{"main.cf": text, "master.cf": relayMaster} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	master := exec.Command("/usr/lib/postfix/sbin/master", "-c", dir, "-d")
	master.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = master.Process.Signal(syscall.SIGTERM)
		_ = master.Wait()
		_ = syscall.Kill(-master.Process.Pid, syscall.SIGKILL) // its children, if any
		if log, err := os.ReadFile(filepath.Join(dir, "log")); t.Failed() && err == nil {
			t.Logf("Postfix's log:\n%s", log)
		}
	})
	waitFor(t, "Postfix", func() bool {
		_, err := os.Stat(filepath.Join(dir, "queue/public/pickup"))
		return err == nil
	})
	return dir
}

// makeQueue makes the directories that Postfix wants.
func makeQueue(t *testing.T, dir string) {
	t.Helper()
	owner, err1 := user.Lookup("postfix")
	group, err2 := user.LookupGroup("postdrop")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(owner.Uid)
	gid, err2 := strconv.Atoi(group.Gid)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	type folder struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}
	folders := []folder{
		{"data", 0o700, uid, 0}, {"queue", 0o755, 0, 0}, {"queue/pid", 0o755, 0, 0},
		{"queue/maildrop", 0o730, uid, gid}, {"queue/public", 0o710, uid, gid},
	}
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"} {
		folders = append(folders, folder{"queue/" + name, 0o700, uid, 0})
	}
	for _, f := range folders {
		path := filepath.Join(dir, f.name)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chown(path, f.uid, f.gid), os.Chmod(path, f.mode)); err != nil {
			t.Fatal(err)
		}
	}
}

// needSASL looks for what Postfix logs in with; Debian has it in libsasl2-modules.
func needSASL(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/sasl2/libscram.so*")
	switch {
	case err == nil && len(found) > 0:
	case os.Getenv("DAYBOOK_REQUIRE_PEERS") == "1":
		t.Fatal("libsasl2-modules is required")
	default:
		t.Skip("NOT TESTED AGAINST POSTFIX: it needs libsasl2-modules")
	}
}

// TestPostfixLogsIn has Postfix deliver over TLS, with each mechanism, to a sink that wants both.
func TestPostfixLogsIn(t *testing.T) {
	sendmail := peer(t, "/usr/sbin/sendmail")
	peer(t, "/usr/lib/postfix/sbin/master")
	needSASL(t)
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED AGAINST POSTFIX: it needs root")
	}
	for i, mechanism := range mechanisms() {
		implicit := i == 0
		t.Run(fmt.Sprintf("%s implicit=%v", mechanism, implicit), func(t *testing.T) {
			serverTLS, _ := testTLS(t)
			rec := new(recorder)
			_, addr := serve(t, Config{Handler: rec, SMTP: true, TLS: serverTLS, ImplicitTLS: implicit, Credentials: testUsers(t),
				authPause: time.Millisecond, Gate: newDoorman("tls+auth")}, nil)
			settings := "smtp_sasl_mechanism_filter = " + mechanism + "\nsmtp_tls_security_level = encrypt\n"
			if implicit {
				settings += "smtp_tls_wrappermode = yes\n"
			}
			dir := startRelay(t, addr, settings)
			cmd := exec.Command(sendmail, "-C", dir, "-i", "-f", "a@example.org", "b@example.net", "c@example.net")
			cmd.Stdin = strings.NewReader(strings.ReplaceAll(peerMessage, "\r\n", "\n"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("sendmail: %v\n%s", err, out)
			}
			waitFor(t, "Postfix's delivery", func() bool { return len(rec.deliveries()) > 0 })
			d := rec.deliveries()[0]
			_, text, _ := strings.Cut(d.body, "\r\n\r\n")
			if _, want, _ := strings.Cut(peerMessage, "\r\n\r\n"); text != want || d.err != nil {
				t.Errorf("got %q, %v", text, d.err)
			}
			e := d.env
			if e.Protocol != "ESMTPSA" || e.AuthUser != "alice" || e.Sender.Address != "a@example.org" || len(e.Recipients) != 2 {
				t.Errorf("envelope %+v", e)
			}
		})
	}
}

// TestPostfixIsTurnedDown has Postfix come by LMTP while there is no room for its message: it keeps the message, and brings it to all
// recipients when there is.
func TestPostfixIsTurnedDown(t *testing.T) {
	sendmail := peer(t, "/usr/sbin/sendmail")
	peer(t, "/usr/lib/postfix/sbin/master")
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED AGAINST POSTFIX: it needs root")
	}
	rec := new(recorder)
	var turned atomic.Int32
	_, addr := serve(t, Config{Handler: handlerFunc(func(ctx context.Context, e *Envelope, body io.Reader) []Reply {
		if turned.Add(1) == 1 {
			return sameReply(Reply{452, "4.3.1", "no room"}, len(e.Recipients))
		}
		return rec.Deliver(ctx, e, body)
	})}, nil)
	dir := startRelay(t, addr, "default_transport = lmtp:inet:"+addr+"\nrelayhost =\n")
	cmd := exec.Command(sendmail, "-C", dir, "-i", "-f", "a@example.org", "b@example.net", "c@example.net")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(peerMessage, "\r\n", "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sendmail: %v\n%s", err, out)
	}
	var to int
	waitFor(t, "Postfix's delivery", func() bool {
		to = 0
		for _, d := range rec.deliveries() {
			to += len(d.env.Recipients)
		}
		return to >= 2
	})
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || to != 2 || !strings.Contains(string(log), "452 4.3.1 no room (in reply to DATA command)") {
		t.Errorf("%d recipients; error %v; Postfix's log:\n%s", to, err, log)
	}
}
