package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postfixMain is an instance of its own, on the loopback interface only, that looks
// nothing up in the DNS and throws away what it delivers. Without in_flow_delay = 0
// many connections would measure sleeps of a second.
const postfixMain = `compatibility_level = 3.6
queue_directory = @DIR@/queue
data_directory = @DIR@/data
maillog_file = @DIR@/log
maillog_file_prefixes = /
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.bench.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
lmtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_timeout = 60s
default_transport = discard
in_flow_delay = 0
`

// postfixMilter has a milter asked about all mail.
const postfixMilter = `smtpd_milters = @ADDR@
milter_protocol = 6
milter_default_action = tempfail
milter_content_timeout = 300s
`

// postfixBcc sends a copy of all mail to a server of LMTP.
const postfixBcc = `always_bcc = box0@journal.bench.example
transport_maps = inline:{ { journal.bench.example = lmtp:inet:[@HOST@]:@PORT@ } }
`

// postfixServices is master.cf; nothing is chrooted.
const postfixServices = `@ADDR@ inet n - n - - smtpd
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
proxymap  unix  -  -  n  -    -  proxymap
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
lmtp      unix  -  -  n  -    -  lmtp
anvil     unix  -  -  n  -    1  anvil
postlog   unix-dgram n - n -   1  postlogd
`

// postfixWay is what Postfix does with mail beside taking it.
type postfixWay struct {
	milter string // the address of a milter, or empty
	bcc    string // the address of a server of LMTP for copies, or empty
}

// mainCF makes main.cf for an instance in a folder.
func (w postfixWay) mainCF(dir string) (string, error) {
	text := strings.ReplaceAll(postfixMain, "@DIR@", dir)
	if w.milter != "" {
		kind := map[string]string{"tcp": "inet:", "unix": "unix:"}[network(w.milter)]
		text += strings.ReplaceAll(postfixMilter, "@ADDR@", kind+w.milter)
	}
	if w.bcc != "" {
		host, port, err := net.SplitHostPort(w.bcc)
		if err != nil {
			return "", err
		}
		text += strings.NewReplacer("@HOST@", host, "@PORT@", port).Replace(postfixBcc)
	}
	return text, nil
}

func masterCF(addr string) string { return strings.ReplaceAll(postfixServices, "@ADDR@", addr) }

// startPostfix runs a Postfix with an empty queue.
func (s *servers) startPostfix(ctx context.Context, way postfixWay) (*server, error) {
	home, err := s.sharedFolder("postfix-*")
	if err != nil {
		return nil, err
	}
	running, err := s.launchPostfix(ctx, home, way)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home = home
	return running, nil
}

func (s *servers) launchPostfix(ctx context.Context, home string, way postfixWay) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	main, err := way.mainCF(home)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(home, "main.cf"), []byte(main), 0o644),
		os.WriteFile(filepath.Join(home, "master.cf"), []byte(masterCF(addr)), 0o644),
		makePostfixFolders(home))
	if err != nil {
		return nil, err
	}
	running, err := s.launch(ctx, addr, s.peers.postfix, "-c", home, "-d")
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(home, "log")) // it may have said nothing
		return nil, fmt.Errorf("%w: %s", err, log[max(len(log)-2000, 0):])
	}
	return running, nil
}

// makePostfixFolders makes the folders that "postfix check" would, which is slower.
func makePostfixFolders(home string) error {
	uid, err := accountID(user.Lookup("postfix"))
	if err != nil {
		return err
	}
	group, err := user.LookupGroup("postdrop")
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return err
	}
	folders := []struct {
		name     string
		mode     os.FileMode
		uid, gid int
	}{
		{"data", 0o700, uid, 0}, {"queue", 0o755, 0, 0}, {"queue/pid", 0o755, 0, 0},
		{"queue/maildrop", 0o730, uid, gid}, {"queue/public", 0o710, uid, gid},
	}
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		folders = append(folders, struct {
			name     string
			mode     os.FileMode
			uid, gid int
		}{"queue/" + name, 0o700, uid, 0})
	}
	for _, f := range folders {
		path := filepath.Join(home, f.name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(path, f.uid, f.gid), os.Chmod(path, f.mode)); err != nil {
			return err
		}
	}
	return nil
}

// drainTimeout ends a measurement whose mail does not leave Postfix's queue.
const drainTimeout = 2 * time.Minute

// drain waits until all mail has left the queue of a Postfix.
func drain(ctx context.Context, home string) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for {
		n, err := queued(filepath.Join(home, "queue"))
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(home, "log"))
			return fmt.Errorf("%d messages did not leave Postfix's queue: %w: %s", n, ctx.Err(), log[max(len(log)-1000, 0):])
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// queued counts the messages in a queue.
func queued(dir string) (n int, err error) {
	for _, name := range []string{"incoming", "active", "deferred"} {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(dir, name), func(_ string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it has left meanwhile
			}
			if err == nil && entry.Type().IsRegular() {
				n++
			}
			return err
		}))
	}
	return n, err
}
