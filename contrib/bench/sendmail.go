package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sendmailMC is an instance of its own, on the loopback interface only, that looks
// nothing up in the DNS and keeps what it takes in its queue.
const sendmailMC = "divert(0)dnl\n" +
	"OSTYPE(`linux')dnl\n" +
	"define(`confDOMAIN_NAME', `sendmail.bench.example')dnl\n" +
	"define(`QUEUE_DIR', `@DIR@/queue')dnl\n" +
	"define(`confPID_FILE', `@DIR@/pid')dnl\n" +
	"define(`STATUS_FILE', `@DIR@/statistics')dnl\n" +
	"define(`HELP_FILE', `@DIR@/helpfile')dnl\n" +
	"define(`ALIAS_FILE', `@DIR@/aliases')dnl\n" +
	"define(`confSERVICE_SWITCH_FILE', `@DIR@/service.switch')dnl\n" +
	"define(`confHOSTS_FILE', `@DIR@/hosts')dnl\n" +
	"define(`confDELIVERY_MODE', `queueonly')dnl\n" +
	"define(`confDONT_PROBE_INTERFACES', `True')dnl\n" +
	"define(`confTO_IDENT', `0s')dnl\n" +
	"define(`confQUEUE_LA', `1000')dnl\n" +
	"define(`confREFUSE_LA', `1000')dnl\n" +
	"define(`confDELAY_LA', `0')dnl\n" +
	"define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n" +
	"FEATURE(`nocanonify')dnl\n" +
	"FEATURE(`accept_unresolvable_domains')dnl\n" +
	"FEATURE(`promiscuous_relay')dnl\n" +
	"FEATURE(`no_default_msa')dnl\n" +
	"DAEMON_OPTIONS(`Family=inet, Name=MTA, Addr=@HOST@, Port=@PORT@')dnl\n"

// sendmailFilter has a milter asked about all mail, over TCP.
const sendmailFilter = "INPUT_MAIL_FILTER(`daybook', `S=inet:@PORT@@@HOST@, F=T, T=C:10s;S:30s;R:30s;E:5m')dnl\n"

// sendmailConfig makes sendmail.mc. The address of the milter may be empty.
func sendmailConfig(dir, addr, milter string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	text := strings.NewReplacer("@DIR@", dir, "@HOST@", host, "@PORT@", port).Replace(sendmailMC)
	if milter != "" {
		if host, port, err = net.SplitHostPort(milter); err != nil {
			return "", err
		}
		text += strings.NewReplacer("@HOST@", host, "@PORT@", port).Replace(sendmailFilter)
	}
	return text + "MAILER(`smtp')dnl\n", nil
}

// startSendmail runs a Sendmail with an empty queue.
func (s *servers) startSendmail(ctx context.Context, milter string) (*server, error) {
	home, err := s.sharedFolder("sendmail-*")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err == nil {
		err = s.configureSendmail(ctx, home, addr, milter)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	// Without a qualified name of this machine in the hosts file Sendmail sleeps for
	// a minute at every start.
	running, err := s.launch(ctx, addr, find("unshare"), "-m", "/bin/sh", "-c",
		`mount --bind "$0" /etc/hosts && exec "$@"`, filepath.Join(home, "hosts"),
		sendmailIn(s.peers.sendmail), "-C", filepath.Join(home, "sendmail.cf"), "-D", filepath.Join(home, "debug"), "-bD")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	running.home = home
	return running, nil
}

// configureSendmail writes what Sendmail reads.
func (s *servers) configureSendmail(ctx context.Context, home, addr, milter string) error {
	text, err := sendmailConfig(home, addr, milter)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(home, "queue"), 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"hosts":          "127.0.0.1 sendmail.bench.example localhost\n",
		"service.switch": "hosts files\naliases files\n",
		"sendmail.mc":    text,
		"statistics":     "", "helpfile": "", "aliases": "",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	macros := filepath.Join(s.peers.sendmail, "usr/share/sendmail/cf") + "/"
	cmd := exec.CommandContext(ctx, find("m4"), "-E", "-D_CF_DIR_="+macros, macros+"m4/cf.m4", filepath.Join(home, "sendmail.mc"))
	cf, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("making sendmail.cf with m4: %w", err)
	}
	return os.WriteFile(filepath.Join(home, "sendmail.cf"), cf, 0o644)
}

// sendmailMessages are sent one after another.
const sendmailMessages = 50

// measureSendmail sends messages to Sendmail, which asks Daybook over TCP, or
// nobody.
func (b *bench) measureSendmail(ctx context.Context, s subject) (f figures, err error) {
	set, err := b.set(s.SizeKB)
	if err != nil {
		return f, err
	}
	beside, way, err := b.behind(ctx, s.Server)
	if err != nil {
		return f, err
	}
	if beside != nil {
		defer func() { err = errors.Join(err, beside.close()) }()
	}
	running, err := b.servers.startSendmail(ctx, way.milter)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, running.close()) }()
	c, err := dialSMTP(running.addr, set.lmtp)
	if err != nil {
		return f, err
	}
	defer c.close()
	o := put(ctx, []client{c}, min(sendmailMessages, b.Messages))
	return newFigures(&o, set.bytes(o.sent), usage{}, usage{}), ctx.Err()
}
